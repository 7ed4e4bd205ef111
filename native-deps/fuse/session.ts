// The life of requests: drained in batches, handed to their operation, answered exactly once. Answers of requests that
// changed something wait for the handler's afterBatch, so that what they acknowledge is in its log; all others leave
// at once. A promise makes a request deferred: it is kept by its number, so that INTERRUPT finds it.
import type { Logger } from '../../lib/terms/log.js'
import { Deferred } from './deferred.js'
import { Exchange } from './exchange.js'
import type { Answer, AnswerMemory, Handler, Status } from './handler.js'
import type { Channel } from './native.js'
import { PageReads } from './page-reads.js'
import type { PageStores } from './page-stores.js'
import { errno, opcodes, opcodesMax } from './protocol.js'
import type { RequestBuffer } from './protocol-input.js'
import { ReplyArena, type Validities } from './protocol-output.js'
import type { RequestBuffers } from './request-buffers.js'
import { encodeAgain } from './resent.js'
import type { DirectoryReply } from './directory-reply.js'
import type { Spinner } from './spinner.js'

/** Requests of one turn of the event loop; the poll is level-triggered, so the next turn goes on. */
const batchMax = 64
/** And bytes of them: a megabyte of write takes a millisecond or more, and other events wait. */
const batchBytesMax = 2 * 1024 * 1024
/** Replies that may wait for afterBatch; one slot more is for the reply that leaves at once. */
export const queuedMax = batchMax
const immediate = queuedMax

/** Reads one kind of request and calls the handler. */
export type Operation = (session: Session, input: RequestBuffer, exchange: Exchange) => void
/** Writes a value into the arena at `at` and answers its length, or a negative errno instead. */
export type Encode<T> = (session: Session, at: number, value: T, exchange: Exchange) => number

export interface SessionParts {
  readonly handler: Handler
  readonly logger: Logger
  readonly valid: Validities
  readonly operations: readonly (Operation | undefined)[]
  readonly changing: (input: RequestBuffer) => boolean
  readonly fits: (input: RequestBuffer) => boolean
  readonly spinner: Spinner
  readonly onEnd: () => void
  /** Resolves when the kernel has let go of the pages. */
  readonly dropPages: (ino: number, offset: number, length: number) => Promise<void>
  readonly pageStores: PageStores
  readonly answers?: AnswerMemory
}

export class Session {
  readonly handler: Handler
  readonly valid: Validities
  readonly arena: ReplyArena
  /** INIT flags that both sides agreed on. */
  negotiated = 0n
  channel: Channel | undefined
  buffers: RequestBuffers | undefined
  /** Free ones; see operations-directories.ts. */
  readonly directoryReplies: DirectoryReply[] = []
  readonly pageReads: PageReads
  readonly pageStores: PageStores
  readonly deferred = new Deferred({
    fail: (exchange, error) => { this.fail(exchange, error) },
    failBug: (exchange, error) => { this.#failBug(exchange, error) },
    logBug: (exchange, error) => { this.#logBug(`operation ${exchange.opcode}`, error) },
    forgo: (exchange) => { this.forgo(exchange) },
  })
  readonly #parts: SessionParts
  readonly #pool: Exchange[] = []
  readonly #queued: Exchange[] = []
  #draining = false
  #flushSoon = false
  #starved = false
  #lent = false
  #worked = false
  /** What the last afterBatch answered: 0, or the errno for those that waited for it. */
  #batchResult = 0
  readonly #afterBatch = (): void => {
    this.#batchResult = -errno.EIO
    this.#batchResult = this.handler.afterBatch() ?? 0
  }
  #entryIno = 0

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.handler = parts.handler
    this.valid = parts.valid
    this.arena = new ReplyArena(queuedMax + 1)
    this.pageStores = parts.pageStores
    this.pageReads = new PageReads({ isReading: (ino) => this.deferred.ledger.waitsFor(opcodes.read, ino), drop: parts.dropPages })
  }

  /** The descriptor is readable. */
  drain(): void {
    const { channel, buffers } = this
    if (channel === undefined || buffers === undefined) return
    this.#draining = true
    const error = this.#drainBatch(channel, buffers)
    this.#finishBatch(channel)
    this.#draining = false
    if (error !== 0) this.#parts.onEnd()
  }

