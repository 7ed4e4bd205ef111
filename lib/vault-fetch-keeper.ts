// Keeping what is brought from nodes, as the main thread holds it: the work is vault-fetch-keeper-thread.ts's. Blobs go over as
// they are, so that they are copied nowhere.
import { Worker } from 'node:worker_threads'
import type { PeerBlob } from './store/peer-port.js'
import { VaultError } from './terms/errors.js'
import type { Logger } from './terms/log.js'
import { errorOf } from './terms/posted-error.js'
import { threadFlags } from './terms/thread-flags.js'
import { FetchPlaces } from './vault-fetch-places.js'
import type { KeepReply, KeepRequest, KeepSetup } from './vault-fetch-messages.js'

interface Waiting {
  readonly resolve: (fits: readonly boolean[]) => void
  readonly reject: (error: Error) => void
}

export class FetchKeeper {
  readonly #worker: Worker
  readonly #logger: Logger
  readonly #waiting = new Map<number, Waiting>()
  /** For what is brought: it comes back when it is written. */
  readonly places = new FetchPlaces()
  readonly #exited: Promise<void>
  readonly #ready: Promise<void>
  #isReady: () => void = () => undefined
  #next = 0
  #kept: { readonly blobs: number; readonly bytes: number } | undefined
  #failure: Error | undefined

  /** `directory`: the store's folder `cache`; made when it is missing. */
  constructor(directory: string, logger: Logger) {
    this.#logger = logger
    const setup: KeepSetup = { directory }
    this.#worker = new Worker(new URL('./vault-fetch-keeper-thread.js', import.meta.url), {
      name: 'vaultfs fetch', workerData: setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#worker.on('message', (reply: KeepReply) => { this.#receive(reply) })
    this.#worker.on('error', (cause) => { this.#failure ??= new VaultError('io', `The thread that keeps blobs ended: ${cause.message}`, { cause }) })
    this.#ready = new Promise((resolve) => { this.#isReady = resolve })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#ended()
        resolve()
      })
    })
  }

  /** Resolves when the cache's index is there. Rejects with what is wrong with it. */
  async ready(): Promise<void> {
    await this.#ready
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Answers for each whether its bytes are those of its name. Their memory is the thread's from then on. */
  keep(blobs: readonly PeerBlob[]): Promise<readonly boolean[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject })
      const memory = new Set(blobs.map(({ sealed }) => sealed.buffer))
      this.#worker.postMessage({ kind: 'keep', id, blobs } satisfies KeepRequest, [...memory] as ArrayBuffer[])
    })
  }

  /** Everything is durable when it resolves; answers how much that is. */
  async end(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    await this.close()
    if (this.#kept === undefined) throw this.#failure ?? new VaultError('io', 'The thread that keeps blobs ended without a word')
    return this.#kept
  }

  /** Resolves when nothing of the store is open any more; what was kept is durable, unless that failed. */
  async close(): Promise<void> {
    this.#worker.postMessage({ kind: 'end' } satisfies KeepRequest)
    await this.#exited
  }

  #receive(reply: KeepReply): void {
    if (reply.kind === 'log') return this.#logger.log(reply.level, reply.message, reply.fields)
    if (reply.kind === 'ready') return this.#isReady()
    if (reply.kind === 'failed') this.#failure ??= errorOf(reply.error)
    else if (reply.kind === 'written') for (const memory of reply.memory) this.places.give(new Uint8Array(memory))
    else if (reply.kind === 'ended') this.#kept = { blobs: reply.blobs, bytes: reply.bytes }
    else {
      this.#waiting.get(reply.id)?.resolve(reply.fits)
      this.#waiting.delete(reply.id)
    }
  }

  #ended(): void {
    this.#failure ??= new VaultError('io', 'The thread that keeps blobs has ended')
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    this.#isReady()
  }
}
