// What a daemon leaves behind in memory for the one that takes its mount over when it dies at any instruction: the dirty
// bytes themselves, of which file and where they are, and the answers that it gave last. The memory is a descriptor's that
// the supervisor holds too. One thread writes; each row becomes valid by its last store, and the processor keeps the order.
import { invariant } from '../terms/errors.js'
import { UnfinishedWriteRegion, unfinishedWriteBytes, type BegunWrite, type DirtyRange } from './unfinished-write.js'

const dirtyRows = 32_768
/** Six doubles: used (1), file, first byte in it, length, place in the arena, LSN from which the log has it (0: nowhere). */
const dirtyWords = 8
const answerRows = 512
/** Bytes of a row: used, request, LSN, length; then the reply. */
const answerBytes = 512
const answerHead = 32
const dirtyBytes = dirtyRows * dirtyWords * 8

const answersEnd = dirtyBytes + answerRows * answerBytes

/** Bytes of the tables; a multiple of 64 KiB. The arena lies behind them in the same descriptor. */
export const handoverTableBytes = answersEnd + unfinishedWriteBytes

export interface Handover {
  /** `handoverTableBytes` long. */
  readonly tables: SharedArrayBuffer
  readonly arena: SharedArrayBuffer
  /** What of a daemon that died goes on here: nothing (the memory is all zeros), what it had in memory, or its mount too. */
  readonly inherited: 'nothing' | 'memory' | 'mount'
}

export interface DirtyRow {
  readonly row: number
  readonly ino: number
  readonly start: number
  readonly length: number
  /** In the arena. */
  readonly position: number
}

/** Dirty bytes by where they lie. Rows are in the order in which they were taken, as `sequence` says. */
export class DirtyTable {
  readonly #words: Float64Array
  readonly #free: number[] = []
  readonly #unfinished: UnfinishedWriteRegion
  #sequence = 0

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Float64Array(shared, 0, dirtyRows * dirtyWords)
    this.#unfinished = new UnfinishedWriteRegion(shared, answersEnd)
    for (let row = dirtyRows - 1; row >= 0; row--) {
      const sequence = this.#words[row * dirtyWords] ?? 0
      this.#sequence = Math.max(this.#sequence, sequence)
      if (sequence === 0) this.#free.push(row)
    }
  }

  /** The bytes lie in the arena already. -1: no row is free, so there is no room for them. */
  take(ino: number, start: number, length: number, position: number): number {
    const row = this.#free.pop()
    if (row === undefined) return -1
    const at = row * dirtyWords
    this.#words[at + 1] = ino
    this.#words[at + 2] = start
    this.#words[at + 3] = length
    this.#words[at + 4] = position
    this.#words[at + 5] = 0
    this.#words[at] = ++this.#sequence
    return row
  }

  /** From here to `endWrite` rows are taken, lengthened and written over, and none is superseded: a death in between undoes it. */
  beginWrite(write: Omit<BegunWrite, 'sequence'>, dirty: readonly DirtyRange[]): void {
    this.#unfinished.begin({ ...write, sequence: this.#sequence }, dirty)
  }

  endWrite(): void {
    this.#unfinished.end()
  }

  lengthen(row: number, length: number): void {
    this.#words[row * dirtyWords + 3] = length
  }

  /** Nobody needs the bytes any more once the log holds everything up to `lsn`; until then they stay. */
  supersede(row: number, lsn: number): void {
    this.#words[row * dirtyWords + 5] = lsn
  }

  free(row: number): void {
    this.#words[row * dirtyWords] = 0
    this.#free.push(row)
  }

  /** What the daemon before left, oldest first: neither in a log that ends at `lastLsn`, nor given up. Other rows are freed. `arena`: its bytes. */
  left(lastLsn: number, arena: Uint8Array): readonly DirtyRow[] {
    this.#undo(arena)
    const rows: (DirtyRow & { readonly sequence: number })[] = []
    for (let row = 0; row < dirtyRows; row++) {
      const [sequence = 0, ino = 0, start = 0, length = 0, position = 0, lsn = 0] = this.#words.subarray(row * dirtyWords, (row + 1) * dirtyWords)
      if (sequence === 0) continue
      if (lsn > 0 && lsn <= lastLsn) this.free(row)
      else rows.push({ row, ino, start, length, position, sequence })
    }
    return rows.sort((one, other) => one.sequence - other.sequence)
  }

  /** Where rows lie over each other, all of them get the bytes that were to be seen: the newest one's. */
  #undo(arena: Uint8Array): void {
    const write = this.#unfinished.found()
    if (write === undefined) return
    if (write.last !== undefined) this.lengthen(write.last.row, write.last.length)
    for (let row = 0; row < dirtyRows; row++) {
      const [sequence = 0, ino = 0, start = 0, length = 0, position = 0] = this.#words.subarray(row * dirtyWords, (row + 1) * dirtyWords)
      if (sequence === 0) continue
      if (sequence > write.sequence) this.free(row)
      else if (ino === write.ino)
        for (const { at, bytes } of write.dirty) {
          const from = Math.max(write.start + at, start)
          const to = Math.min(write.start + at + bytes.byteLength, start + length)
          if (from < to) arena.set(bytes.subarray(from - write.start - at, to - write.start - at), position + from - start)
        }
    }
    this.#unfinished.end()
  }
}

/**
 * The last answers to requests that changed something. A request whose change is in the log and whose answer the kernel
 * did not get is sent again to the next daemon: it gets the same answer, and is not done twice.
 */
export class AnswerTable {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #next = 0

  constructor(shared: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(shared, dirtyBytes, answerRows * answerBytes)
    this.#view = new DataView(shared, dirtyBytes, answerRows * answerBytes)
  }

  /** `reply`: with its header. Valid when the log holds everything up to `lsn`. */
  note(request: number, lsn: number, reply: Uint8Array): void {
    invariant(reply.byteLength <= answerBytes - answerHead, 'a reply to a change is short')
    const at = this.#next * answerBytes
    this.#next = (this.#next + 1) % answerRows
    this.#view.setFloat64(at, 0)
    this.#view.setFloat64(at + 8, lsn)
    this.#view.setFloat64(at + 16, reply.byteLength)
    this.#bytes.set(reply, at + answerHead)
    this.#view.setFloat64(at, request)
  }

  /** By request, of those whose change is in a log that ends at `lastLsn`. All are forgotten here. */
  take(lastLsn: number): ReadonlyMap<number, Uint8Array> {
    const answers = new Map<number, Uint8Array>()
    for (let at = 0; at < this.#bytes.byteLength; at += answerBytes) {
      const request = this.#view.getFloat64(at)
      if (request > 0 && this.#view.getFloat64(at + 8) <= lastLsn)
        answers.set(request, this.#bytes.slice(at + answerHead, at + answerHead + this.#view.getFloat64(at + 16)))
      this.#view.setFloat64(at, 0)
    }
    return answers
  }
}
