// When a node that failed is tried again: later each time, and never all at one moment.
import { limits } from '../terms/limits.js'

export class Backoff {
  readonly #random: () => number
  #failures = 0
  #failedMs = 0
  #untilMs = 0
  /** It said so. */
  #notBeforeMs = 0

  /** `random`: from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  /** `afterMs`: it asked not to be tried before; what it may ask has a bound. */
  failed(nowMs: number, afterMs = 0): void {
    const ms = Math.min(limits.syncRetryMsMax, limits.syncRetryMsMin * 2 ** Math.min(this.#failures, 30))
    this.#failures++
    this.#failedMs = nowMs
    this.#notBeforeMs = nowMs + Math.min(afterMs, limits.syncRetryAfterMsMax)
    this.#untilMs = Math.max(nowMs + ms * (0.5 + this.#random() / 2), this.#notBeforeMs)
  }

  /** It answers, or somebody wants to know now. */
  reset(): void {
    this.#failures = 0
    this.#untilMs = 0
    this.#notBeforeMs = 0
  }

  /** Something new is to be carried: it is worth a try soon, but not at each change. */
  soon(): void {
    this.#untilMs = Math.max(Math.min(this.#untilMs, this.#failedMs + limits.syncRetryNewMs), this.#notBeforeMs)
  }

  /** 0: at once. */
  leftMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs)
  }
}
