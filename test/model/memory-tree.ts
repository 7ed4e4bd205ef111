// A whole filesystem in memory behind the driver's interface: the model that the driver is proved on, and that the
// vault's own filesystem is compared with. What it forgets at the end is everything.
import type {
  Answer, AttributeChanges, Attributes, Caller, CopyEnd, CreateReply, Errno, FillDirectory, Handler, Mount, OpenReply,
  Status, VolumeStatistics, WriteFlags,
} from '../../native-deps/fuse/handler.js'
import * as attributes from './memory-attributes.js'
import * as files from './memory-files.js'
import * as names from './memory-names.js'
import { errno, MemoryState, types, type MemoryNode, type Moment } from './memory-state.js'

const keepCache = 2
const noFlush = 32
const openTruncate = 0o1000

export class MemoryTree implements Handler {
  readonly state: MemoryState
  /** How often each part of the driver's promise was kept, for tests. */
  batches = 0

  constructor(clock: () => Moment, owner: { readonly uid: number; readonly gid: number }) {
    this.state = new MemoryState(clock, owner)
  }

  /** Unlinked files live until the kernel forgets them. */
  mounted(mount: Mount): void {
    this.state.watchForget = (ino) => mount.watchForget(ino)
  }

  #with<T>(ino: number, work: (node: MemoryNode) => T | Errno): T | Errno {
    const node = this.state.node(ino)
    return node === undefined ? errno.ESTALE : work(node)
  }

  lookup(parent: number, name: string): Answer<Attributes> {
    return names.lookup(this.state, parent, name)
  }

  forgotten(inos: readonly number[]): void {
    this.state.forgotten(inos)
  }

  getattr(ino: number): Answer<Attributes> {
    return this.#with<Attributes>(ino, (node) => node)
  }

  setattr(ino: number, changes: AttributeChanges): Answer<Attributes> {
    return attributes.setattr(this.state, ino, changes)
  }

  readlink(ino: number): Answer<Uint8Array> {
    return this.#with<Uint8Array>(ino, (node) => {
      if (node.target === undefined) return errno.EINVAL
      this.state.touchAccess(node)
      return node.target
    })
  }

  symlink(parent: number, name: string, target: Uint8Array, { uid, gid, pid }: Caller): Answer<Attributes> {
    return names.make(this.state, { parent, name }, { uid, gid, pid, mode: types.symlink | 0o777, umask: 0 }, (node) => {
      node.target = target
    })
  }

  mknod(parent: number, name: string, mode: number, rdev: number, umask: number, { uid, gid, pid }: Caller): Answer<Attributes> {
    return names.make(this.state, { parent, name }, { uid, gid, pid, mode, umask }, (node) => {
      node.rdev = rdev
    })
  }

  mkdir(parent: number, name: string, mode: number, umask: number, { uid, gid, pid }: Caller): Answer<Attributes> {
    return names.make(this.state, { parent, name }, { uid, gid, pid, mode: types.directory | (mode & 0o7777), umask })
  }

  unlink(parent: number, name: string): Status {
    return names.remove(this.state, parent, name, 'file')
  }

  rmdir(parent: number, name: string): Status {
    return names.remove(this.state, parent, name, 'directory')
  }

  rename(parent: number, name: string, newParent: number, newName: string, flags: number, { uid, gid, pid }: Caller): Status {
    const caller = { uid, gid, pid, mode: 0, umask: 0 }
    return names.rename(this.state, { parent, name }, { parent: newParent, name: newName }, flags, caller)
  }

  link(ino: number, newParent: number, newName: string): Answer<Attributes> {
    return names.link(this.state, ino, newParent, newName)
  }

  open(ino: number, flags: number, killSuidGid: boolean): Answer<OpenReply> {
    return this.#with<OpenReply>(ino, (node) => {
      if ((flags & openTruncate) !== 0 && node.content !== undefined) {
        node.content.truncate(0)
        if (killSuidGid) this.state.killSetIds(node)
        this.state.touchContent(node)
      }
      return { handle: 0, flags: keepCache | noFlush }
    })
  }

  create(parent: number, name: string, mode: number, _flags: number, umask: number, { uid, gid, pid }: Caller): Answer<CreateReply> {
    const made = names.make(this.state, { parent, name }, { uid, gid, pid, mode: types.file | (mode & 0o7777), umask })
    return typeof made === 'number' ? made : { attributes: made, handle: 0, flags: keepCache | noFlush }
  }

  tmpfile(parent: number, mode: number, _flags: number, umask: number, { uid, gid, pid }: Caller): Answer<CreateReply> {
    return this.#with<CreateReply>(parent, (directory) => {
      const node = this.state.create(directory, { uid, gid, pid, mode: types.file | (mode & 0o7777), umask })
      node.nlink = 0
      // The kernel's reference comes with this very reply: watched from the next batch on.
      this.#unnamed.push(node.ino)
      return { attributes: node, handle: 0, flags: keepCache | noFlush }
    })
  }

  #unnamed: number[] = []

  read(ino: number, _handle: number, offset: number, length: number): Answer<Uint8Array> {
    return files.read(this.state, ino, offset, length)
  }

  write(ino: number, _handle: number, offset: number, data: Uint8Array, flags: WriteFlags): Status {
    return files.write(this.state, ino, offset, data, flags)
  }

  flush(): Status {
    return 0
  }

  release(): Status {
    return 0
  }

  fsync(): Status {
    return 0
  }

  readdir(ino: number, cookie: number, _plus: boolean, fill: FillDirectory): Status {
    return names.list(this.state, ino, cookie, fill)
  }

  fsyncdir(): Status {
    return 0
  }

  syncfs(): Status {
    return 0
  }

  statfs(): Answer<VolumeStatistics> {
    const [blocks, files] = [2 ** 22, 2 ** 20]
    return {
      blocks, blocksFree: blocks / 2, blocksAvailable: blocks / 2, files, filesFree: files - this.state.nodes.size,
      blockSize: 4096, nameLengthMax: 255,
    }
  }

  setxattr(ino: number, name: string, value: Uint8Array, flags: number, killSgid: boolean): Status {
    return attributes.setxattr(this.state, ino, { name, value, flags, killSgid })
  }

  getxattr(ino: number, name: string): Answer<Uint8Array> {
    return attributes.getxattr(this.state, ino, name)
  }

  listxattr(ino: number): Answer<Uint8Array> {
    return attributes.listxattr(this.state, ino)
  }

  removexattr(ino: number, name: string): Status {
    return attributes.removexattr(this.state, ino, name)
  }

  fallocate(ino: number, _handle: number, mode: number, offset: number, length: number): Status {
    return files.fallocate(this.state, ino, mode, { offset, length })
  }

  lseek(ino: number, _handle: number, offset: number, whence: number): Status {
    return files.lseek(this.state, ino, offset, whence)
  }

  copyFileRange(from: CopyEnd, to: CopyEnd, length: number): Status {
    return files.copyFileRange(this.state, from, to, length)
  }

  afterBatch(): void {
    this.batches++
    if (this.#settling.length > 0) {
      for (const ino of this.#settling) {
        const node = this.state.node(ino)
        if (node?.nlink === 0) this.state.orphan(ino)
      }
    }
    this.#settling = this.#unnamed
    this.#unnamed = []
  }

  #settling: number[] = []
}
