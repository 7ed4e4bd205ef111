// Of the write that is just being copied into dirty memory: what it changes there, so that a daemon that takes over when
// this one dies in the middle can take it back. Then the write is there whole or not at all, also where nobody sends it
// again. Valid between its last store in `begin` and `end`.
import { invariant } from '../terms/errors.js'

const headBytes = 64 * 1024
/** What the kernel sends at once. */
const bytesMax = 1024 * 1024
/** Of this region of the handover's tables. */
export const unfinishedWriteBytes = headBytes + bytesMax

/** Words of the head. */
const valid = 0
const sequence = 1
const ino = 2
const start = 3
const length = 4
const lastRow = 5
const lastLength = 6
const keptCount = 7
/** From here on: where each range that was kept begins in the write, and its length. */
const ranges = 8
const rangesMax = (headBytes / 8 - ranges) / 2

export interface DirtyRange {
  /** From the beginning of the write. */
  readonly at: number
  /** As they were. */
  readonly bytes: Uint8Array
}

export interface BegunWrite {
  readonly ino: number
  readonly start: number
  readonly length: number
  /** Of the row that was taken last. */
  readonly sequence: number
  /** The row that it may lengthen. */
  readonly last: { readonly row: number; readonly length: number } | undefined
}

export interface UnfinishedWrite extends BegunWrite {
  /** To be put back. */
  readonly dirty: readonly DirtyRange[]
}

export class UnfinishedWriteRegion {
  readonly #words: Float64Array
  readonly #bytes: Uint8Array

  constructor(shared: SharedArrayBuffer, at: number) {
    this.#words = new Float64Array(shared, at, headBytes / 8)
    this.#bytes = new Uint8Array(shared, at + headBytes, bytesMax)
  }

  /** `dirty`: what of its range is dirty already, copied here. A write in so many pieces, or as long, that it does not fit is not noted. */
  begin(write: BegunWrite, dirty: readonly DirtyRange[]): void {
    if (write.length > bytesMax || dirty.length > rangesMax) return
    const words = this.#words
    words[sequence] = write.sequence
    words[ino] = write.ino
    words[start] = write.start
    words[length] = write.length
    words[lastRow] = write.last?.row ?? -1
    words[lastLength] = write.last?.length ?? 0
    words[keptCount] = dirty.length
    dirty.forEach(({ at, bytes }, index) => {
      words[ranges + index * 2] = at
      words[ranges + index * 2 + 1] = bytes.byteLength
      this.#bytes.set(bytes, at)
    })
    words[valid] = 1
  }

  end(): void {
    this.#words[valid] = 0
  }

  /** What the daemon before was in the middle of. */
  found(): UnfinishedWrite | undefined {
    const word = (index: number): number => this.#words[index] ?? 0
    if (word(valid) === 0) return undefined
    invariant(word(keptCount) <= rangesMax, 'an unfinished write has few pieces')
    const dirty = Array.from({ length: word(keptCount) }, (_, index) => {
      const at = word(ranges + index * 2)
      return { at, bytes: this.#bytes.subarray(at, at + word(ranges + index * 2 + 1)) }
    })
    const last = word(lastRow) < 0 ? undefined : { row: word(lastRow), length: word(lastLength) }
    return { ino: word(ino), start: word(start), length: word(length), sequence: word(sequence), last, dirty }
  }
}
