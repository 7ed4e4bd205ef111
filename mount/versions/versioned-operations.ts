// The handler that the driver speaks to: what belongs to the past goes there, all else to the operations of the present.
// `.versions` is in every directory of the present: it answers by name, can't be made, moved or removed, and is not listed.
import { VaultError } from '../../lib/terms/errors.js'
import { isDirectory, modeType, rootIno, type Name } from '../../lib/tree/entry.js'
import type {
  Answer, AroundReply, AttributeChanges, Attributes, CopyEnd, CreateReply, FillDirectory, Handler, OpenReply, Request, Status,
  VolumeStatistics, WriteFlags,
} from '../../native-deps/fuse/handler.js'
import type { Answering } from '../answer.js'
import { errno } from '../errno.js'
import { copyInto, opened } from '../ops/files.js'
import type { Volume } from '../ops/volume.js'
import type { Operations } from '../operations.js'
import { isPast } from './numbers.js'
import type { Past } from './past.js'

const gateName: Name = '.versions'
/** Behind all that a directory lists. */
const gateCookie = Number.MAX_SAFE_INTEGER
const accessMode = 3
const truncate = 0o1000

export interface VersionedParts {
  readonly present: Operations
  readonly past: Past
  readonly volume: Volume
  readonly answering: Answering
  /** Lists `.versions` in the root. */
  readonly show: boolean
}

export class VersionedOperations implements Handler {
  readonly #present: Operations
  readonly #past: Past
  readonly #volume: Volume
  readonly #answering: Answering
  readonly #show: boolean

  constructor({ present, past, volume, answering, show }: VersionedParts) {
    this.#present = present
    this.#past = past
    this.#volume = volume
    this.#answering = answering
    this.#show = show
  }

  lookup(parent: number, name: Name): Answer<Attributes> {
    if (isPast(parent)) return this.#answering.ask(() => this.#past.lookup(parent, name))
    return name === gateName ? this.#answering.ask(() => this.#gate(parent)) : this.#present.lookup(parent, name)
  }

  forgotten(inos: readonly number[]): void {
    const past = inos.filter(isPast)
    if (past.length > 0) this.#past.forgotten(past)
    if (past.length < inos.length) this.#present.forgotten(inos.filter((ino) => !isPast(ino)))
  }

  getattr(ino: number): Answer<Attributes> {
    return isPast(ino) ? this.#answering.ask(() => this.#past.getattr(ino)) : this.#present.getattr(ino)
  }

  setattr(ino: number, changes: AttributeChanges): Answer<Attributes> {
    return isPast(ino) ? errno.EROFS : this.#present.setattr(ino, changes)
  }

  readlink(ino: number): Answer<Uint8Array> {
    return isPast(ino) ? this.#answering.ask(() => this.#past.readlink(ino)) : this.#present.readlink(ino)
  }

  symlink(parent: number, name: Name, target: Uint8Array, request: Request): Answer<Attributes> {
    return refuseNew(parent, name) ?? this.#present.symlink(parent, name, target, request)
  }

  mknod(parent: number, name: Name, mode: number, rdev: number, umask: number, request: Request): Answer<Attributes> {
    return refuseNew(parent, name) ?? this.#present.mknod(parent, name, mode, rdev, umask, request)
  }

  mkdir(parent: number, name: Name, mode: number, umask: number, request: Request): Answer<Attributes> {
    return refuseNew(parent, name) ?? this.#present.mkdir(parent, name, mode, umask, request)
  }

  unlink(parent: number, name: Name): Status {
    return refuseOld(parent, name) ?? this.#present.unlink(parent, name)
  }

  rmdir(parent: number, name: Name): Status {
    return refuseOld(parent, name) ?? this.#present.rmdir(parent, name)
  }

  rename(parent: number, name: Name, newParent: number, newName: Name, flags: number, request: Request): Status {
    return refuseOld(parent, name) ?? refuseNew(newParent, newName) ?? this.#present.rename(parent, name, newParent, newName, flags, request)
  }

  link(ino: number, newParent: number, newName: Name): Answer<Attributes> {
    if (isPast(ino)) return errno.EROFS
    return refuseNew(newParent, newName) ?? this.#present.link(ino, newParent, newName)
  }

  open(ino: number, flags: number, killSuidGid: boolean): Answer<OpenReply> {
    if (!isPast(ino)) return this.#present.open(ino, flags, killSuidGid)
    return (flags & (accessMode | truncate)) === 0 ? opened : errno.EROFS
  }

