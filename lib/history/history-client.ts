// The past as the main thread holds it. The thread begins with the first word to it; each question carries how far our
// own chain is, so that an answer knows everything that was published before.
import { Worker } from 'node:worker_threads'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { errorOf } from '../terms/posted-error.js'
import type {
  EntryVersion, FoundName, HistoryDifference, HistoryPort, HistoryStatus, PastDirent, PastEntry,
  Position, PublishedMoment, RetainedMoment, SnapshotName, StateAge, StateCursor, StatePart,
} from '../store/history-port.js'
import type { RetentionPolicy } from '../terms/retention.js'
import type { Arguments, HistorySetup, QuestionName, Reply, Request, Value } from './messages.js'
import { threadFlags } from '../terms/thread-flags.js'

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: VaultError) => void
  readonly onBatch: ((batch: readonly HistoryDifference[]) => void) | undefined
}

export interface HistoryClientOptions {
  readonly setup: HistorySetup
  /** Sequence of the newest entry of our own chain that is on the disk. */
  readonly sequence: () => number
  readonly clock: Clock
  readonly logger: Logger
}

export class HistoryClient implements HistoryPort {
  readonly #options: HistoryClientOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #death: VaultError | undefined
  #next = 0
  #closing = false

  constructor(options: HistoryClientOptions) {
    this.#options = options
  }

  /** Everything that is durable in our chain gets folded soon. */
  published(): void {
    if (!this.#closing) this.#post({ kind: 'durable', sequence: this.#options.sequence() })
  }

  /** Resolves when the thread has ended: what was published is folded then. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#worker !== undefined && this.#death === undefined) this.#worker.postMessage({ kind: 'close' } satisfies Request)
    await this.#exited
  }

  status(): Promise<HistoryStatus> {
    return this.#ask('status')
  }

  at(sec: number): Promise<PublishedMoment | undefined> {
    return this.#ask('at', sec)
  }

  newest(): Promise<PublishedMoment | undefined> {
    return this.#ask('newest')
  }

  oldest(): Promise<PublishedMoment | undefined> {
    return this.#ask('oldest')
  }

  retained(policy: RetentionPolicy): Promise<readonly RetainedMoment[]> {
    return this.#ask('retained', policy, this.#options.clock.now().sec)
  }

  snapshots(): Promise<readonly SnapshotName[]> {
    return this.#ask('snapshots')
  }

  snapshot(name: string): Promise<SnapshotName | undefined> {
    return this.#ask('snapshot', name)
  }

  entry(position: Position, ino: number): Promise<PastEntry | undefined> {
    return this.#ask('entry', position, ino)
  }

  version(version: number): Promise<PastEntry | undefined> {
    return this.#ask('version', version)
  }

  lookup(position: Position, parent: number, name: string): Promise<PastEntry | undefined> {
    return this.#ask('lookup', position, parent, name)
  }

  list(position: Position, parent: number, after: number, limit: number): Promise<readonly PastDirent[]> {
    return this.#ask('list', position, parent, after, limit)
  }

  pathOf(position: Position, ino: number): Promise<string | undefined> {
    return this.#ask('pathOf', position, ino)
  }

  versions(ino: number, before: Position, limit: number): Promise<readonly EntryVersion[]> {
    return this.#ask('versions', ino, before, limit)
  }

  async differences(from: Position, to: Position, directory: number, onBatch: (batch: readonly HistoryDifference[]) => void): Promise<void> {
    await this.#send((id) => ({ kind: 'differences', id, sequence: this.#options.sequence(), from, to, directory }), onBatch)
  }

  findNames(pattern: string, limit: number): Promise<readonly FoundName[]> {
    return this.#ask('findNames', pattern, limit)
  }

  contents(after: number, limit: number): Promise<{ readonly contents: readonly { readonly content: number; readonly bytes: Uint8Array }[]; readonly total: number }> {
    return this.#ask('contents', after, limit)
  }

  statePart(position: Position, cursor: StateCursor | undefined): Promise<StatePart> {
    return this.#ask('statePart', position, cursor)
  }

  stateRoot(pageIds: readonly Uint8Array[], records: number): Promise<Uint8Array> {
    return this.#ask('stateRoot', pageIds, records)
  }

  stateAge(): Promise<StateAge> {
    return this.#ask('stateAge')
  }

  cut(position: Position): Promise<readonly { readonly deviceId: Uint8Array; readonly sequence: number; readonly hash: Uint8Array }[]> {
    return this.#ask('cut', position)
  }

  prunable(policy: RetentionPolicy, nowSec: number): Promise<{ readonly moments: number; readonly versions: number }> {
    return this.#ask('prunable', policy, nowSec)
  }

  async #ask<Name extends QuestionName>(name: Name, ...values: Arguments<Name>): Promise<Value<Name>> {
    const sequence = this.#options.sequence()
    return await this.#send((id) => ({ kind: 'ask', id, sequence, name, arguments: values }), undefined) as Value<Name>
  }

  #send(request: (id: number) => Request, onBatch: Waiting['onBatch']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(new VaultError('cancelled', 'The vault is being closed', { subject: 'history' }))
        return
      }
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject, onBatch })
      this.#post(request(id))
    })
  }

  #post(request: Request): void {
    this.#thread().postMessage(request)
  }

  /** One that died is begun again: all that it knew is on the disk, or folded again. */
  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./history-thread.js', import.meta.url), {
      name: 'vaultfs history', workerData: this.#options.setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 6 },
    })
    this.#worker = worker
    this.#death = undefined
    worker.on('message', (reply: Reply) => { this.#receive(reply) })
    worker.on('error', (error) => { this.#died(error.message) })
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#died(`exit code ${code}`)
        resolve()
      })
    })
    return worker
  }

  #receive(reply: Reply): void {
    if (reply.kind === 'ready') return
    if (reply.kind === 'unready' || reply.kind === 'trouble') {
      this.#options.logger.log('error', 'the past can not be read', { code: reply.error.code, reason: reply.error.message })
      if (reply.kind === 'unready') this.#failAll(errorOf(reply.error))
      return
    }
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined) return
    if (reply.kind === 'batch') {
      waiting.onBatch?.(reply.value as readonly HistoryDifference[])
      return
    }
    this.#waiting.delete(reply.id)
    if (reply.kind === 'answer') waiting.resolve(reply.value)
    else waiting.reject(errorOf(reply.error))
  }

  #died(reason: string): void {
    if (this.#death !== undefined) return
    this.#death = new VaultError('io', `The history thread ended: ${reason}`, { subject: 'history', next: 'Try again; the daemon\'s log says more.' })
    if (!this.#closing) {
      this.#worker = undefined
      this.#options.logger.log('error', 'the history thread ended', { reason })
    }
    this.#failAll(this.#death)
  }

  #failAll(error: VaultError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
