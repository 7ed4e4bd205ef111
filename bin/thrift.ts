// A daemon lives for months beside other programs: what it does not use any more goes back to the system. Buffers and
// database pages come and go in all sizes, so that half of malloc's heap was free and kept after half an hour of work
// (95 of 407 MiB were returned by the first call).
import { returnFreeMemory } from '../native-deps/system.js'

const intervalMs = 10_000

/** Begins; answers how to end it. */
export function thrifty(): () => void {
  let returning = false
  const timer = setInterval(() => {
    if (returning) return
    returning = true
    // It can't fail: without memory for its own few bytes it does nothing.
    void returnFreeMemory().finally(() => { returning = false })
  }, intervalMs)
  return () => { clearInterval(timer) }
}
