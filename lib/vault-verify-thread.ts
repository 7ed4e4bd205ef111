// Where the verifying thread begins, at the priority of what may take its time. It lives for one verification.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { setThreadNice } from '../native-deps/system.js'
import { KeyPage } from './crypto/key-page.js'
import { VaultError, invariant } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { errorOf, postedError } from './terms/posted-error.js'
import type { VerifyContext } from './vault-verify-context.js'
import type { Candidates, Settled, VerifyReply, VerifyRequest, VerifySetup } from './vault-verify-messages.js'
import type { VerifyFinding, VerifyProgress } from './vault-verify-report.js'
import { verifyStore } from './vault-verify-run.js'

/** As the threads that cut and seal: what answers the kernel comes first. */
const nice = 10

interface Waiting {
  readonly resolve: (settled: Settled | undefined) => void
  readonly reject: (error: Error) => void
}

class VerifyRole implements VerifyContext {
  readonly setup: VerifySetup
  readonly page: KeyPage
  readonly #port: MessagePort
  readonly #stop: Int32Array
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #findings = 0
  #phase: VerifyProgress['phase'] | undefined
  #phaseBegan = 0
  #toldMs = -Infinity

  constructor(port: MessagePort, setup: VerifySetup) {
    this.#port = port
    this.setup = setup
    this.page = KeyPage.attach(setup.keyPage)
    this.#stop = new Int32Array(setup.stop)
    port.on('message', (reply: VerifyReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ('error' in reply) waiting?.reject(errorOf(reply.error))
      else waiting?.resolve(reply.settled)
    })
  }

  async run(): Promise<void> {
    try {
      const summary = await verifyStore(this)
      this.#post({ kind: 'done', summary: { ...summary, findings: this.#findings } })
    } catch (error) {
      this.#post({ kind: 'failed', error: postedError(error) })
    } finally {
      this.#port.close()
    }
  }

  async found(finding: VerifyFinding): Promise<void> {
    this.#findings++
    await this.#ask((id) => ({ kind: 'found', id, finding }))
  }

  damaged(references: readonly Uint8Array[]): void {
    this.#post({ kind: 'damaged', references })
  }

  async settle(candidates: Candidates): Promise<Settled> {
    const settled = await this.#ask((id) => ({ kind: 'settle', id, candidates }))
    invariant(settled !== undefined, 'an answer without what was asked for')
    return settled
  }

  step(phase: VerifyProgress['phase'], done: number, total: number): Promise<void> {
    if (Atomics.load(this.#stop, 0) !== 0) return Promise.reject(new VaultError('cancelled', 'verifying was broken off', { next: 'begin again when you like' }))
    const now = performance.now()
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#phaseBegan = now
      this.#toldMs = -Infinity
    }
    if (now - this.#toldMs >= limits.verifyProgressMs || done === total) {
      this.#toldMs = now
      this.#post({ kind: 'progress', progress: { phase, done, total, elapsedMs: Math.round(now - this.#phaseBegan) } })
    }
    return Promise.resolve()
  }

  #ask(request: (id: number) => VerifyRequest): Promise<Settled | undefined> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post(request(id))
    })
  }

  #post(request: VerifyRequest): void {
    this.#port.postMessage(request)
  }
}

invariant(parentPort !== null, 'vault-verify-thread.js is a worker thread')
const setup = workerData as VerifySetup
if (!setup.isAlone) setThreadNice(nice)
void new VerifyRole(parentPort, setup).run()
