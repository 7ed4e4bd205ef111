// The manifest folded once more, from its first entry, into a database of its own: what was folded before is not
// believed. The database is sealed like the other, lies beside it for as long as it is used, and is then removed.
import type { KeyPage } from '../crypto/key-page.js'
import type { CutPoint, Operation } from '../format/operations.js'
import type { Database } from '../../native-deps/sqlite.js'
import { hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import { openChainSources, type ChainSource } from './chain-source.js'
import { Folding, type FoldedEntry } from './folding.js'
import { openHistoryDatabase, removeHistoryDatabase } from './schema.js'

export interface RefoldOptions {
  /** Of the database; what a crash left there is removed. */
  readonly path: string
  readonly manifestDirectory: string
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  readonly page: KeyPage
}

/** What an entry tells of the whole state. */
export interface ToldState extends Extract<Operation, { kind: 'state' }> {
  /** Of the entry in its chain. */
  readonly sequence: number
  /** Of the state: it may be that of an entry before. */
  readonly position: number
}

/** How far each chain is to be read, by its device in hexadecimal; and those that are not named. */
export interface Reach {
  readonly devices: ReadonlyMap<string, number>
  readonly others: number
}

export class Refold {
  readonly database: Database
  readonly #path: string
  readonly #options: RefoldOptions
  readonly #folding: Folding
  #sources: readonly ChainSource[] = []

  constructor(options: RefoldOptions) {
    const { path, page } = options
    this.#options = options
    this.#path = path
    removeHistoryDatabase(path)
    this.database = openHistoryDatabase({ path, key: page.key('history'), cacheBytes: limits.historyCacheBytes }).database
    // It never outlives a crash.
    this.database.exec('PRAGMA synchronous = OFF')
    this.#folding = new Folding(this.database)
  }

  /** Bytes of the chains, read and to read. */
  get progress(): { readonly read: number; readonly size: number } {
    return this.#sources.map(({ progress }) => progress).reduce((all, one) => ({ read: all.read + one.read, size: all.size + one.size }), { read: 0, size: 0 })
  }

  /** Operations that name what nobody created. */
  get complaints(): number {
    return this.#folding.fold.complaints
  }

  /**
   * Folds up to there, step by step. Throws 'chain-broken' or 'corrupt' at the first entry that is not as its device wrote it: what lies before it is folded then.
   */
  *to(reach: Reach): IterableIterator<void> {
    if (this.#sources.length === 0) {
      this.#sources = openChainSources({ ...this.#options, directory: this.#options.manifestDirectory })
      this.#folding.follow(this.#sources)
    }
    for (const source of this.#sources) source.through = reach.devices.get(hex(source.deviceId)) ?? reach.others
    for (let more = true; more;) {
      more = yield* this.#batch()
      this.database.checkpoint('PASSIVE')
    }
  }

  /** The newest that was told, when its state is that of a position here. */
  newestState(): ToldState | undefined {
    const sequence = this.database.prepare<[], number>("SELECT value FROM mark WHERE name = 'stateSequence'", 'first').get() ?? 0
    const before = this.database.prepare<[Uint8Array, number], FoldedEntry>(`SELECT moment.sequence AS sequence, start, end, moment.hash AS hash
      FROM moment JOIN device USING (device) WHERE id = ? AND moment.sequence = ?`)
    const sources = sequence === 0 ? [] : openChainSources({ ...this.#options, directory: this.#options.manifestDirectory })
    try {
      for (const source of sources) {
        const entry = source.goTo(before.get(source.deviceId, sequence - 1)) ? source.peek() : undefined
        const state = entry?.operations.find((operation) => operation.kind === 'state')
        const position = state === undefined ? undefined : this.#positionOf(state.cut)
        if (state !== undefined && position !== undefined) return { ...state, sequence, position }
      }
      return undefined
    } finally {
      for (const source of sources) source.close()
    }
  }

  /** Removes it. */
  close(): void {
    for (const source of this.#sources) source.close()
    this.database.close()
    removeHistoryDatabase(this.#path)
  }

  /** The position after just these entries; undefined: here they were not folded in one stretch. */
  #positionOf(cut: readonly CutPoint[]): number | undefined {
    const place = this.database.prepare<[Uint8Array, number], number>(
      'SELECT position FROM moment JOIN device USING (device) WHERE id = ? AND moment.sequence = ?', 'first',
    )
    const positions = cut.map(({ deviceId, sequence }) => place.get(deviceId, sequence) ?? Infinity)
    const position = Math.max(0, ...positions)
    const entries = cut.reduce((sum, { sequence }) => sum + sequence, 0)
    const folded = this.database.prepare<[number], number>('SELECT count(*) FROM moment WHERE position <= ?', 'first').get(position)
    return folded === entries ? position : undefined
  }

  /** One transaction; answers false when there is nothing left. */
  *#batch(): Generator<void, boolean> {
    this.database.begin()
    try {
      for (let operations = 0; operations < limits.historyBatchOperations;) {
        if (!this.#behind()) {
          this.database.commit()
          return false
        }
        operations += yield* this.#folding.step()
        yield
      }
      this.database.commit()
      return true
    } finally {
      this.database.rollback()
    }
  }

  /** Reading the next entry is where damage shows: what was folded before it counts. */
  #behind(): boolean {
    try {
      return this.#folding.isBehind
    } catch (error) {
      this.database.commit()
      throw error
    }
  }
}

/** What is folded: the newest entry of each chain. */
export function reachOf(database: Database): Reach {
  const rows = database.prepare<[], { id: Buffer; sequence: number }>('SELECT id, sequence FROM device').all()
  return { devices: new Map(rows.map(({ id, sequence }) => [hex(id as Uint8Array as DeviceId), sequence])), others: 0 }
}
