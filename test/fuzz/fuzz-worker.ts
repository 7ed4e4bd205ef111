// The thread in which one target is fuzzed, so that whoever started it can end what does not end by itself. What is tried
// at the moment lies in shared memory.
import { parentPort, workerData } from 'node:worker_threads'
import { targetOf } from './all-targets.js'
import { minimised } from './minimising.js'
import { fuzz, type Found, type Run } from './trial.js'

export interface WorkerData {
  readonly target: string
  readonly seed: number
  readonly forMs: number
  readonly shared: SharedArrayBuffer
}

export type WorkerReport = Run & { readonly found: readonly Found[] }

/** In the shared memory: trials so far, lengths of the input and of what it was made of; then these. */
export const sharedBytes = 8 * 1024 * 1024
export const sharedHeadBytes = 16
const findingsMax = 6

async function work({ target: name, seed, forMs, shared }: WorkerData): Promise<WorkerReport> {
  const target = targetOf(name)
  const [head, bytes] = [new Int32Array(shared, 0, 4), new Uint8Array(shared, sharedHeadBytes)]
  const onTrial = (input: Uint8Array, known: readonly Uint8Array[]): void => {
    const all = [input, ...known]
    Atomics.add(head, 0, 1)
    if (all.reduce((sum, { byteLength }) => sum + byteLength, 0) > bytes.byteLength) return
    let at = 0
    for (let part = 0; part < 3; part++) {
      const each = all[part] ?? new Uint8Array(0)
      bytes.set(each, at)
      head[1 + part] = each.byteLength
      at += each.byteLength
    }
  }
  const untilMs = Date.now() + forMs
  const run = await fuzz(target, { seed, findingsMax, goesOn: () => Date.now() < untilMs, onTrial })
  const found: Found[] = []
  for (const each of run.found) found.push(await minimised(target, each, onTrial))
  return { ...run, found }
}

if (parentPort !== null) {
  const port = parentPort
  // Once: whoever started this thread waits for its message.
  void work(workerData as WorkerData).then((report) => { port.postMessage(report) })
}
