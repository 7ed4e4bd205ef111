// How much memory is set aside for data on its way and for what is kept at hand, from one figure; each part has its share
// of it. What the program itself takes, and what workers hold while they cut, comes on top.
import { limits } from './limits.js'

const mebibyte = 1024 * 1024
const blockBytes = 65536

/** `usual`: what the parts in limits.ts come to. Below `min` requests would wait for each other's room all the time. */
export const memoryMib = { min: 8, usual: 160, max: 4096 } as const

export interface MemoryLimits {
  readonly arenaBytes: number
  readonly readSlots: number
  readonly smallReadSlots: number
  readonly sealSlots: number
  /** Of each reading thread. */
  readonly openedFramesMax: number
  readonly catalogCacheBytes: number
  readonly pagesCachedMax: number
  readonly cachedEntriesBytes: number
  readonly indexCacheBytes: number
  /** Of each of its two connections. */
  readonly historyCacheBytes: number
}

export function memoryLimits(mib: number): MemoryLimits {
  const share = (usual: number, least: number): number => Math.max(Math.round((usual * mib) / memoryMib.usual), least)
  return {
    arenaBytes: share(limits.arenaBytes / blockBytes, 2 * mebibyte / blockBytes) * blockBytes,
    readSlots: share(limits.readSlots, 2),
    smallReadSlots: share(limits.smallReadSlots, 4),
    // One call of a spill may need two.
    sealSlots: share(limits.sealSlots, 2),
    openedFramesMax: share(limits.openedFramesMax, 4),
    catalogCacheBytes: share(limits.catalogCacheBytes, mebibyte),
    pagesCachedMax: share(limits.pagesCachedMax, 8),
    cachedEntriesBytes: share(limits.cachedEntriesBytes, mebibyte / 4),
    indexCacheBytes: share(limits.indexCacheBytes, mebibyte / 4),
    historyCacheBytes: share(limits.historyCacheBytes, mebibyte / 4),
  }
}

export const usualMemory: MemoryLimits = memoryLimits(memoryMib.usual)
