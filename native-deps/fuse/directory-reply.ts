// A listing on its way to the kernel: struct fuse_dirent or, with attributes, fuse_direntplus, one after the other,
// each padded to 8 bytes. Of its own memory, because a deferred listing fills it later; pooled.
import type { Attributes, FillDirectory } from './handler.js'
import { nameBytesMax } from './protocol.js'
import { entryBytes, putEntry, putLong, type Validities } from './protocol-output.js'

/** More than getdents64 of any libc asks for at once. */
const bytesMax = 128 * 1024
/** Up to here letter by letter is faster than a call into Node. */
const shortNameMax = 32
/** FUSE_NAME_OFFSET: ino, off, namelen, type. */
const direntBytes = 24

export class DirectoryReply {
  readonly bytes: Buffer<ArrayBuffer>
  length = 0
  readonly fill: FillDirectory
  readonly #view: DataView<ArrayBuffer>
  readonly #valid: Validities
  #room = 0
  #plus = false

  constructor(valid: Validities) {
    const memory = new ArrayBuffer(bytesMax)
    this.bytes = Buffer.from(memory)
    this.#view = new DataView(memory)
    this.#valid = valid
    this.fill = (name, ino, mode, cookie, attributes) => this.#add(name, ino, mode, cookie, attributes)
  }

  begin(room: number, plus: boolean): void {
    this.length = 0
    this.#room = Math.min(room, bytesMax)
    this.#plus = plus
  }

  #add(name: string, ino: number, mode: number, cookie: number, attributes: Attributes | null): boolean {
    if (name.length > nameBytesMax) return true
    const start = this.length
    const head = this.#plus ? entryBytes + direntBytes : direntBytes
    const end = start + ((head + name.length + 7) & ~7)
    if (end > this.#room) return false
    const view = this.#view
    if (this.#plus) this.#putAttributes(start, name, attributes)
    const at = start + head - direntBytes
    putLong(view, at, ino)
    putLong(view, at + 8, cookie)
    view.setUint32(at + 16, name.length, true)
    view.setUint32(at + 20, (mode >>> 12) & 15, true)
    this.#putName(name, at + direntBytes)
    // The padding must not carry what was here before.
    for (let byte = at + direntBytes + name.length; byte < end; byte++) view.setUint8(byte, 0)
    this.length = end
    return true
  }

  #putName(name: string, at: number): void {
    if (name.length > shortNameMax) {
      this.bytes.write(name, at, 'latin1')
      return
    }
    for (let index = 0; index < name.length; index++) this.bytes[at + index] = name.charCodeAt(index)
  }

  /** Node id 0: attributes are not given. The kernel counts no reference to "." and "..". */
  #putAttributes(at: number, name: string, attributes: Attributes | null): void {
    if (attributes !== null && name !== '.' && name !== '..') return putEntry(this.#view, at, attributes, this.#valid)
    for (let word = 0; word < entryBytes; word += 4) this.#view.setUint32(at + word, 0, true)
  }
}
