// Everything that the past is asked, by name: over one connection, which sees whole entries only. What takes long goes in
// steps, between which others are answered.
import { KeyedHasher } from '../../native-deps/blake3.js'
import type { Database } from '../../native-deps/sqlite.js'
import type { KeyPage } from '../crypto/key-page.js'
import type {
  EntryVersion, FoundName, HistoryDifference, HistoryStatus, PastDirent, PastEntry,
  Position, PublishedMoment, RetainedMoment, SnapshotName, StateAge, StateCursor, StatePart,
} from '../store/history-port.js'
import type { RetentionPolicy } from '../terms/retention.js'
import { limits } from '../terms/limits.js'
import { CurrentRows } from './current-rows.js'
import { Differences } from './differences.js'
import { EntryVersions } from './entry-versions.js'
import { NameSearch } from './find-names.js'
import { Lookups } from './lookups.js'
import { Moments } from './moments.js'
import { selectKept } from './retention.js'
import { StatePages, stateRoot } from './state-pages.js'

/** Past versions that one step of `prunable` looks at. */
const prunableStep = 20_000

export interface QuestionsParts {
  readonly page: KeyPage
  readonly breathe: () => Promise<void>
  /** Sequences of our own chain: folded, and on the disk. */
  readonly progress: () => { readonly folded: number; readonly durable: number }
}

export class Questions {
  readonly #database: Database
  readonly #parts: QuestionsParts
  readonly #moments: Moments
  readonly #lookups: Lookups
  readonly #versions: EntryVersions
  readonly #differences: Differences
  readonly #search: NameSearch
  readonly #states: StatePages
  #pageHasher: KeyedHasher | undefined

  constructor(database: Database, parts: QuestionsParts) {
    this.#database = database
    this.#parts = parts
    this.#moments = new Moments(database)
    this.#lookups = new Lookups(database, this.#moments)
    this.#versions = new EntryVersions(database, this.#moments, this.#lookups)
    this.#differences = new Differences(database, this.#moments, this.#lookups)
    this.#states = new StatePages(database, this.#moments, this.#lookups)
    this.#search = new NameSearch(database, this.#moments, this.#lookups)
  }

  /** The tables have changed. */
  changed(): void {
    this.#moments.changed()
    this.#lookups.changed()
  }

  close(): void {
    this.#pageHasher?.wipe()
  }

  status(): HistoryStatus {
    const count = (table: string): number => this.#database.prepare<[], number>(`SELECT count(*) FROM ${table}`, 'first').get() ?? 0
    const { folded, durable } = this.#parts.progress()
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
      await this.#parts.breathe()
    }
  }

  async findNames(pattern: string, limit: number): Promise<readonly FoundName[]> {
    const search = this.#search.find(pattern, limit)
    for (;;) {
      const step = search.next()
      if (step.done === true) return step.value
      await this.#parts.breathe()
    }
  }

  contents(after: number, limit: number): { readonly contents: readonly { readonly content: number; readonly bytes: Uint8Array }[]; readonly total: number } {
    const rows = new CurrentRows(this.#database)
    return { contents: rows.contents(after, limit), total: rows.contentCount() }
  }

  statePart(position: Position, cursor: StateCursor | undefined): StatePart {
    return this.#states.part(position, cursor)
  }

  stateRoot(pageIds: readonly Uint8Array[], records: number): Uint8Array {
    this.#pageHasher ??= new KeyedHasher(this.#parts.page.key('page-id'))
    return stateRoot(pageIds, records, this.#pageHasher)
  }

  stateAge(): StateAge {
    const mark = this.#database.prepare<[string], number>('SELECT value FROM mark WHERE name = ?', 'first')
    return { sequence: mark.get('stateSequence') ?? 0, operations: mark.get('stateOperations') ?? 0, entries: new CurrentRows(this.#database).count() }
  }

  cut(position: Position): readonly { readonly deviceId: Uint8Array; readonly sequence: number; readonly hash: Uint8Array }[] {
    return this.#database.prepare<[number], { deviceId: Buffer; sequence: number; hash: Buffer }>(`SELECT id AS deviceId, moment.sequence AS sequence, moment.hash AS hash
      FROM device JOIN moment ON moment.position = (SELECT max(position) FROM moment AS its WHERE its.device = device.device AND its.position <= ?)`).all(position)
  }

  async prunable(policy: RetentionPolicy, nowSec: number): Promise<{ readonly moments: number; readonly versions: number }> {
    const named = new Set(this.#moments.snapshots().map(({ moment }) => moment.position))
    const all = this.#database.prepare<[], { position: number; sec: number }>('SELECT position, sec FROM moment WHERE kept = 1 ORDER BY position DESC').all()
    const kept = selectKept(all, named, policy, nowSec)
    const stay = [...kept.keys()].sort((a, b) => a - b)
    const moments = all.length - kept.size
    // Each hour asks, and mostly there is nothing.
    if (moments === 0) return { moments, versions: 0 }
    const rows = this.#database.prepare<[number, number], { version: number; began: number; ended: number }>('SELECT version, began, ended FROM past_version WHERE version > ? ORDER BY version LIMIT ?')
    let versions = 0
    for (let batch = rows.all(0, prunableStep); batch.length > 0; batch = rows.all(batch.at(-1)?.version ?? Infinity, prunableStep)) {
      for (const { began, ended } of batch) if (!hasBetween(stay, began, ended)) versions++
      await this.#parts.breathe()
    }
    return { moments, versions }
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
