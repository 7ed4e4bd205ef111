// The thread that waits for the disk: everything that came while the last sync ran is made durable by the next one.
import type { MessagePort } from 'node:worker_threads'
import type { BlobKeeper } from '../store/blob-cache-port.js'
import type { BlobId } from '../terms/bytes.js'
import { postedError, type PostedError } from '../terms/posted-error.js'
import type { AbandonSegment, Answer, CommitRequest, KeeperJob } from './messages.js'

export interface KeeperSetup {
  readonly port: MessagePort
  /** To the bulk threads. */
  readonly writers: readonly MessagePort[]
  readonly keeper: BlobKeeper
}

interface Received {
  readonly from: MessagePort
  readonly request: CommitRequest
}

export class KeeperRole {
  readonly #setup: KeeperSetup
  /** Jobs of which an earlier part is lost. */
  readonly #failed = new Map<number, PostedError>()
  #received: Received[] = []
  #scheduled = false

  constructor(setup: KeeperSetup) {
    this.#setup = setup
    for (const from of setup.writers) {
      from.on('message', (request: CommitRequest) => {
        this.#received.push({ from, request })
        if (this.#scheduled) return
        this.#scheduled = true
        // After all ports have handed over what lies in them.
        setImmediate(() => { this.#commit() })
      })
    }
    setup.port.on('message', (jobs: readonly KeeperJob[]) => { for (const job of jobs) this.#run(job) })
  }

  #run(job: KeeperJob): void {
    if (this.#scheduled) this.#commit()
    if (job.kind === 'delete') {
      try {
        this.#setup.keeper.delete(unpackIds(job.blobIds))
        this.#post({ kind: 'done', id: job.id, statistics: this.#setup.keeper.statistics() })
      } catch (error) {
        this.#post({ kind: 'failed', id: job.id, error: postedError(error) })
      }
      return
    }
    this.#setup.keeper.close()
    for (const port of this.#setup.writers) port.close()
    this.#setup.port.close()
  }

  #commit(): void {
    const received = this.#received
    this.#received = []
    this.#scheduled = false
    if (received.length === 0) return
    try {
      this.#setup.keeper.commit(received.flatMap(({ request }) => request.appended))
    } catch (error) {
      this.#lose(received, postedError(error))
    }
    const statistics = this.#setup.keeper.statistics()
    for (const { request } of received) {
      for (const { id, references } of request.done) {
        const error = this.#failed.get(id)
        this.#failed.delete(id)
        this.#post(error === undefined ? { kind: 'done', id, value: references, statistics } : { kind: 'failed', id, error })
      }
    }
  }

  /** After a failed sync the kernel calls the lost pages clean: nothing may rest on these files any more. */
  #lose(received: readonly Received[], error: PostedError): void {
    for (const { from, request } of received) {
      for (const id of [...request.unfinished, ...request.done.map((each) => each.id)]) this.#failed.set(id, error)
      for (const { segment } of request.appended) {
        const abandoned: AbandonSegment = { segment }
        from.postMessage(abandoned)
      }
    }
  }

  #post(answer: Answer): void {
    this.#setup.port.postMessage(answer)
  }
}

function unpackIds(packed: Uint8Array): BlobId[] {
  return Array.from({ length: packed.byteLength / 32 }, (_, index) => packed.slice(index * 32, index * 32 + 32) as Uint8Array as BlobId)
}
