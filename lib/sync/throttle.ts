// Bytes a second in each direction, shared by all nodes. What was carried is paid for afterwards: the next step waits until
// the debt is gone, so that the average holds whatever one step takes.
import type { Clock } from '../terms/clock.js'
import { limits } from '../terms/limits.js'
import { ratesAt, type SyncLimits, type SyncRates } from '../terms/sync-limits.js'

/** A step is at most about a second's worth, and at least this. */
const stepBytesMin = 64 * 1024
/** A schedule may say something else by then. */
const lookMs = 1000

export class Throttle {
  readonly #limits: SyncLimits
  readonly #clock: Clock
  #debt = { up: 0, down: 0 }
  #paidMs: number

  constructor(limits: SyncLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#paidMs = clock.monotonicMs()
  }

  get rates(): SyncRates {
    const local = new Date(this.#clock.now().sec * 1000)
    return ratesAt(this.#limits, local.getHours() * 60 + local.getMinutes())
  }

  /** By the schedule nothing is carried now. */
  get isOff(): boolean {
    return this.rates.up === 0
  }

  /** Of `syncPutBytes`, what one step may take. */
  get stepBytes(): number {
    return Math.max(stepBytesMin, Math.min(limits.syncPutBytes, this.rates.up))
  }

  carried(up: number, down: number): void {
    this.#pay()
    this.#debt.up += up
    this.#debt.down += down
  }

  /** Resolves when there is room in both directions, or nothing may be carried at all. `wait` may end early, and reject. */
  async room(wait: (ms: number) => Promise<void>): Promise<void> {
    for (;;) {
      this.#pay()
      const { up, down } = this.rates
      const ms = Math.max(this.#debt.up > 0 ? (1000 * this.#debt.up) / up : 0, this.#debt.down > 0 ? (1000 * this.#debt.down) / down : 0)
      if (up === 0 || ms < 1) return
      await wait(Math.min(ms, lookMs))
    }
  }

  #pay(): void {
    const now = this.#clock.monotonicMs()
    const sec = Math.max(0, now - this.#paidMs) / 1000
    this.#paidMs = now
    const { up, down } = this.rates
    const paid = (debt: number, rate: number): number => (rate === Infinity ? 0 : Math.max(0, debt - rate * sec))
    this.#debt = { up: paid(this.#debt.up, up), down: paid(this.#debt.down, down) }
  }
}
