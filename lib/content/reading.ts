// Reads: what lies in memory is answered at once, the rest is assembled and verified by a reader thread.
import { copyShared } from '../../native-deps/system.js'
import type { Piece } from '../store/content-piece.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { aroundOf, type Around } from './read-around.js'
import { pieceOf, stretchesOf } from './read-plan.js'
import { seekContent } from './seek.js'

/** One read may ask for this much: the largest request of the kernel. */
const readBytesMax = 1024 * 1024

export class Reading {
  readonly #context: ContentContext
  /** Answers of the fast path; each is sent before the next is made. */
  readonly #scratch = new Uint8Array(readBytesMax)
  #active = new Set<Promise<unknown>>()

  constructor(context: ContentContext) {
    this.#context = context
  }

  /** At most `length` bytes from `offset`, fewer at the end. Valid until the thread turns to other work. */
  read(content: OpenContent, offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const end = Math.min(offset + Math.min(length, readBytesMax), content.size)
    if (end <= offset) return this.#scratch.subarray(0, 0)
    const stretches = stretchesOf(content, offset, end, this.#context.pages)
    if (stretches instanceof Promise) {
      return this.#track(content, stretches.then(() => this.read(content, offset, length)))
    }
    const pieces = stretches.map(pieceOf)
    if (pieces.every(isNear)) return this.#assemble(pieces)
    return this.#track(content, this.#fetch(pieces))
  }

  /**
   * As read, with the whole pages around it that lie in the same opened frames of one blob; they cost no more. `start` is
   * at or before `offset`.
   */
  readAround(content: OpenContent, offset: number, length: number): Around | Promise<Around> {
    const range = aroundOf(content, offset, length, this.#context.pages) ?? { start: offset, end: offset + length }
    const bytes = this.read(content, range.start, range.end - range.start)
    return bytes instanceof Promise ? bytes.then((settled) => ({ start: range.start, bytes: settled })) : { start: range.start, bytes }
  }

  /** The first offset from `offset` on that is data or hole (the end of the file is a hole); undefined: there is none. */
  async seek(content: OpenContent, offset: number, wanted: 'data' | 'hole'): Promise<number | undefined> {
    if (offset >= content.size || offset < 0) return undefined
    return await this.#track(content, seekContent(content, offset, wanted, this.#context))
  }

  /** Resolves when all reads that are under way now have ended: what they read from may go then. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#active])
  }

  #assemble(pieces: readonly Piece[]): Uint8Array {
    let at = 0
    for (const piece of pieces) {
      if (piece.kind === 'memory') copyShared(this.#scratch.subarray(at), this.#context.arena.bytes.subarray(piece.position, piece.position + piece.length))
      else if (piece.kind === 'inline') this.#scratch.set(piece.bytes, at)
      else this.#scratch.fill(0, at, at + piece.length)
      at += piece.length
    }
    return this.#scratch.subarray(0, at)
  }

  async #fetch(pieces: readonly Piece[]): Promise<Uint8Array> {
    const { log } = this.#context
    // A worker reads from the file: what waits for the end of the batch goes there first. The rest reads also from a log
    // that takes nothing more.
    if (pieces.some((piece) => piece.kind === 'log' && piece.extent.lsn > log.flushedLsn)) log.flush()
    const lease = await this.#context.pool.read(pieces.map((piece) => this.#pinned(piece)))
    // The reply leaves in the microtask that this answer starts; the room may be lent again after that.
    setImmediate(() => lease.release())
    return lease.bytes
  }

  /** Memory of the arena may be given back while the reader works: such bytes go along as a copy. */
  #pinned(piece: Piece): Piece {
    if (piece.kind !== 'memory') return piece
    const bytes = this.#context.arena.bytes.slice(piece.position, piece.position + piece.length)
    return { kind: 'inline', bytes, length: piece.length }
  }

  #track<Value>(content: OpenContent, promise: Promise<Value>): Promise<Value> {
    content.pins++
    const tracked = promise.finally(() => {
      content.pins--
      this.#active.delete(tracked)
    })
    this.#active.add(tracked)
    return tracked
  }
}

function isNear(piece: Piece): boolean {
  return piece.kind === 'memory' || piece.kind === 'inline' || piece.kind === 'hole'
}