  create(parent: number, name: Name, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply> {
    return refuseNew(parent, name) ?? this.#present.create(parent, name, mode, flags, umask, request)
  }

  tmpfile(parent: number, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply> {
    return isPast(parent) ? errno.EROFS : this.#present.tmpfile(parent, mode, flags, umask, request)
  }

  read(ino: number, handle: number, offset: number, length: number): Answer<Uint8Array> {
    if (!isPast(ino)) return this.#present.read(ino, handle, offset, length)
    return this.#answering.ask<Uint8Array | number>(() => this.#past.read(ino, offset, length))
  }

  readAround(ino: number, offset: number, length: number): Answer<AroundReply> {
    if (!isPast(ino)) return this.#present.readAround(ino, offset, length)
    return this.#answering.ask<AroundReply | number>(() => this.#past.readAround(ino, offset, length))
  }

  write(ino: number, handle: number, offset: number, data: Uint8Array, flags: WriteFlags): Status {
    return isPast(ino) ? errno.EROFS : this.#present.write(ino, handle, offset, data, flags)
  }

  isLogged(ino: number): boolean {
    return isPast(ino) || (this.#present.isLogged?.(ino) ?? false)
  }

  flush(ino: number): Status {
    return isPast(ino) ? 0 : this.#present.flush(ino)
  }

  release(): Status {
    return this.#present.release()
  }

  fsync(ino: number): Status {
    return isPast(ino) ? 0 : this.#present.fsync(ino)
  }

  readdir(ino: number, cookie: number, plus: boolean, fill: FillDirectory): Status {
    if (isPast(ino)) return this.#answering.ask(() => this.#past.readdir(ino, cookie, plus, fill))
    if (ino !== rootIno || !this.#show) return this.#present.readdir(ino, cookie, plus, fill)
    return this.#withGate(cookie, plus, fill)
  }

  fsyncdir(ino: number): Status {
    return isPast(ino) ? 0 : this.#present.fsyncdir()
  }

  syncfs(): Status {
    return this.#present.syncfs()
  }

  statfs(): Answer<VolumeStatistics> {
    return this.#present.statfs()
  }

  setxattr(ino: number, name: Name, value: Uint8Array, flags: number, killSgid: boolean): Status {
    return isPast(ino) ? errno.EROFS : this.#present.setxattr(ino, name, value, flags, killSgid)
  }

  getxattr(ino: number, name: Name): Answer<Uint8Array> {
    return isPast(ino) ? this.#answering.ask(() => this.#past.getxattr(ino, name)) : this.#present.getxattr(ino, name)
  }

  listxattr(ino: number): Answer<Uint8Array> {
    return isPast(ino) ? this.#answering.ask(() => this.#past.listxattr(ino)) : this.#present.listxattr(ino)
  }

  removexattr(ino: number, name: Name): Status {
    return isPast(ino) ? errno.EROFS : this.#present.removexattr(ino, name)
  }

  fallocate(ino: number, handle: number, mode: number, offset: number, length: number): Status {
    return isPast(ino) ? errno.EROFS : this.#present.fallocate(ino, handle, mode, offset, length)
  }

  lseek(ino: number, handle: number, offset: number, whence: number): Status {
    return isPast(ino) ? this.#answering.ask(() => this.#past.lseek(ino, offset, whence)) : this.#present.lseek(ino, handle, offset, whence)
  }

  copyFileRange(from: CopyEnd, to: CopyEnd, length: number): Status {
    if (isPast(to.ino)) return errno.EROFS
    if (!isPast(from.ino)) return this.#present.copyFileRange(from, to, length)
    return this.#answering.change<number>(async () => {
      const content = await this.#past.content(from.ino)
      return typeof content === 'number' ? content : await copyInto(this.#volume, { content: () => content, offset: from.offset }, to, length)
    })
  }

  getflags(ino: number): Status {
    return isPast(ino) ? this.#answering.ask(() => this.#past.getflags(ino)) : this.#present.getflags(ino)
  }

  setflags(ino: number, flags: number): Status {
    return isPast(ino) ? errno.EROFS : this.#present.setflags(ino, flags)
  }

  shutdown(request: Request): Status {
    return this.#present.shutdown(request)
  }

  afterBatch(): number {
    return this.#present.afterBatch()
  }

  #gate(parent: number): Attributes {
    const directory = this.#volume.vault.tree.get(parent)
    if (directory === undefined) throw new VaultError('stale', 'The directory is not there any more', { subject: `entry ${parent}` })
    if (!isDirectory(directory)) throw new VaultError('not-a-directory', 'Only directories have .versions', { subject: `entry ${parent}` })
    return this.#past.gate(directory)
  }

  /** The root's listing, and `.versions` at its end. */
  #withGate(cookie: number, plus: boolean, fill: FillDirectory): Status {
    if (cookie >= gateCookie) return 0
    let isFull = false
    const status = this.#present.readdir(rootIno, cookie, plus, (...entry) => {
      const taken = fill(...entry)
      isFull ||= !taken
      return taken
    })
    if (typeof status !== 'number' || status < 0 || isFull) return status
    return this.#answering.ask(() => {
      const gate = this.#gate(rootIno)
      fill(gateName, gate.ino, modeType.directory, gateCookie, plus ? gate : null)
      return 0
    })
  }
}

/** Why the name can't be given to anything; undefined: it can. */
function refuseNew(parent: number, name: Name): number | undefined {
  if (isPast(parent)) return errno.EROFS
  return name === gateName ? errno.EEXIST : undefined
}

/** Why the name can't be taken away. */
function refuseOld(parent: number, name: Name): number | undefined {
  if (isPast(parent)) return errno.EROFS
  return name === gateName ? errno.EPERM : undefined
}
