// One worker thread as the main thread holds it. Messages of one turn of the event loop go out together; a thread that
// ends without having been told to is reported once.
import type { TransferListItem, Worker } from 'node:worker_threads'
import { VaultError } from '../terms/errors.js'
import { errorOf, type PostedError } from '../terms/posted-error.js'
import type { Answer } from './messages.js'
import { startThread } from './spare-threads.js'
import type { WorkerSetup } from './worker-setup.js'

export interface LinkOptions {
  /** The compiled entry of the worker. */
  readonly entry: URL
  readonly setup: WorkerSetup
  readonly transfer: readonly TransferListItem[]
  /** One that waits for its setup; absent: one is started. */
  readonly thread?: Worker | undefined
  readonly onAnswer: (answer: Answer) => void
  readonly onDeath: (error: VaultError) => void
  /** One that is not needed: when it can't begin, only `ready` says so. */
  readonly isExtra?: boolean
}

type Ready = Extract<Answer, { kind: 'ready' }>
type StartMessage = Answer | { readonly kind: 'unready'; readonly error: PostedError }

export class WorkerLink<Job extends { readonly kind: string }> {
  readonly ready: Promise<Ready>
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #outbox: Job[] = []
  #closing = false
  #begun = false

  constructor(options: LinkOptions) {
    const { role } = options.setup
    const { setup, transfer, thread } = options
    this.#worker = thread ?? startThread(options.entry, role, { workerData: setup, transferList: [...transfer] })
    thread?.postMessage(setup, transfer)
    let exited: () => void = () => undefined
    this.#exited = new Promise((resolve) => { exited = resolve })
    this.ready = new Promise((resolve, reject) => {
      const die = (cause: unknown): void => {
        const message = cause instanceof Error ? cause.message : String(cause)
        const error = new VaultError('broken-invariant', `the ${role} thread ended: ${message}`, { cause })
        reject(error)
        if (!this.#closing && (this.#begun || options.isExtra !== true)) options.onDeath(error)
      }
      this.#worker.on('message', (message: StartMessage) => {
        if (message.kind === 'ready') {
          this.#begun = true
          resolve(message)
        } else if (message.kind === 'unready') {
          // It ends by itself, and that is no death.
          this.#closing = true
          reject(errorOf(message.error))
        } else options.onAnswer(message)
      })
      this.#worker.on('error', die)
      this.#worker.on('exit', (code) => {
        exited()
        die(`exit code ${code}`)
      })
    })
    // The pool awaits it; when another thread fails first, nobody does.
    this.ready.catch(() => undefined)
  }

  post(job: Job): void {
    this.#outbox.push(job)
    if (this.#outbox.length === 1) queueMicrotask(() => { this.#send() })
  }

  /** The thread ends after all that was posted before. */
  async close(): Promise<void> {
    this.#closing = true
    this.#send()
    this.#worker.postMessage([{ kind: 'close' }])
    await this.#exited
  }

  async terminate(): Promise<void> {
    this.#closing = true
    await this.#worker.terminate()
  }

  #send(): void {
    const jobs = this.#outbox
    this.#outbox = []
    if (jobs.length > 0) this.#worker.postMessage(jobs)
  }
}
