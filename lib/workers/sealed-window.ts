// The sealed bytes that one thread read last, and what will be wanted behind them: one request to the disk for table and
// segments of a stretch, which are then looked at piece by piece.
import { sealedLengthOf, segmentPlainBytes } from '../format/blob-envelope.js'
import type { BlobLocation, BlobReader } from '../store/blob-cache-port.js'
import type { BlobId } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'

/** Table and segments of the largest read, wherever in the blob it begins. */
const windowBytesMax = sealedLengthOf(limits.readBytesMax + 2 * segmentPlainBytes)

export class SealedWindow {
  readonly #cache: BlobReader
  #bytes: Uint8Array = new Uint8Array(0)
  /** Where the cache can't give views. */
  #room = new Uint8Array(0)
  #name: string | undefined
  #start = 0
  #expected = 0

  constructor(cache: BlobReader) {
    this.#cache = cache
  }

  /** What is read next goes on up to there, about. */
  expect(end: number): void {
    this.#expected = end
  }

  /** A view that the next call may overwrite. `name`: of the blob and all that vouches for it. */
  read(name: string, blobId: BlobId, location: BlobLocation, offset: number, length: number): Uint8Array {
    const from = offset - this.#start
    if (name === this.#name && from >= 0 && from + length <= this.#bytes.byteLength) return this.#bytes.subarray(from, from + length)
    this.#name = undefined
    const ahead = Math.min(this.#expected, location.length, offset + windowBytesMax)
    this.#bytes = this.#view(blobId, location, offset, Math.max(length, ahead - offset))
    this.#name = name
    this.#start = offset
    return this.#bytes.subarray(0, length)
  }

  forget(name: string): void {
    if (this.#name === name) this.#name = undefined
  }

  #view(blobId: BlobId, location: BlobLocation, offset: number, length: number): Uint8Array {
    const view = this.#cache.view?.(blobId, location, offset, length)
    if (view !== undefined) return view
    if (this.#room.byteLength < length) this.#room = new Uint8Array(length)
    const into = this.#room.subarray(0, length)
    this.#cache.read(blobId, location, offset, into)
    return into
  }
}
