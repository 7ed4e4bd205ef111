// Reads the bytes of a format from front to back. Everything is bounds-checked: bytes may come from a hostile node or a
// dying disk, so running past the end is 'corrupt', never an exception of the language. Integers are big-endian.

import { VaultError } from '../terms/errors.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #subject: string
  #at = 0

  /** `subject` names the thing read, for the error: "vault header", "manifest entry 12". */
  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#subject = subject
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** A u64 that must be a safe integer: no length or sequence of ours comes near 2^53. */
  u64(): number {
    const at = this.#take(8)
    const value = this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw this.corrupt('a number above 2^53')
    return value
  }

  /** LEB128, shortest form only: one value has one encoding, or equal things would hash differently. */
  varint(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (byte === 0 && count > 0) throw this.corrupt('a number not in its shortest form')
        if (!Number.isSafeInteger(value)) throw this.corrupt('a number above 2^53')
        return value
      }
      factor *= 0x80
    }
    throw this.corrupt('a number above 2^53')
  }

  /** A view, not a copy: it lives as long as what was handed in. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A copy with memory of its own, for what is kept. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes(length))
  }

  /** A varint length and that many bytes, as a view. */
  lengthPrefixed(lengthMax: number): Uint8Array {
    const length = this.varint()
    if (length > lengthMax) throw this.corrupt(`a part of ${length} bytes where at most ${lengthMax} may be`)
    return this.bytes(length)
  }

  /** A varint length and that many bytes of UTF-8. Bytes that are none are refused: written again they would be others. */
  text(lengthMax: number): string {
    const bytes = this.lengthPrefixed(lengthMax)
    try {
      return utf8.decode(bytes)
    } catch {
      throw this.corrupt('a text that is not UTF-8')
    }
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }

  /** Every decoder ends with this: bytes after the end would be bytes nobody checks. */
  end(): void {
    if (this.remaining !== 0) throw this.corrupt(`${this.remaining} bytes too many`)
  }

  corrupt(what: string): VaultError {
    return new VaultError('corrupt', `${this.#subject}: ${what} at byte ${this.#at}`, { subject: this.#subject })
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) throw this.corrupt('ends too early')
    const at = this.#at
    this.#at += length
    return at
  }
}
