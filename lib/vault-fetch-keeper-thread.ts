// The thread that keeps what is brought from nodes: compares each blob with its name, writes it, and waits for the disk, while
// the main thread speaks with the nodes.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { BlobWriter } from './cache/blob-writer.js'
import { invariant } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { postedError } from './terms/posted-error.js'
import type { KeepReply, KeepRequest, KeepSetup } from './vault-fetch-messages.js'

class KeeperThread {
  readonly #port: MessagePort
  readonly #writer: BlobWriter
  /** Of blobs that are not written yet. */
  #memory = new Set<ArrayBuffer>()

  constructor(port: MessagePort, { directory }: KeepSetup) {
    this.#port = port
    this.#writer = new BlobWriter({
      directory, replaces: false, flushBytes: Infinity,
      logger: { log: (level, message, fields = {}) => { this.#post({ kind: 'log', level, message, fields }) } },
    })
    port.on('message', (request: KeepRequest) => { this.#guarded(() => { this.#perform(request) }) })
    this.#post({ kind: 'ready' })
  }

  #perform(request: KeepRequest): void {
    if (request.kind === 'keep') {
      const fits = request.blobs.map(({ blobId, sealed }) => this.#writer.addIfWhole(blobId, sealed))
      this.#post({ kind: 'kept', id: request.id, fits })
      for (const { sealed } of request.blobs) this.#memory.add(sealed.buffer as ArrayBuffer)
      if (this.#writer.gatheredBytes >= limits.fetchFlushBytes) this.#flush()
      return
    }
    this.#writer.flush()
    this.#writer.close()
    this.#post({ kind: 'ended', blobs: this.#writer.blobs, bytes: this.#writer.bytes })
    this.#port.close()
  }

  #flush(): void {
    this.#writer.flush()
    const memory = [...this.#memory]
    this.#memory = new Set()
    this.#port.postMessage({ kind: 'written', memory } satisfies KeepReply, memory)
  }

  /** What can't be written ends everything: what was flushed before stays. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#post({ kind: 'failed', error: postedError(error) })
      this.#port.close()
    }
  }

  #post(reply: KeepReply): void {
    this.#port.postMessage(reply)
  }
}

invariant(parentPort !== null, 'vault-fetch-keeper-thread.js is a worker thread')
try {
  new KeeperThread(parentPort, workerData as KeepSetup)
} catch (error) {
  parentPort.postMessage({ kind: 'failed', error: postedError(error) } satisfies KeepReply)
  parentPort.close()
}
