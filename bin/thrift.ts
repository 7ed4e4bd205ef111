// A daemon lives for months beside other programs: what it does not use any more goes back to the system. Buffers and
// database pages come and go in all sizes, so that half of malloc's heap was free and kept after half an hour of work
// (95 of 407 MiB were returned by the first call).
import { setFlagsFromString } from 'node:v8'
import { returnFreeMemory } from '../native-deps/system.js'

const intervalMs = 10_000

/**
 * Before the first thread is made. The launcher's --max-semi-space-size is for the main thread, whose heap is made by
 * now; V8 takes it for every thread's otherwise, above what the thread itself was given (12 MiB of garbage each, not 2).
 */
export function leaveThreadsTheirLimits(): void {
  setFlagsFromString('--max-semi-space-size=0')
}

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
