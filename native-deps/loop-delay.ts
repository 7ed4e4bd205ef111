// How long this thread's event loop keeps a request of the kernel waiting: see delay/delay.c. Costs one wake-up a
// millisecond while the loop has something to do, and nothing while it sleeps.
import { getSystemErrorName } from 'node:util'
import { fromErrno } from '../lib/terms/errors.js'
import { loadAddon } from './addon.js'

interface DelayAddon {
  begin(counts: Float64Array): number
  end(): void
}

/** Of delay.c. */
const buckets = 1024
const linearBits = 5

/** What a histogram tells of beside its percentiles, in milliseconds. */
export const delayBoundsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const

export interface DelayReport {
  /** Of all samples, milliseconds; 3 % above the truth at most. */
  readonly p50: number
  readonly p99: number
  readonly 'p99.9': number
  readonly max: number
  /** Samples: one a millisecond while there was something to do. */
  readonly count: number
  /** Of all of them, milliseconds. */
  readonly sum: number
  readonly sinceSec: number
  /** How many waited for at most so many milliseconds. */
  readonly atMost: readonly { readonly ms: number; readonly count: number }[]
}

/** Microseconds below which every sample of the bucket lies. */
function endOf(bucket: number): number {
  const shift = Math.max(0, (bucket >> linearBits) - 1)
  return (bucket - (shift << linearBits) + 1) * 2 ** shift
}

/** There is at most one in a process; on the thread that made it. */
export class LoopDelay {
  readonly #counts = new Float64Array(buckets + 1)
  readonly #addon = loadAddon('delay') as DelayAddon
  readonly #sinceMs = performance.now()

  /** Begins; keeps no event loop alive. */
  constructor() {
    const result = this.#addon.begin(this.#counts)
    if (result === 0) return
    const code = getSystemErrorName(result)
    throw fromErrno(Object.assign(new Error(`${code}: the delay of the event loop is not measured`), { code, errno: result }), 'event loop')
  }

  /** Since it began. */
  report(): DelayReport {
    const maxUs = this.#counts[buckets] ?? 0
    const counts = this.#counts.subarray(0, buckets)
    const count = counts.reduce((sum, each) => sum + each, 0)
    const below = (us: number): number => counts.reduce((sum, each, bucket) => (endOf(bucket) <= us ? sum + each : sum), 0)
    const quantile = (share: number): number => {
      let left = count * share
      const bucket = counts.findIndex((each) => (left -= each) <= 0 && each > 0)
      return bucket < 0 ? 0 : inMs(Math.min(endOf(bucket), maxUs))
    }
    // What lies in the bucket that a bound cuts counts as above it.
    return {
      p50: quantile(0.5), p99: quantile(0.99), 'p99.9': quantile(0.999), max: inMs(maxUs), count,
      sum: inMs(counts.reduce((sum, each, bucket) => sum + each * Math.min(endOf(bucket), maxUs), 0)),
      sinceSec: Math.round(performance.now() - this.#sinceMs) / 1000,
      atMost: delayBoundsMs.map((ms) => ({ ms, count: below(ms * 1000) })),
    }
  }

  /** Idempotent. */
  end(): void {
    this.#addon.end()
  }
}

function inMs(us: number): number {
  return Math.round(us) / 1000
}
