// Folds what several chains say, in the one order of all entries: (lamport, device, sequence). An entry that comes late,
// before what is folded already, takes the fold back to where it belongs. One whose author had seen what is not here yet
// waits for that.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import { hex, type DeviceId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { Fold, type FoldEntry } from './fold.js'
import { Rewind } from './rewind.js'

/** A chain as folding reads it: whoever implements it verifies what it hands out. */
export interface EntrySource {
  readonly deviceId: DeviceId
  /** The entry after the newest one that was taken; undefined: none yet. */
  peek(): FoldEntry | undefined
  take(): void
  /** The next entry is the one after this; undefined: the first. Answers false when the chain does not have it (any more). */
  goTo(folded: FoldedEntry | undefined): boolean
}

/** The newest folded entry of a chain. */
export interface FoldedEntry {
  readonly sequence: number
  readonly start: number
  readonly end: number
  readonly hash: Uint8Array
}

interface Newest {
  readonly position: number
  readonly lamport: number
  readonly id: Buffer
  readonly sequence: number
}

interface Next {
  readonly source: EntrySource
  readonly entry: FoldEntry
}

export class Folding {
  readonly fold: Fold
  readonly #rewind: Rewind
  readonly #folded: Statement<[Uint8Array], FoldedEntry>
  readonly #newest: Statement<[], Newest>
  readonly #before: Statement<[number, number, Uint8Array], number>
  readonly #lamport: Statement<[Uint8Array, number], number>
  readonly #reached: Statement<[], { id: Buffer; sequence: number }>
  #sources: readonly EntrySource[] = []
  /** Newest folded entry of each device. */
  readonly #sequences = new Map<string, number>()

  constructor(database: Database) {
    this.#rewind = new Rewind(database)
    this.fold = new Fold(database)
    this.#folded = database.prepare(`SELECT device.sequence AS sequence, device.hash AS hash, start, end FROM device
      JOIN moment ON moment.device = device.device AND moment.sequence = device.sequence WHERE id = ?`)
    this.#newest = database.prepare(`SELECT position, lamport, id, moment.sequence AS sequence FROM moment JOIN device USING (device)
      ORDER BY position DESC LIMIT 1`)
    this.#before = database.prepare(`SELECT position FROM moment JOIN device USING (device)
      WHERE lamport < ? OR (lamport = ? AND id < ?) ORDER BY position DESC LIMIT 1`, 'first')
    this.#lamport = database.prepare('SELECT lamport FROM moment JOIN device USING (device) WHERE id = ? AND moment.sequence = ?', 'first')
    this.#reached = database.prepare('SELECT id, sequence FROM device')
  }

  /** Answers false when a chain is not the one that was folded: then all must be folded anew. */
  follow(sources: readonly EntrySource[]): boolean {
    this.#sources = sources
    this.#sequences.clear()
    for (const { id, sequence } of this.#reached.all()) this.#sequences.set(hex(id), sequence)
    return sources.every((source) => source.goTo(this.#folded.get(source.deviceId)))
  }

  /** Whether there is an entry to fold. */
  get isBehind(): boolean {
    return this.#next() !== undefined
  }

  /**
   * One entry, in a transaction of the caller's: answers how many operations, 0 when there is no entry. To be run to its
   * end; between two steps the thread may do something else.
   */
  *step(): Generator<void, number> {
    let next = this.#next()
    if (next === undefined) return 0
    const newest = this.#newest.get()
    if (newest !== undefined && isBefore(next.entry, { lamport: newest.lamport, deviceId: newest.id, sequence: newest.sequence })) {
      this.#checkTime(next.entry)
      this.#goBackBefore(next.entry)
      next = this.#next()
      if (next === undefined) return 0
    }
    yield* this.fold.fold(next.entry)
    this.#sequences.set(hex(next.entry.deviceId), next.entry.sequence)
    next.source.take()
    return Math.max(1, next.entry.operations.length)
  }

  #next(): Next | undefined {
    let first: Next | undefined
    for (const source of this.#sources) {
      const entry = source.peek()
      if (entry !== undefined && (first === undefined || isBefore(entry, first.entry)) && this.#hasSeen(entry)) first = { source, entry }
    }
    return first
  }

  #hasSeen({ deps }: FoldEntry): boolean {
    return deps.every(({ deviceId, sequence }) => (this.#sequences.get(hex(deviceId)) ?? 0) >= sequence)
  }

  /** One that says that it is earlier than what it follows would be late for ever. */
  #checkTime({ deviceId, sequence, lamport, deps }: FoldEntry): void {
    for (const followed of [...deps, { deviceId, sequence: sequence - 1 }]) {
      if ((this.#lamport.get(followed.deviceId, followed.sequence) ?? 0) < lamport) continue
      const subject = `manifest entry ${sequence} of device ${hex(deviceId)}`
      throw new VaultError('chain-broken', `${subject}: its time is not later than that of an entry which it follows`, {
        subject, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
      })
    }
  }

  #goBackBefore({ lamport, deviceId }: FoldEntry): void {
    const position = this.#before.get(lamport, lamport, deviceId) ?? 0
    this.fold.rewound(this.#rewind.to(position))
    this.follow(this.#sources)
  }
}

interface Place {
  readonly lamport: number
  readonly deviceId: Uint8Array
  readonly sequence: number
}

function isBefore(one: Place, other: Place): boolean {
  if (one.lamport !== other.lamport) return one.lamport < other.lamport
  const devices = Buffer.compare(one.deviceId, other.deviceId)
  return devices === 0 ? one.sequence < other.sequence : devices < 0
}
