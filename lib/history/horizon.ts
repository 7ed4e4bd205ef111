// How far back a fold may still have to go: what every device has seen by its newest entry comes before everything that
// any of them will ever tell.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import { decodeClock } from './causality.js'

interface Newest {
  readonly sequence: number
  readonly seen: string | null
}

export class Horizon {
  readonly #devices: Statement<[], number>
  readonly #newest: Statement<[number, number], Newest>
  readonly #place: Statement<[number, number, number], number>
  readonly #settled: Statement<[number], number>

  constructor(database: Database) {
    this.#devices = database.prepare('SELECT device FROM device ORDER BY device', 'first')
    this.#newest = database.prepare('SELECT sequence, seen FROM moment WHERE device = ? AND position <= ? ORDER BY sequence DESC LIMIT 1')
    this.#settled = database.prepare(`SELECT position FROM moment WHERE lamport < (SELECT lamport FROM moment WHERE position = ?)
      ORDER BY position DESC LIMIT 1`, 'first')
    this.#place = database.prepare('SELECT position FROM moment WHERE device = ? AND sequence = ? AND position <= ?', 'first')
  }

  /** No device but one ever wrote. */
  get isAlone(): boolean {
    return this.#devices.all().length === 1
  }

  /** The newest position whose entry is earlier by its time, not only by its device. */
  settled(position: number): number {
    return this.#settled.get(position) ?? 0
  }

  /** Every device had seen all entries up to the answered position when the given one was the newest. */
  before(position: number): number {
    const devices = this.#devices.all()
    const least = new Map(devices.map((device) => [device, Infinity]))
    for (const author of devices) {
      const newest = this.#newest.get(author, position)
      const seen = new Map(decodeClock(newest?.seen ?? null)).set(author, newest?.sequence ?? 0)
      for (const [device, sequence] of least) least.set(device, Math.min(sequence, seen.get(device) ?? 0))
    }
    const unseen = [...least].map(([device, sequence]) => this.#place.get(device, sequence + 1, position) ?? Infinity)
    return Math.min(position, ...unseen.map((place) => place - 1))
  }
}
