// A thread that gets many bytes by message and makes little else collects before V8 would (lib/terms/external-memory.ts).
import type { MessagePort } from 'node:worker_threads'
import { getHeapStatistics } from 'node:v8'
import { externalBytesMax, youngCollector } from '../terms/external-memory.js'

/** `collect`: what the launcher's --expose-gc gives; without it V8's own limit holds. */
export function limitExternalMemory(port: MessagePort, collect: (() => void) | undefined = youngCollector()): void {
  if (collect === undefined) return
  let least = getHeapStatistics().external_memory
  port.on('message', () => {
    const now = getHeapStatistics().external_memory
    least = Math.min(least, now)
    if (now - least < externalBytesMax) return
    collect()
    least = getHeapStatistics().external_memory
  })
}
