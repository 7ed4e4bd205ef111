// Requests whose answer comes later. Each is answered once: by what its promise settles to, or by EINTR when the caller is
// to end and the operation changes nothing, so that it may go on unheard. A handler holds on to its exchange until its
// promise settles, so an abandoned one is not used again before that.
import { Exchange } from './exchange.js'
import { Interruptions } from './interruptions.js'
import { opcodes } from './protocol.js'
import { RequestLedger } from './request-ledger.js'

/** EINTR */
const interrupted = -4

/** Whoever waits for one of these may be sent away. Others hear of it (`Request.onAbort`) and say themselves whether they end. */
const abandonable = new Set<number>([
  opcodes.lookup, opcodes.getattr, opcodes.statx, opcodes.readlink, opcodes.getxattr, opcodes.listxattr, opcodes.read,
  opcodes.lseek, opcodes.readdir, opcodes.readdirplus, opcodes.statfs, opcodes.flush, opcodes.fsync, opcodes.fsyncdir, opcodes.syncfs,
])

export interface DeferredParts {
  readonly fail: (exchange: Exchange, error: number) => void
  /** Logs it and answers EIO. */
  readonly failBug: (exchange: Exchange, error: unknown) => void
  readonly logBug: (exchange: Exchange, error: unknown) => void
  /** It may be used again. */
  readonly forgo: (exchange: Exchange) => void
}

export class Deferred {
  readonly ledger = new RequestLedger<Exchange>()
  readonly #parts: DeferredParts
  readonly #abandoned = new Set<Exchange>()
  readonly #interruptions = new Interruptions<Exchange>({
    waiting: (key) => this.ledger.get(key),
    giveUp: (exchange) => { this.#giveUp(exchange) },
  })

  constructor(parts: DeferredParts) {
    this.#parts = parts
  }

  /** A promise's value, handed on when it settles; an error or a bug is answered here. */
  wait<T>(exchange: Exchange, value: Promise<T | number>, finish: (settled: T) => void): void {
    const { fail, failBug, logBug, forgo } = this.#parts
    this.ledger.begin(exchange.key, exchange)
    value
      .then((settled) => {
        if (this.#isAbandoned(exchange)) forgo(exchange)
        else if (typeof settled === 'number' && settled < 0) fail(exchange, settled)
        // The handler's type says that a number which is not negative is a T here.
        else finish(settled as T)
      })
      .catch((error: unknown) => {
        if (!this.#isAbandoned(exchange)) return failBug(exchange, error)
        logBug(exchange, error)
        forgo(exchange)
      })
  }

  interrupt(key: number): void {
    this.#interruptions.interrupt(key)
  }

  end(): void {
    this.#interruptions.end()
  }

  /** Its promise has settled; asked once more when handing that on failed. */
  #isAbandoned(exchange: Exchange): boolean {
    if (this.#abandoned.delete(exchange)) return true
    this.ledger.end(exchange.key)
    return false
  }

  #giveUp(exchange: Exchange): void {
    exchange.abort()
    if (!abandonable.has(exchange.opcode)) return
    this.ledger.end(exchange.key)
    this.#abandoned.add(exchange)
    this.#parts.fail(exchange.double(), interrupted)
  }
}
