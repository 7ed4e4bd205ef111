// Which earlier entries the author of the one being folded had seen: its own chain, and what its vector clock names.
import type { Database, Statement } from '../../native-deps/sqlite.js'

interface Origin {
  readonly device: number
  readonly sequence: number
}

const keptMax = 4096

export class Causality {
  readonly #origin: Statement<[number], Origin>
  readonly #clock: Statement<[number], string | null>
  readonly #kept = new Map<number, Origin | undefined>()
  #author: Origin = { device: 0, sequence: 0 }
  #seen: ReadonlyMap<number, number> = new Map()
  #alone = true

  constructor(database: Database) {
    this.#origin = database.prepare('SELECT device, sequence FROM moment WHERE position = ?')
    this.#clock = database.prepare('SELECT seen FROM moment WHERE position = ?', 'first')
  }

  /** `seen`: of other devices, the sequence up to which the author had read them. `alone`: no other device ever wrote. */
  enter(author: Origin, seen: ReadonlyMap<number, number>, alone: boolean): void {
    this.#author = author
    this.#seen = seen
    this.#alone = alone
  }

  /** With one device nothing is ever concurrent, and nothing need be looked up. */
  get alone(): boolean {
    return this.#alone
  }

  /** Whether the author folded the position himself, and has read nothing of others since. */
  isOwnAndLatest(position: number): boolean {
    if (this.#originOf(position)?.device !== this.#author.device) return false
    const then = new Map(decodeClock(this.#clock.get(position) ?? null))
    return then.size === this.#seen.size && [...this.#seen].every(([device, sequence]) => then.get(device) === sequence)
  }

  /** Whether the author knew what was folded at the position. */
  covers(position: number): boolean {
    if (this.#alone) return true
    const origin = this.#originOf(position)
    // The position being folded is not in the table yet, and is the author's own.
    if (origin === undefined) return true
    if (origin.device === this.#author.device) return origin.sequence <= this.#author.sequence
    return origin.sequence <= (this.#seen.get(origin.device) ?? 0)
  }

  #originOf(position: number): Origin | undefined {
    if (this.#kept.has(position)) return this.#kept.get(position)
    const origin = this.#origin.get(position)
    if (origin === undefined) return undefined
    if (this.#kept.size >= keptMax) this.#kept.clear()
    this.#kept.set(position, origin)
    return origin
  }

  /** Positions are given out anew. */
  forget(): void {
    this.#kept.clear()
  }
}

/** As the table of moments has it; null: nothing was seen of others. */
export function encodeClock(seen: ReadonlyMap<number, number>): string | null {
  return seen.size === 0 ? null : JSON.stringify([...seen])
}

export function decodeClock(seen: string | null): readonly (readonly [device: number, sequence: number])[] {
  return seen === null ? [] : JSON.parse(seen) as [number, number][]
}
