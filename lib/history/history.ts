// The past of one vault: a database folded from the manifest, brought up to date entry by entry, and asked. Everything
// here is one thread's. What takes long goes in steps, between which others are answered; what is asked sees whole
// entries only, since it reads through a connection of its own.
import type { KeyPage } from '../crypto/key-page.js'
import { KeyedHasher } from '../../native-deps/blake3.js'
import { openSealed, type Database } from '../../native-deps/sqlite.js'
import type {
  EntryVersion, FoundName, HistoryDifference, HistoryStatus, PastDirent, PastEntry, Position, PublishedMoment, RetainedMoment,
  RetentionPolicy, SnapshotName, StateAge, StateCursor, StatePart,
} from '../store/history-port.js'
import type { DeviceId, VaultId } from '../terms/bytes.js'
import { equalBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { openChainSources, type ChainSource } from './chain-source.js'
import { CurrentRows } from './current-rows.js'
import { Differences } from './differences.js'
import { EntryVersions } from './entry-versions.js'
import { NameSearch } from './find-names.js'
import { Folding } from './folding.js'
import { Lookups } from './lookups.js'
import { Moments } from './moments.js'
import { openHistoryDatabase, removeHistoryDatabase } from './schema.js'
import { selectKept } from './retention.js'
import { StatePages, stateRoot } from './state-pages.js'

export interface OpenHistory {
  /** The database's file. */
  readonly path: string
  readonly manifestDirectory: string
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  /** This device: its chain is read only as far as it says. */
  readonly deviceId: DeviceId
  readonly page: KeyPage
  /** Pages of the database that folding keeps in memory. */
  readonly cacheBytes: number
  /** Gives the thread to others for a moment. */
  readonly breathe: () => Promise<void>
  readonly monotonicMs: () => number
}

export class History {
  readonly #options: OpenHistory
  #writer!: Database
  #reader!: Database
  #folding!: Folding
  #moments!: Moments
  #lookups!: Lookups
  #versions!: EntryVersions
  #differences!: Differences
  #search!: NameSearch
  #states!: StatePages
  #pageHasher: KeyedHasher | undefined
  #sources: readonly ChainSource[] = []
  /** Sequence up to which our own chain is on the disk. */
  #durable = 0
  #running: Promise<void> | undefined
  #sliceBegan = 0
  #stopping = false

  constructor(options: OpenHistory) {
    this.#options = options
    this.#open()
  }

  /** Entries of our own chain up to here are on the disk. */
  durableThrough(sequence: number): void {
    if (sequence > this.#durable) this.#durable = sequence
  }

  /** Folds everything that is durable now. Joins the run under way, which takes what comes meanwhile along. */
  catchUp(): Promise<void> {
    this.#running ??= this.#catchUp().finally(() => { this.#running = undefined })
    return this.#running
  }

  /** Ends the folding under way behind its batch: the next opening goes on from there. */
  stop(): void {
    this.#stopping = true
  }

  /** Sequence of our own chain up to which everything is folded, and bytes of all chains read and to read. */
  get progress(): { readonly folded: number; readonly durable: number; readonly read: number; readonly size: number } {
    const own = this.#sources.find(({ deviceId }) => equalBytes(deviceId, this.#options.deviceId))
    const sum = this.#sources.map(({ progress }) => progress).reduce((all, one) => ({ read: all.read + one.read, size: all.size + one.size }), { read: 0, size: 0 })
    return { folded: own === undefined ? 0 : this.#foldedOf(own), durable: this.#durable, ...sum }
  }

  /** Operations that name what nobody created. */
  get complaints(): number {
    return this.#folding.fold.complaints
  }

  get database(): Database {
    return this.#reader
  }

  close(): void {
    for (const source of this.#sources) source.close()
    this.#pageHasher?.wipe()
    this.#reader.close()
    this.#writer.checkpoint('TRUNCATE')
    this.#writer.close()
  }

  // questions

  status(): HistoryStatus {
    const count = (table: string): number => this.#reader.prepare<[], number>(`SELECT count(*) FROM ${table}`, 'first').get() ?? 0
    const { folded, durable } = this.progress
    return {
      position: this.#moments.newest()?.position ?? 0, folded, entries: durable, moments: count('moment WHERE kept = 1'),
      currentRows: count('version') + count('dirent'), pastRows: count('past_version') + count('past_dirent'),
    }
  }

  at(sec: number): PublishedMoment | undefined {
    return this.#moments.at(sec)
  }

  newest(): PublishedMoment | undefined {
    return this.#moments.newest()
  }

  oldest(): PublishedMoment | undefined {
    return this.#moments.oldest()
  }

  retained(policy: RetentionPolicy, nowSec: number): readonly RetainedMoment[] {
    return this.#moments.retained(policy, nowSec)
  }

  snapshots(): readonly SnapshotName[] {
    return this.#moments.snapshots()
  }

  snapshot(name: string): SnapshotName | undefined {
    return this.#moments.snapshot(name)
  }

  entry(position: Position, ino: number): PastEntry | undefined {
    return this.#lookups.entry(position, ino)
  }

  version(version: number): PastEntry | undefined {
    return this.#lookups.version(version)
  }

  lookup(position: Position, parent: number, name: string): PastEntry | undefined {
    return this.#lookups.lookup(position, parent, name)
  }

  list(position: Position, parent: number, after: number, limit: number): readonly PastDirent[] {
    return this.#lookups.list(position, parent, after, Math.min(limit, limits.historyListMax))
  }

  pathOf(position: Position, ino: number): string | undefined {
    return this.#lookups.pathOf(position, ino)
  }

  versions(ino: number, before: Position, limit: number): readonly EntryVersion[] {
    return this.#versions.of(ino, before, limit)
  }

  async differences(from: Position, to: Position, directory: number, onBatch: (batch: readonly HistoryDifference[]) => void): Promise<void> {
    for (const batch of this.#differences.between(from, to, directory)) {
      if (batch.length > 0) onBatch(batch)
      await this.#options.breathe()
    }
  }

  async findNames(pattern: string, limit: number): Promise<readonly FoundName[]> {
    const search = this.#search.find(pattern, limit)
    for (;;) {
      const step = search.next()
      if (step.done === true) return step.value
      await this.#options.breathe()
    }
  }

  contents(after: number, limit: number): { readonly contents: readonly { readonly content: number; readonly bytes: Uint8Array }[]; readonly total: number } {
    const rows = new CurrentRows(this.#reader)
    return { contents: rows.contents(after, limit), total: rows.contentCount() }
  }

  statePart(position: Position, cursor: StateCursor | undefined): StatePart {
    return this.#states.part(position, cursor)
  }

  stateRoot(pageIds: readonly Uint8Array[], records: number): Uint8Array {
    this.#pageHasher ??= new KeyedHasher(this.#options.page.key('page-id'))
    return stateRoot(pageIds, records, this.#pageHasher)
  }

  stateAge(): StateAge {
    const mark = this.#reader.prepare<[string], number>('SELECT value FROM mark WHERE name = ?', 'first')
    return { sequence: mark.get('stateSequence') ?? 0, operations: mark.get('stateOperations') ?? 0 }
  }

  cut(position: Position): readonly { readonly deviceId: Uint8Array; readonly sequence: number; readonly hash: Uint8Array }[] {
    return this.#reader.prepare<[number], { deviceId: Buffer; sequence: number; hash: Buffer }>(`SELECT id AS deviceId, moment.sequence AS sequence, moment.hash AS hash
      FROM device JOIN moment ON moment.position = (SELECT max(position) FROM moment AS its WHERE its.device = device.device AND its.position <= ?)`).all(position)
  }

  prunable(policy: RetentionPolicy, nowSec: number): { readonly moments: number; readonly versions: number } {
    const named = new Set(this.#moments.snapshots().map(({ moment }) => moment.position))
    const all = this.#reader.prepare<[], { position: number; sec: number }>('SELECT position, sec FROM moment WHERE kept = 1 ORDER BY position DESC').all()
    const kept = selectKept(all, named, policy, nowSec)
    const stay = [...kept.keys()].sort((a, b) => a - b)
    let versions = 0
    for (const { began, ended } of this.#reader.prepare<[], { began: number; ended: number }>('SELECT began, ended FROM past_version').iterate()) {
      if (!hasBetween(stay, began, ended)) versions++
    }
    return { moments: all.length - kept.size, versions }
  }

  // folding

  async #catchUp(): Promise<void> {
    while (!this.#stopping) {
      // What became durable meanwhile is taken along.
      this.#follow()
      if (!this.#folding.isBehind) return
      await this.#foldBatch()
      this.#moments.changed()
      this.#lookups.changed()
      this.#writer.checkpoint('PASSIVE')
    }
  }

  /** One transaction: some thousand operations, or all there are. */
  async #foldBatch(): Promise<void> {
    this.#sliceBegan = this.#options.monotonicMs()
    this.#writer.begin()
    try {
      for (let operations = 0; operations < limits.historyBatchOperations;) {
        const step = this.#folding.step()
        let turn = step.next()
        for (; turn.done !== true; turn = step.next()) await this.#breatheWhenDue()
        if (turn.value === 0) break
        operations += turn.value
        await this.#breatheWhenDue()
      }
      this.#writer.commit()
    } catch (error) {
      this.#writer.rollback()
      // What the fold remembers of numbers may be ahead of the tables now.
      this.#folding = new Folding(this.#writer)
      this.#folding.follow(this.#sources)
      throw error
    }
  }

  async #breatheWhenDue(): Promise<void> {
    if (this.#options.monotonicMs() - this.#sliceBegan < limits.historySliceMs) return
    await this.#options.breathe()
    this.#sliceBegan = this.#options.monotonicMs()
  }

  /** Chains may have come since; ours is read as far as it is durable. */
  #follow(): void {
    const { manifestDirectory, page, vaultId, ownerPublicKey, deviceId } = this.#options
    if (this.#sources.length === 0) {
      this.#sources = openChainSources({ directory: manifestDirectory, page, vaultId, ownerPublicKey })
      if (!this.#folding.follow(this.#sources)) this.#beginAnew()
    }
    for (const source of this.#sources) if (equalBytes(source.deviceId, deviceId)) source.through = this.#durable
  }

  /** The database tells of entries that the chains don't have: it is older or newer than they are, so it counts for nothing. */
  #beginAnew(): void {
    this.#reader.close()
    this.#writer.close()
    removeHistoryDatabase(this.#options.path)
    this.#open()
    if (!this.#folding.follow(this.#sources)) throw new VaultError('chain-broken', 'The manifest can not be read from its beginning', { subject: 'manifest' })
  }

  #open(): void {
    const { path, page } = this.#options
    const key = page.key('history')
    this.#writer = openHistoryDatabase({ path, key, cacheBytes: this.#options.cacheBytes }).database
    this.#reader = openSealed(path, key, { synchronous: 'NORMAL', cacheBytes: limits.historyCacheBytes })
    this.#folding = new Folding(this.#writer)
    this.#moments = new Moments(this.#reader)
    this.#lookups = new Lookups(this.#reader, this.#moments)
    this.#versions = new EntryVersions(this.#reader, this.#moments, this.#lookups)
    this.#differences = new Differences(this.#reader, this.#moments, this.#lookups)
    this.#states = new StatePages(this.#reader, this.#moments, this.#lookups)
    this.#search = new NameSearch(this.#reader, this.#moments, this.#lookups)
  }

  #foldedOf({ deviceId }: ChainSource): number {
    return this.#reader.prepare<[Uint8Array], number>('SELECT sequence FROM device WHERE id = ?', 'first').get(deviceId) ?? 0
  }
}

function hasBetween(sorted: readonly number[], from: number, to: number): boolean {
  let low = 0
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < from) low = middle + 1
    else high = middle
  }
  return (sorted[low] ?? Infinity) < to
}
