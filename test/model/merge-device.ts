// One simulated device of a merge: its chain, what it has of the others' chains, and its own fold of all that.
import { sha256 } from '../../native-deps/sodium.js'
import { openPlain, type Database } from '../../native-deps/sqlite.js'
import type { Operation } from '../../lib/format/operations.js'
import { encodeMember } from '../../lib/format/member-record.js'
import type { FoldEntry } from '../../lib/history/fold.js'
import { Folding, type EntrySource, type FoldedEntry } from '../../lib/history/folding.js'
import { Rewind } from '../../lib/history/rewind.js'
import { createHistoryTables, openHistoryDatabase } from '../../lib/history/schema.js'
import { equalBytes, type DeviceId, type VaultId } from '../../lib/terms/bytes.js'
import { rowsOf } from './merge-view.js'

/** A chain as far as one device has it. */
export class ReceivedChain implements EntrySource {
  readonly deviceId: DeviceId
  readonly #entries: readonly FoldEntry[]
  #through = 0
  #taken = 0

  constructor(deviceId: DeviceId, entries: readonly FoldEntry[]) {
    this.deviceId = deviceId
    this.#entries = entries
  }

  get missing(): number {
    return this.#entries.length - this.#through
  }

  receive(count: number): void {
    this.#through = Math.min(this.#through + count, this.#entries.length)
  }

  peek(): FoldEntry | undefined {
    return this.#taken < this.#through ? this.#entries[this.#taken] : undefined
  }

  take(): void {
    this.#taken++
  }

  goTo(folded: FoldedEntry | undefined): boolean {
    this.#taken = folded?.sequence ?? 0
    const entry = this.#entries[this.#taken - 1]
    return this.#taken <= this.#entries.length && (folded === undefined || (entry !== undefined && equalBytes(entry.hash, folded.hash)))
  }
}

export interface Chain {
  readonly deviceId: DeviceId
  readonly name: string
  readonly entries: FoldEntry[]
}

const key = new Uint8Array(32).fill(7)

export class MergeDevice {
  chain!: Chain
  received: readonly ReceivedChain[] = []
  readonly #path: string | undefined
  #database!: Database
  #folding!: Folding

  /** `path`: of its database; left out, it is in memory. */
  constructor(path?: string) {
    this.#path = path
    this.#open()
  }

  /** A new life, in which it has nothing yet. */
  begin(chain: Chain, chains: readonly Chain[]): void {
    this.chain = chain
    this.received = chains.map(({ deviceId, entries }) => new ReceivedChain(deviceId, entries))
    this.#database.transaction(() => { this.#folding.fold.rewound(new Rewind(this.#database).to(0)) })
    this.#folding.fold.complaints = 0
    this.#follow()
  }

  get database(): Database {
    return this.#database
  }

  get complaints(): number {
    return this.#folding.fold.complaints
  }

  get position(): number {
    return this.#folding.fold.position
  }

  /** Folds what it has. `afterEach` sees the state after each entry. */
  catchUp(afterEach: (position: number) => void = () => undefined): void {
    this.#database.transaction(() => { while (this.foldOne()) afterEach(this.position) })
  }

  /** In a transaction of the caller's. */
  foldOne(): boolean {
    const step = this.#folding.step()
    for (;;) {
      const turn = step.next()
      if (turn.done === true) return turn.value > 0
    }
  }

  /** What was folded in one transaction is lost. */
  crash(): void {
    this.#database.begin()
    this.foldOne()
    this.foldOne()
    this.#database.rollback()
    this.#folding = new Folding(this.#database)
    this.#follow()
  }

  /** As after a restart. */
  reopen(): void {
    if (this.#path !== undefined) {
      this.#database.close()
      this.#open()
    } else this.#folding = new Folding(this.#database)
    this.#follow()
  }

  close(): void {
    this.#database.close()
  }

  /** Appends to its own chain what it saw and says. */
  publish(operations: readonly Operation[], sec: number): FoldEntry {
    const seen = rowsOf<{ id: Buffer; sequence: number }>(this.#database, 'SELECT id, sequence FROM device')
    const lamport = rowsOf<{ newest: number | null }>(this.#database, 'SELECT max(lamport) AS newest FROM moment')[0]?.newest ?? 0
    const { deviceId, entries } = this.chain
    const sequence = entries.length + 1
    const deps = seen.filter(({ id }) => !equalBytes(id, deviceId)).map(({ id, sequence: newest }) => ({ deviceId: id as Uint8Array as DeviceId, sequence: newest }))
    const hash = sha256(Buffer.concat([deviceId, Buffer.from(String(sequence))]))
    const entry: FoldEntry = { deviceId, sequence, hash, start: 0, end: 0, lamport: lamport + 1, sec, nsec: 0, deps, operations }
    entries.push(entry)
    this.received.find((each) => equalBytes(each.deviceId, deviceId))?.receive(1)
    this.catchUp()
    return entry
  }

  #open(): void {
    if (this.#path === undefined) {
      this.#database = openPlain(':memory:')
      createHistoryTables(this.#database)
    } else this.#database = openHistoryDatabase({ path: this.#path, key, cacheBytes: 4 * 1024 * 1024 }).database
    this.#folding = new Folding(this.#database)
  }

  #follow(): void {
    if (!this.#folding.follow(this.received)) throw new Error('the chains are not those that were folded')
  }
}

export function memberOperation(deviceId: DeviceId, name: string): Operation {
  const blank = new Uint8Array(32)
  const member = encodeMember({ vaultId: blank as VaultId, deviceId, signPublicKey: blank, boxPublicKey: blank, tlsPublicKey: blank, createdSec: 0, name })
  return { kind: 'member', record: Buffer.concat([member, new Uint8Array(64)]) }
}
