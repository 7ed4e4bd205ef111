// How much one key may ask: so many requests a second, so many at once. Forgotten when it asks nothing for a while.
import { BusyFor } from '../terms/busy-for.js'
import type { Clock } from '../terms/clock.js'
import { nodeLimits } from './node-limits.js'
import { TokenBucket } from './request-rate.js'

interface OneKey {
  readonly bucket: TokenBucket
  atOnce: number
}

export class KeyRates {
  readonly #clock: Clock
  readonly #keys = new Map<string, OneKey>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Answers what to call when the request has been answered. Throws 'busy'. */
  begin(key: string): () => void {
    const one = this.#keys.get(key) ?? { bucket: new TokenBucket({ burst: nodeLimits.requestsBurst, perSecond: nodeLimits.requestsPerSecond }, this.#clock), atOnce: 0 }
    this.#keys.set(key, one)
    const afterSec = one.atOnce >= nodeLimits.requestsAtOncePerKey ? 1 : one.bucket.take()
    if (afterSec > 0) throw new BusyFor('too many requests', afterSec, { next: 'ask less often' })
    one.atOnce++
    return () => { one.atOnce-- }
  }

  /** Called now and then. */
  forgetIdle(): void {
    for (const [key, { bucket, atOnce }] of this.#keys) if (atOnce === 0 && bucket.isFull) this.#keys.delete(key)
  }
}
