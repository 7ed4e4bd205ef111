// What null-fs.c does, behind our driver: one directory of empty files in memory, reads of zeros, writes into nothing.
// What is left is the driver's cost.
import type { AttributeChanges, Attributes, Answer, CreateReply, FillDirectory, Handler, OpenReply, Status, VolumeStatistics } from '../../../native-deps/fuse/handler.js'

const notThere = -2
const notImplemented = -38
const keepCache = 2
const noFlush = 32
const regular = 0o100000
const folder = 0o040000

interface NullNode extends Attributes {
  mode: number
  size: number
  readonly cookie: number
}

export class NullTree implements Handler {
  readonly #names = new Map<string, NullNode>()
  readonly #nodes = new Map<number, NullNode>()
  readonly #zeros = new Uint8Array(1024 * 1024)
  readonly #root: NullNode
  #next = 2
  /** Where the last listing ended. */
  #listing: IterableIterator<[string, NullNode]> | undefined
  #held: [string, NullNode] | undefined
  #heldCookie = 0

  constructor() {
    this.#root = node(1, folder | 0o755)
    this.#nodes.set(1, this.#root)
  }

  lookup(_parent: number, name: string): Answer<Attributes> {
    return this.#names.get(name) ?? notThere
  }

  forgotten(): void {
    // Nodes stay, as in null-fs.c.
  }

  getattr(ino: number): Answer<Attributes> {
    return this.#nodes.get(ino) ?? notThere
  }

  setattr(ino: number, { size, mode }: AttributeChanges): Answer<Attributes> {
    const found = this.#nodes.get(ino)
    if (found === undefined) return notThere
    if (size !== undefined) found.size = size
    if (mode !== undefined) found.mode = mode
    return found
  }

  create(_parent: number, name: string, mode: number): Answer<CreateReply> {
    const made = node(this.#next++, regular | (mode & 0o7777))
    this.#names.set(name, made)
    this.#nodes.set(made.ino, made)
    return { attributes: made, handle: 0, flags: keepCache | noFlush }
  }

  unlink(_parent: number, name: string): Status {
    return this.#names.delete(name) ? 0 : notThere
  }

  open(): Answer<OpenReply> {
    return { handle: 0, flags: keepCache | noFlush }
  }

  read(ino: number, _handle: number, offset: number, length: number): Answer<Uint8Array> {
    const size = this.#nodes.get(ino)?.size ?? 0
    return this.#zeros.subarray(0, Math.max(0, Math.min(length, size - offset)))
  }

  write(ino: number, _handle: number, offset: number, data: Uint8Array): Status {
    const found = this.#nodes.get(ino)
    if (found !== undefined) found.size = Math.max(found.size, offset + data.byteLength)
    return data.byteLength
  }

  readdir(_ino: number, cookie: number, _plus: boolean, fill: FillDirectory): Status {
    if (cookie === 0 || this.#listing === undefined || cookie !== this.#heldCookie) {
      this.#listing = this.#names.entries()
      this.#held = undefined
    }
    for (;;) {
      const next = this.#held ?? this.#listing.next().value as [string, NullNode] | undefined
      this.#held = next
      if (next === undefined) return 0
      const [name, found] = next
      if (!fill(name, found.ino, found.mode, found.cookie, found)) return 0
      this.#heldCookie = found.cookie
      this.#held = undefined
    }
  }

  statfs(): Answer<VolumeStatistics> {
    return { blocks: 2 ** 22, blocksFree: 2 ** 21, blocksAvailable: 2 ** 21, files: 2 ** 20, filesFree: 2 ** 19, blockSize: 4096, nameLengthMax: 255 }
  }

  flush(): Status { return 0 }
  release(): Status { return 0 }
  fsync(): Status { return 0 }
  fsyncdir(): Status { return 0 }
  syncfs(): Status { return 0 }
  readlink(): Answer<Uint8Array> { return notImplemented }
  symlink(): Answer<Attributes> { return notImplemented }
  mknod(): Answer<Attributes> { return notImplemented }
  mkdir(): Answer<Attributes> { return notImplemented }
  rmdir(): Status { return notImplemented }
  rename(): Status { return notImplemented }
  link(): Answer<Attributes> { return notImplemented }
  tmpfile(): Answer<CreateReply> { return notImplemented }
  setxattr(): Status { return notImplemented }
  getxattr(): Answer<Uint8Array> { return notImplemented }
  listxattr(): Answer<Uint8Array> { return notImplemented }
  removexattr(): Status { return notImplemented }
  fallocate(): Status { return notImplemented }
  lseek(): Status { return notImplemented }
  copyFileRange(): Status { return notImplemented }
  afterBatch(): void {
    // Nothing is logged.
  }
}

function node(ino: number, mode: number): NullNode {
  return {
    ino, mode, cookie: ino + 16, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0,
    ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0,
  }
}
