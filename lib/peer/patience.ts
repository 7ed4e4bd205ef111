// How long a node is waited for. Each step has an end, silence has one, and so has an exchange as a whole, which may last
// the longer the more it has carried: who sends a byte now and then holds nobody up, and a slow line carries what it can.
import { VaultError } from '../terms/errors.js'

export interface Patience {
  /** For one address: name, connection, TLS. */
  readonly connectMs: number
  /** From the last byte of a request to the first of its answer: the node makes what it got durable meanwhile. */
  readonly answerMs: number
  /** Without a byte, in either direction. */
  readonly silenceMs: number
  /** After this an exchange must have carried `bytesPerSecond` on average. */
  readonly graceMs: number
  readonly bytesPerSecond: number
}

export const patienceDefault: Patience = { connectMs: 10_000, answerMs: 60_000, silenceMs: 30_000, graceMs: 60_000, bytesPerSecond: 4096 }

/** Of one exchange. `signal` aborts with 'deadline'. */
export class Watch {
  readonly #patience: Patience
  readonly #peer: string
  readonly #controller = new AbortController()
  /** Of the first byte: what connecting took is no slowness of the exchange. */
  #beganMs = performance.now()
  #carried = 0
  #silentUntilMs: number
  #timer: NodeJS.Timeout

  /** `connectMs`: what may pass before anything is on its way. */
  constructor(peer: string, patience: Patience, connectMs: number) {
    this.#peer = peer
    this.#patience = patience
    this.#silentUntilMs = this.#beganMs + connectMs + patience.answerMs
    this.#timer = this.#wait()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  carried(bytes: number): void {
    if (this.#carried === 0) this.#beganMs = performance.now()
    this.#carried += bytes
    this.#silentUntilMs = performance.now() + this.#patience.silenceMs
  }

  /** All of the request is on its way: now the node works. */
  requested(): void {
    this.#silentUntilMs = performance.now() + this.#patience.answerMs
  }

  abort(reason: VaultError): void {
    this.#controller.abort(reason)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  /** When it ends if nothing more is carried. */
  #endMs(): number {
    const { graceMs, bytesPerSecond } = this.#patience
    if (this.#carried === 0) return this.#silentUntilMs
    return Math.min(this.#silentUntilMs, this.#beganMs + graceMs + (this.#carried / bytesPerSecond) * 1000)
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => {
      if (performance.now() < this.#endMs()) this.#timer = this.#wait()
      else this.#controller.abort(new VaultError('deadline', `node ${this.#peer}: it does not answer, or too slowly`, { subject: this.#peer, next: 'try again later, or look at the node and the line to it' }))
    }, Math.max(1, this.#endMs() - performance.now()))
  }
}
