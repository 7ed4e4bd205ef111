// How often something may be done: so many times at once, then so many a second.
import type { Clock } from '../terms/clock.js'

export interface RateOptions {
  readonly burst: number
  readonly perSecond: number
}

export class TokenBucket {
  readonly #options: RateOptions
  readonly #clock: Clock
  #tokens: number
  #atMs: number

  constructor(options: RateOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#tokens = options.burst
    this.#atMs = clock.monotonicMs()
  }

  /** Seconds to wait, whole and at least 1; 0: go on. */
  take(): number {
    const now = this.#clock.monotonicMs()
    const { burst, perSecond } = this.#options
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#atMs) * perSecond) / 1000)
    this.#atMs = now
    if (this.#tokens < 1) return Math.max(1, Math.ceil((1 - this.#tokens) / perSecond))
    this.#tokens--
    return 0
  }

  /** Nothing has been taken for long: it may be forgotten. */
  get isFull(): boolean {
    return this.#tokens + ((this.#clock.monotonicMs() - this.#atMs) * this.#options.perSecond) / 1000 >= this.#options.burst
  }
}
