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

/** Milliseconds of Date would lose what utimens and statx can tell: what is added to the monotonic clock. */
let [offsetSec, offsetNsec] = [0, 0]

export const systemClock: Clock = {
  now: () => {
    const wallMs = Date.now()
    const [monotonicSec, monotonicNsec] = process.hrtime()
    let sec = monotonicSec + offsetSec
    let nsec = monotonicNsec + offsetNsec
    if (nsec >= 1e9) {
      sec++
      nsec -= 1e9
    }
    // Date says the beginning of its millisecond. Further away somebody set the clock, or it was slewed: follow it.
    const aheadMs = sec * 1000 - wallMs + nsec / 1e6
    if (aheadMs >= -1 && aheadMs <= 2) return { sec, nsec }
    sec = Math.floor(wallMs / 1000)
    nsec = (wallMs - sec * 1000) * 1e6
    offsetSec = sec - monotonicSec
    offsetNsec = nsec - monotonicNsec
    if (offsetNsec < 0) {
      offsetSec--
      offsetNsec += 1e9
    }
    return { sec, nsec }
  },
  monotonicMs: () => performance.now(),
}
