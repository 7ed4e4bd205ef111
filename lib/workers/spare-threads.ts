// Worker threads that have loaded their code and wait to be told what they are: a thread takes a tenth of a second to
// begin, which passes while the key is derived from the passphrase.
import { Worker } from 'node:worker_threads'
import { threadFlags } from '../terms/thread-flags.js'
import type { WorkerSetup } from './worker-setup.js'

type Role = WorkerSetup['role']

/** The threads' code marries cache, log and crypto, so it lies above this folder and is known by its place only. */
export const threadEntry = new URL('../vault-worker.js', import.meta.url)

/** A thread without a setup gets it as its first message. */
export function startThread(entry: URL, role: Role, setup?: Pick<ConstructorParameters<typeof Worker>[1] & object, 'workerData' | 'transferList'>): Worker {
  return new Worker(entry, {
    name: `vaultfs ${role}`, ...setup,
    // Our threads read no environment and write no output; options of the main thread's (a test runner's loaders) are
    // not for them.
    env: {}, stdin: false, execArgv: [...threadFlags],
    // They make little garbage; V8 would otherwise keep 16 MiB for it in each.
    resourceLimits: { maxYoungGenerationSizeMb: 3 },
  })
}

export class SpareThreads {
  readonly #waiting = new Map<Role, Worker>()

  /** Begins one of each role. */
  constructor(roles: readonly Role[]) {
    for (const role of roles) {
      const worker = startThread(threadEntry, role)
      this.#waiting.set(role, worker)
      // One that can't begin is missed by nobody: another is made in its place, and says why.
      worker.once('error', () => { this.#waiting.delete(role) })
    }
  }

  /** The caller's from now on: it sends the setup. */
  take(role: Role): Worker | undefined {
    const worker = this.#waiting.get(role)
    this.#waiting.delete(role)
    worker?.removeAllListeners('error')
    return worker
  }

  /** Ends those that were not taken. Idempotent. */
  async close(): Promise<void> {
    const workers = [...this.#waiting.values()]
    this.#waiting.clear()
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
