// The machine's clock and randomness, to be handed to lib, which takes nothing from the air.

import { randomFillSync } from 'node:crypto'
import type { Clock } from '../lib/terms/clock.js'
import type { Entropy } from '../lib/terms/entropy.js'

export const systemEntropy: Entropy = {
  bytes: (length) => {
    const bytes = new Uint8Array(length)
    randomFillSync(bytes)
    return bytes
  },
}

/** Milliseconds of Date would lose what utimens and statx can tell. */
const wallAtStart = BigInt(Date.now()) * 1_000_000n
const monotonicAtStart = process.hrtime.bigint()
const resyncNanoseconds = 1_000_000n
let offset = wallAtStart - monotonicAtStart

export const systemClock: Clock = {
  now: () => {
    const wall = BigInt(Date.now()) * 1_000_000n
    let nanoseconds = process.hrtime.bigint() + offset
    // Somebody set the clock, or it was slewed: follow it.
    if (nanoseconds < wall - resyncNanoseconds || nanoseconds > wall + 2n * resyncNanoseconds) {
      offset += wall - nanoseconds
      nanoseconds = wall
    }
    return { sec: Number(nanoseconds / 1_000_000_000n), nsec: Number(nanoseconds % 1_000_000_000n) }
  },
  monotonicMs: () => performance.now(),
}
