// Requests as the kernel writes them: struct fuse_in_header (40 bytes), then the operation's own structure, then names
// that end with a zero byte. One RequestBuffer is one registered buffer; it is read anew for every request.

/** sizeof(struct fuse_in_header): len, opcode, unique, nodeid, uid, gid, pid, extension length, padding. */
export const headerBytes = 40
/** struct fuse_write_in follows the header; the data follows it. */
export const writeDataAt = headerBytes + 40
/** Room for the header and fuse_write_in before max_write bytes of data; a page, so that the sizes stay round. */
const spare = 4096

export class RequestBuffer {
  /** The name by which the channel knows it. */
  index = -1
  /** Bytes of the request in it. */
  length = 0
  readonly bytes: Buffer<ArrayBuffer>
  readonly #view: DataView<ArrayBuffer>

  constructor(writeBytesMax: number) {
    const memory = new ArrayBuffer(writeBytesMax + spare)
    this.bytes = Buffer.from(memory)
    this.#view = new DataView(memory)
  }

  get opcode(): number {
    return this.#view.getUint32(4, true)
  }

  get uniqueLow(): number {
    return this.#view.getUint32(8, true)
  }

  get uniqueHigh(): number {
    return this.#view.getUint32(12, true)
  }

  get node(): number {
    return this.long(16)
  }

  get uid(): number {
    return this.#view.getUint32(24, true)
  }

  get gid(): number {
    return this.#view.getUint32(28, true)
  }

  get pid(): number {
    return this.#view.getUint32(32, true)
  }

  word(at: number): number {
    return this.#view.getUint32(at, true)
  }

  /** An unsigned 64-bit number; Infinity when it is more than a number can hold exactly. */
  long(at: number): number {
    const high = this.#view.getUint32(at + 4, true)
    return high < 0x200000 ? high * 0x100000000 + this.#view.getUint32(at, true) : Infinity
  }

  /** A signed 64-bit number, for times before 1970. */
  signedLong(at: number): number {
    return this.#view.getInt32(at + 4, true) * 0x100000000 + this.#view.getUint32(at, true)
  }

  /** The zero-ended name at this place; one character a byte. */
  name(at: number): string {
    return this.bytes.toString('latin1', at, this.nameEnd(at))
  }

  nameEnd(at: number): number {
    const end = this.bytes.indexOf(0, at)
    return end < 0 || end > this.length ? this.length : end
  }

  /** A view, valid until the buffer is read into again. */
  data(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes.buffer, at, Math.max(0, Math.min(length, this.length - at)))
  }

  /** Bytes of the caller's own. */
  copy(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.data(at, length).slice()
  }
}
