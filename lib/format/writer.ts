// Writes the bytes of a format from front to back into memory that grows. The mirror of reader.ts: big-endian, varints
// in their shortest form. A value that does not fit is a broken invariant of ours, not bad input.

import { invariant } from '../terms/errors.js'

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xff, `${value} is no u8`)
    const at = this.#room(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xffff, `${value} is no u16`)
    const at = this.#room(2)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `${value} is no u32`)
    const at = this.#room(4)
    this.#view.setUint32(at, value)
    return this
  }

  u64(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, `${value} is no u64 below 2^53`)
    const at = this.#room(8)
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000))
    this.#view.setUint32(at + 4, value % 0x1_0000_0000)
    return this
  }

  varint(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, `${value} is no varint below 2^53`)
    let left = value
    while (left >= 0x80) {
      this.u8((left % 0x80) + 0x80)
      left = Math.floor(left / 0x80)
    }
    return this.u8(left)
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.byteLength)
    this.#bytes.set(value, at)
    return this
  }

  ascii(text: string): this {
    return this.bytes(Buffer.from(text, 'latin1'))
  }

  zeros(length: number): this {
    const at = this.#room(length)
    this.#bytes.fill(0, at, at + length)
    return this
  }

  lengthPrefixed(value: Uint8Array): this {
    return this.varint(value.byteLength).bytes(value)
  }

  /** A view of what was written so far; a copy is made by `take`. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What was written, in memory of exactly its size. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }

  /** Begins again in the same memory; earlier views are overwritten. */
  reset(): this {
    this.#length = 0
    return this
  }

  /** Its callers take the place first and the memory then: growing replaces `#bytes` and `#view`. */
  #room(length: number): number {
    const at = this.#length
    const end = at + length
    if (end > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.byteLength * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = end
    return at
  }
}
