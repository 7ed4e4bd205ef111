// A clock that stands still until it is told to go on.
import type { Clock } from '../../lib/terms/clock.js'

export class TestClock implements Clock {
  #ms: number

  constructor(startMs = 1_700_000_000_000) {
    this.#ms = startMs
  }

  now(): { readonly sec: number; readonly nsec: number } {
    const sec = Math.floor(this.#ms / 1000)
    return { sec, nsec: Math.round((this.#ms - sec * 1000) * 1e6) }
  }

  monotonicMs(): number {
    return this.#ms
  }

  advance(ms: number): void {
    this.#ms += ms
  }
}
