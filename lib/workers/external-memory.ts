// Bytes that come with messages lie outside of V8's heap, and by itself it looks for dead ones only when 64 MiB of them
// have come: in each thread. A thread that makes little else never collects before that.
import type { MessagePort } from 'node:worker_threads'
import { getHeapStatistics } from 'node:v8'

/** Collecting the young takes less than a millisecond. */
const grownBytesMax = 8 * 1024 * 1024

/** `collect`: what the launcher's --expose-gc gives; without it V8's own limit holds. */
export function limitExternalMemory(port: MessagePort, collect: (() => void) | undefined = youngCollector()): void {
  if (collect === undefined) return
  let least = getHeapStatistics().external_memory
  port.on('message', () => {
    const now = getHeapStatistics().external_memory
    least = Math.min(least, now)
    if (now - least < grownBytesMax) return
    collect()
    least = getHeapStatistics().external_memory
  })
}

function youngCollector(): (() => void) | undefined {
  const { gc } = globalThis
  return gc === undefined ? undefined : () => { void gc({ type: 'minor' }) }
}
