// The past of a damaged manifest: every entry that can be read, folded into a database that is nobody else's. What a lost
// entry created is not there, and what later ones say of it is left out; a past that was folded when the manifest was
// whole, and still is sound, goes before.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../../native-deps/sqlite.js'
import type { KeyPage } from '../crypto/key-page.js'
import { deviceOfChainName, SavedChain, type SavedPlace } from '../manifest/chain-salvage.js'
import { hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { Folding, type EntrySource, type FoldedEntry } from './folding.js'
import type { FoldEntry } from './fold.js'
import { openHistoryDatabase } from './schema.js'

export interface ChainGap {
  readonly device: string
  readonly from: number
  readonly to: number
}

export interface SavePast {
  /** The database, of a folder that is ours: a copy of the store's, when that is to be gone on from. */
  readonly path: string
  readonly manifestDirectory: string
  readonly vaultId: VaultId
  readonly page: KeyPage
  readonly step: (done: number, total: number) => Promise<void>
}

/** Between checkpoints of the database. */
const entriesBetween = 500

/** Finds what is whole; the caller closes each. */
export async function scanChains({ manifestDirectory, vaultId, page, step }: SavePast): Promise<{ readonly chains: readonly SavedChain[]; readonly gaps: readonly ChainGap[] }> {
  const chains: SavedChain[] = []
  const gaps: ChainGap[] = []
  for (const name of existsSync(manifestDirectory) ? readdirSync(manifestDirectory).sort() : []) {
    const deviceId = deviceOfChainName(name)
    if (deviceId === undefined) continue
    const chain = new SavedChain(join(manifestDirectory, name), deviceId, { vaultId, page })
    chains.push(chain)
    await chain.scan(step)
    for (const gap of await chain.missing()) gaps.push({ device: hex(deviceId), ...gap })
  }
  return { chains, gaps }
}

export class SavedPast {
  readonly database: Database
  readonly #sources: readonly SavedSource[]
  #folding: Folding

  private constructor(database: Database, sources: readonly SavedSource[]) {
    this.database = database
    this.#sources = sources
    this.#folding = this.#follow()
  }

  static async fold({ path, page, step }: SavePast, chains: readonly SavedChain[], isWhole: boolean): Promise<SavedPast> {
    const { database } = openHistoryDatabase({ path, key: page.key('history'), cacheBytes: limits.historyRebuildCacheBytes })
    database.exec('PRAGMA synchronous = OFF')
    const past = new SavedPast(database, chains.map((chain) => new SavedSource(chain, isWhole)))
    await past.#run(step)
    return past
  }

  /** Operations that name what no entry created that can be read. */
  get complaints(): number {
    return this.#folding.fold.complaints
  }

  close(): void {
    this.database.close()
  }

  #follow(): Folding {
    const folding = new Folding(this.database)
    folding.follow(this.#sources)
    return folding
  }

  async #run(step: SavePast['step']): Promise<void> {
    for (let entries = 1; this.#folding.isBehind; entries++) {
      this.#entry()
      if (entries % entriesBetween === 0) this.database.checkpoint('PASSIVE')
      const done = this.#sources.reduce((sum, source) => sum + source.taken, 0)
      await step(done, this.#sources.reduce((sum, source) => sum + source.count, 0))
    }
  }

  /** One, in a transaction of its own: one that makes no sense without what is lost is left out as a whole. */
  #entry(): void {
    try {
      this.database.transaction(() => {
        for (const _ of this.#folding.step()) continue
      })
    } catch (error) {
      if (!(error instanceof VaultError) || error.code === 'no-space' || error.code === 'io') throw error
      for (const source of this.#sources) source.leaveOut()
      this.#folding = this.#follow()
    }
  }
}

class SavedSource implements EntrySource {
  readonly deviceId: DeviceId
  readonly #chain: SavedChain
  readonly #isWhole: boolean
  readonly #leftOut = new Set<number>()
  #next = 0
  #peeked: FoldEntry | undefined

  constructor(chain: SavedChain, isWhole: boolean) {
    this.deviceId = chain.deviceId
    this.#chain = chain
    this.#isWhole = isWhole
  }

  get taken(): number {
    return this.#next
  }

  get count(): number {
    return this.#chain.places.length
  }

  peek(): FoldEntry | undefined {
    const place = this.#place()
    if (place !== undefined) this.#peeked ??= this.#read(place)
    return this.#peeked
  }

  take(): void {
    this.#peeked = undefined
    this.#next++
  }

  goTo(folded: FoldedEntry | undefined): boolean {
    const { places } = this.#chain
    this.#peeked = undefined
    const next = places.findIndex(({ sequence }) => sequence > (folded?.sequence ?? 0))
    this.#next = next < 0 ? places.length : next
    return true
  }

  /** What was peeked at can't be folded. */
  leaveOut(): void {
    if (this.#peeked !== undefined) this.#leftOut.add(this.#peeked.sequence)
  }

  #place(): SavedPlace | undefined {
    const { places } = this.#chain
    while (this.#leftOut.has(places[this.#next]?.sequence ?? 0)) this.#next++
    return places[this.#next]
  }

  #read(place: SavedPlace): FoldEntry {
    const { body: { lamport, sec, nsec, deps, operations }, hash, start, end, sequence } = this.#chain.read(place)
    // One that waits for a lost entry of another device would wait for ever.
    return { deviceId: this.deviceId, sequence, hash, start, end, lamport, sec, nsec, deps: this.#isWhole ? deps : [], operations }
  }
}