  #drainBatch(channel: Channel, buffers: RequestBuffers): number {
    let spin = 0
    let bytes = 0
    for (let handled = 0; handled < batchMax && bytes < batchBytesMax; ) {
      if (handled === 1 && spin === 0 && !this.#parts.spinner.looks()) return 0
      const buffer = buffers.take()
      if (buffer === undefined) {
        this.#starved = true
        channel.setPolling(false)
        return 0
      }
      const length = channel.read(buffer.index, spin)
      if (handled === 1 && spin === 0) this.#parts.spinner.looked(length > 0)
      if (length < 0) {
        buffers.giveBack(buffer)
        if (length !== -errno.EAGAIN) return length
        if (spin > 0) this.#parts.spinner.missed()
        if (spin > 0 || handled === 0) return 0
        // Whoever waits for these answers is likely to ask again: answer before spinning.
        this.#finishBatch(channel)
        spin = this.deferred.ledger.waiting === 0 ? this.#parts.spinner.next() : 0
        if (spin === 0) return 0
        continue
      }
      if (spin > 0) this.#parts.spinner.hit()
      spin = 0
      handled++
      bytes += length
      buffer.length = length
      this.#dispatch(buffer)
      if (!this.#lent) buffers.giveBack(buffer)
      this.#lent = false
    }
    return 0
  }

  #dispatch(input: RequestBuffer): void {
    const exchange = this.#pool.pop() ?? new Exchange()
    this.#worked = true
    exchange.begin(input, this.#parts.changing(input))
    const before = exchange.isResent ? this.#parts.answers?.find(exchange.key) : undefined
    if (before !== undefined) return this.#send(exchange, encodeAgain, before)
    const operation = exchange.opcode < opcodesMax ? this.#parts.operations[exchange.opcode] : undefined
    if (operation === undefined) return this.fail(exchange, -errno.ENOSYS)
    if (exchange.node === Infinity || !this.#parts.fits(input)) return this.fail(exchange, -errno.EINVAL)
    try {
      operation(this, input, exchange)
    } catch (error) {
      this.#failBug(exchange, error)
    }
  }

  /** What a handler answered, sent now or when it settles. */
  answer<T extends object>(exchange: Exchange, value: Answer<T>, encode: Encode<T>): void {
    if (value instanceof Promise) this.later(exchange, value, (settled) => this.#send(exchange, encode, settled))
    else if (typeof value === 'number') this.fail(exchange, value)
    else this.#send(exchange, encode, value)
  }

  /** The same for 0, a count, or a negative errno. */
  answerStatus(exchange: Exchange, value: Status, encode: Encode<number>): void {
    if (value instanceof Promise) this.later(exchange, value, (settled) => this.#send(exchange, encode, settled))
    else if (value < 0) this.fail(exchange, value)
    else this.#send(exchange, encode, value)
  }

  /** Keeps the buffer that is being dispatched from being read into until the promise settles. */
  lend(buffer: RequestBuffer, until: Promise<unknown>): void {
    this.#lent = true
    const giveBack = (): void => {
      this.buffers?.giveBack(buffer)
      if (!this.#starved) return
      this.#starved = false
      this.channel?.setPolling(true)
    }
    until.then(giveBack, giveBack)
  }

  /** A promise's value, handed on when it settles; an error or a bug is answered here. */
  later<T>(exchange: Exchange, value: Promise<T | number>, finish: (settled: T) => void): void {
    this.deferred.wait(exchange, value, finish)
  }

  interrupt(key: number): void { this.deferred.interrupt(key) }

  /** An encoder says that its reply carries an entry, which the kernel then holds a reference to. */
  countsEntry(ino: number): void {
    this.#entryIno = ino
  }

  #send<T>(exchange: Exchange, encode: Encode<T>, value: T): void {
    if (exchange.changes && this.#queued.length === queuedMax) this.#flush()
    const slot = exchange.changes ? this.#queued.length : immediate
    this.#entryIno = 0
    const length = encode(this, this.arena.body(slot), value, exchange)
    if (length < 0) return this.fail(exchange, length)
    this.arena.begin(slot, length, 0, exchange.uniqueLow, exchange.uniqueHigh)
    if (this.#entryIno !== 0) this.arena.countsIno(slot, this.#entryIno)
    if (exchange.changes) this.#parts.answers?.note(exchange.key, this.arena.reply(slot))
    this.#leave(exchange, slot)
  }

  fail(exchange: Exchange, error: number): void {
    if (exchange.changes && this.#queued.length === queuedMax) this.#flush()
    const slot = exchange.changes ? this.#queued.length : immediate
    // The kernel takes errors from -1 to -511 and drops the mount's reply otherwise.
    const known = error < 0 && error > -512 ? error : -errno.EIO
    this.arena.begin(slot, 0, known, exchange.uniqueLow, exchange.uniqueHigh)
    this.#leave(exchange, slot)
  }

  forgo(exchange: Exchange): void { this.#pool.push(exchange) }

  /** Bytes are sent from where they lie. */
  sendBytes(exchange: Exchange, bytes: Uint8Array, length: number, areEntries: boolean): void {
    this.arena.begin(immediate, length, 0, exchange.uniqueLow, exchange.uniqueHigh)
    this.channel?.replyData(immediate, bytes, length, areEntries)
    this.deferred.ledger.answered++
    this.#pool.push(exchange)
  }

  #leave(exchange: Exchange, slot: number): void {
    if (slot !== immediate) {
      this.#queued.push(exchange)
      if (!this.#draining) this.#flushWithOthers()
      return
    }
    if ((this.channel?.reply(slot) ?? 0) < 0) this.#notTaken(exchange)
    this.deferred.ledger.answered++
    this.#pool.push(exchange)
  }

  /** Promises that settle in one turn share one afterBatch. */
  #flushWithOthers(): void {
    if (this.#flushSoon) return
    this.#flushSoon = true
    queueMicrotask(() => {
      this.#flushSoon = false
      this.#flush()
    })
  }

  #finishBatch(channel: Channel): void {
    const forgotten = channel.takeForgotten()
    if (forgotten !== undefined) {
      this.#worked = true
      this.#guard('forgotten', () => this.handler.forgotten(forgotten))
    }
    this.#flush()
  }

  #flush(): void {
    const count = this.#queued.length
    if (count === 0 && !this.#worked) return
    this.#worked = false
    this.#guard('afterBatch', this.#afterBatch)
    const result = this.#batchResult
    if (result < 0) this.#queued.forEach(({ uniqueLow, uniqueHigh }, slot) => { this.arena.begin(slot, 0, result, uniqueLow, uniqueHigh) })
    if (count === 0) return
    const failed = this.channel?.replyAll(count) ?? 0
    this.deferred.ledger.answered += count
    for (let slot = 0; slot < count; slot++) {
      const exchange = this.#queued[slot]
      if (exchange === undefined) continue
      if (failed > 0 && this.arena.result(slot) < 0) this.#notTaken(exchange)
      this.#pool.push(exchange)
    }
    this.#queued.length = 0
  }

  /** The caller was killed while we opened: nobody will ever release that handle but we. */
  #notTaken(exchange: Exchange): void {
    const handle = exchange.openedHandle
    if (handle === undefined) return
    exchange.openedHandle = undefined
    this.pageStores.released(exchange.openedIno, exchange.openedFlags)
    this.#guard('release', () => {
      const released = this.handler.release(exchange.openedIno, handle, exchange)
      if (released instanceof Promise) released.catch((error: unknown) => this.#logBug('release', error))
    })
  }

  #failBug(exchange: Exchange, error: unknown): void {
    this.#logBug(`operation ${exchange.opcode}`, error)
    this.fail(exchange, -errno.EIO)
  }

  #guard(what: string, work: () => unknown): void {
    try {
      work()
    } catch (error) {
      this.#logBug(what, error)
    }
  }

  #logBug(what: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.logger.log('error', `${what} failed unexpectedly and was answered EIO`, { error: text })
  }
}
