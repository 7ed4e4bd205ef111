// Where the history thread begins. It folds what is published and answers what is asked, at a lower priority than the
// threads that answer the kernel.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { setThreadNice } from '../../native-deps/system.js'
import { KeyPage } from '../crypto/key-page.js'
import type { DeviceId, VaultId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { postedError } from '../terms/posted-error.js'
import { History } from './history.js'
import type { HistorySetup, Reply, Request } from './messages.js'

const nice = 5

type Asking = Extract<Request, { kind: 'ask' | 'differences' }>

class HistoryRole {
  readonly #port: MessagePort
  readonly #history: History
  #closing = false
  #asked = 0

  constructor(port: MessagePort, history: History) {
    this.#port = port
    this.#history = history
    port.on('message', (request: Request) => {
      if (request.kind === 'durable') this.#fold(request.sequence)
      else if (request.kind === 'close') void this.#close()
      else void this.#answer(request)
    })
  }

  #fold(sequence: number): void {
    this.#history.durableThrough(sequence)
    this.#history.catchUp().catch((error: unknown) => { if (!this.#closing) this.#post({ kind: 'trouble', error: postedError(error) }) })
  }

  async #answer(request: Asking): Promise<void> {
    const { id } = request
    this.#asked++
    try {
      await this.#reach(request.sequence)
      const value = request.kind === 'differences' ? await this.#differences(request) : await this.#ask(request)
      this.#post({ kind: 'answer', id, value })
    } catch (error) {
      this.#post({ kind: 'failed', id, error: postedError(error) })
    } finally {
      this.#asked--
    }
  }

  #ask({ name, arguments: values }: Extract<Request, { kind: 'ask' }>): unknown {
    const question = this.#history.questions[name] as (...values: readonly unknown[]) => unknown
    return question.apply(this.#history.questions, values as unknown[])
  }

  #differences({ id, from, to, directory }: Extract<Request, { kind: 'differences' }>): Promise<void> {
    return this.#history.questions.differences(from, to, directory, (value) => { this.#post({ kind: 'batch', id, value }) })
  }

  /** What was published before the question is folded; when that takes too long, the question is refused. */
  async #reach(sequence: number): Promise<void> {
    this.#history.durableThrough(sequence)
    const deadline = performance.now() + limits.historyWaitMs
    const isThere = (): boolean => this.#history.progress.folded >= sequence && this.#history.hasFolded
    for (let idle = 0; !isThere();) {
      if (this.#closing) throw new VaultError('cancelled', 'The vault is being closed', { subject: 'history' })
      const { folded } = this.#history.progress
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => { timer = setTimeout(() => { resolve('late') }, Math.max(0, deadline - performance.now())) })
      const outcome = await Promise.race([this.#history.catchUp(), late]).finally(() => { clearTimeout(timer) })
      if (isThere()) return
      if (outcome === 'late') throw this.#behind(sequence)
      if (this.#history.progress.folded === folded && ++idle > 1) throw this.#short(sequence)
    }
  }

  #behind(sequence: number): VaultError {
    const { folded, read, size } = this.#history.progress
    return new VaultError('busy', `The past is being read from the manifest: entry ${folded} of ${sequence}, ${Math.floor((100 * read) / Math.max(size, 1))} %`, {
      subject: 'history', next: 'Try again in a while.',
    })
  }

  #short(sequence: number): VaultError {
    return new VaultError('chain-broken', `The manifest ends with entry ${this.#history.progress.folded}, and entry ${sequence} was written`, {
      subject: 'manifest', next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
    })
  }

  async #close(): Promise<void> {
    this.#closing = true
    this.#history.stop()
    await this.#history.catchUp().catch(() => undefined)
    // Nobody waits for an answer any more.
    while (this.#asked > 0) await new Promise((resolve) => setImmediate(resolve))
    this.#history.close()
    this.#port.close()
  }

  #post(reply: Reply): void {
    this.#port.postMessage(reply)
  }
}

function start(port: MessagePort, setup: HistorySetup): void {
  const { path, manifestDirectory, vaultId, ownerPublicKey, deviceId, keyPage, cacheBytes } = setup
  try {
    setThreadNice(nice)
    const history = new History({
      path, manifestDirectory, ownerPublicKey, vaultId: vaultId as VaultId, deviceId: deviceId as DeviceId, page: KeyPage.attach(keyPage), cacheBytes,
      breathe: () => new Promise((resolve) => setImmediate(resolve)), monotonicMs: () => performance.now(),
    })
    new HistoryRole(port, history)
    port.postMessage({ kind: 'ready' } satisfies Reply)
  } catch (error) {
    port.postMessage({ kind: 'unready', error: postedError(error) } satisfies Reply)
    port.close()
  }
}

invariant(parentPort !== null, 'history-thread.js is a worker thread')
start(parentPort, workerData as HistorySetup)
