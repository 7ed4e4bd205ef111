// The figure that a user gives, and what each part gets of it.

import t from 'tap'
import { limits } from '../../../lib/terms/limits.js'
import { memoryLimits, memoryMib, usualMemory, type MemoryLimits } from '../../../lib/terms/memory.js'

const { arenaBytes, readSlots, smallReadSlots, sealSlots, openedFramesMax, catalogCacheBytes, pagesCachedMax, cachedEntriesBytes, indexCacheBytes, historyCacheBytes } = limits
t.strictSame(
  usualMemory,
  {
    arenaBytes, readSlots, smallReadSlots, sealSlots, openedFramesMax, catalogCacheBytes, pagesCachedMax, cachedEntriesBytes, indexCacheBytes,
    historyCacheBytes,
  },
  'the usual figure is what limits.ts says',
)

/** MiB; three reading threads. */
function sum(memory: MemoryLimits): number {
  const { arenaBytes, readSlots, smallReadSlots, sealSlots, openedFramesMax } = memory
  const caches = memory.catalogCacheBytes + memory.indexCacheBytes + 2 * memory.historyCacheBytes + memory.cachedEntriesBytes
  return (arenaBytes + caches) / 2 ** 20 + readSlots + smallReadSlots / 16 + sealSlots + (3 * openedFramesMax) / 16
}
for (const mib of [memoryMib.min, 16, 64, memoryMib.usual, 1024]) {
  t.ok(sum(memoryLimits(mib)) <= Math.max(mib * 1.1, mib + 4), `${String(mib)} MiB are hardly passed`)
  t.equal(memoryLimits(mib).arenaBytes % 65536, 0, 'whole blocks')
}
const least = memoryLimits(memoryMib.min)
t.ok(least.sealSlots >= 2, 'a megabyte of sealed extents does not fit into one slot')
t.ok(least.arenaBytes >= 2 * limits.readBytesMax, 'the largest write fits while another is on its way')
