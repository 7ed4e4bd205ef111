// Stands between the driver and the operations when owners are shown otherwise than they are stored: attributes and access
// lists on their way out, callers, chown and access lists on their way in, of the present and of `.versions` alike.
import { accessAclName, defaultAclName } from '../../lib/tree/posix/acl.js'
import type { Name } from '../../lib/tree/entry.js'
import type {
  Answer, AroundReply, AttributeChanges, Attributes, CopyEnd, CreateReply, FillDirectory, Handler, OpenReply, Request, Status,
  VolumeStatistics, WriteFlags,
} from '../../native-deps/fuse/handler.js'
import type { Owners } from './owners.js'

type Inner = Handler & Required<Pick<Handler, 'getflags' | 'readAround' | 'setflags' | 'shutdown'>>

export class MappedOperations implements Handler {
  readonly #inner: Inner
  readonly #owners: Owners
  readonly #shown = (answer: Attributes | number): Attributes | number => (typeof answer === 'number' ? answer : this.#show(answer))

  constructor(inner: Inner, owners: Owners) {
    this.#inner = inner
    this.#owners = owners
  }

  lookup(parent: number, name: Name, request: Request): Answer<Attributes> {
    return this.#out(this.#inner.lookup(parent, name, request))
  }

  forgotten(inos: readonly number[]): void {
    this.#inner.forgotten(inos)
  }

  getattr(ino: number, handle: number | undefined, request: Request): Answer<Attributes> {
    return this.#out(this.#inner.getattr(ino, handle, request))
  }

  setattr(ino: number, { uid, gid, ...others }: AttributeChanges, request: Request): Answer<Attributes> {
    const owner = uid === undefined && gid === undefined ? {} : this.#owners.change({ ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) })
    return typeof owner === 'number' ? owner : this.#out(this.#inner.setattr(ino, { ...others, ...owner }, request))
  }

  readlink(ino: number, request: Request): Answer<Uint8Array> {
    return this.#inner.readlink(ino, request)
  }

  symlink(parent: number, name: Name, target: Uint8Array, request: Request): Answer<Attributes> {
    return this.#made(request, (maker) => this.#inner.symlink(parent, name, target, maker))
  }

  mknod(parent: number, name: Name, mode: number, rdev: number, umask: number, request: Request): Answer<Attributes> {
    return this.#made(request, (maker) => this.#inner.mknod(parent, name, mode, rdev, umask, maker))
  }

  mkdir(parent: number, name: Name, mode: number, umask: number, request: Request): Answer<Attributes> {
    return this.#made(request, (maker) => this.#inner.mkdir(parent, name, mode, umask, maker))
  }

  unlink(parent: number, name: Name, request: Request): Status {
    return this.#inner.unlink(parent, name, request)
  }

  rmdir(parent: number, name: Name, request: Request): Status {
    return this.#inner.rmdir(parent, name, request)
  }

  rename(parent: number, name: Name, newParent: number, newName: Name, flags: number, request: Request): Status {
    // A whiteout is made by the caller.
    const maker = flags === 0 ? request : this.#maker(request)
    return typeof maker === 'number' ? maker : this.#inner.rename(parent, name, newParent, newName, flags, maker)
  }

  link(ino: number, newParent: number, newName: Name, request: Request): Answer<Attributes> {
    return this.#out(this.#inner.link(ino, newParent, newName, request))
  }

  open(ino: number, flags: number, killSuidGid: boolean, request: Request): Answer<OpenReply> {
    return this.#inner.open(ino, flags, killSuidGid, request)
  }

  create(parent: number, name: Name, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply> {
    return this.#created(request, (maker) => this.#inner.create(parent, name, mode, flags, umask, maker))
  }

  tmpfile(parent: number, mode: number, flags: number, umask: number, request: Request): Answer<CreateReply> {
    return this.#created(request, (maker) => this.#inner.tmpfile(parent, mode, flags, umask, maker))
  }

  read(ino: number, handle: number, offset: number, length: number, request: Request): Answer<Uint8Array> {
    return this.#inner.read(ino, handle, offset, length, request)
  }

  readAround(ino: number, offset: number, length: number, request: Request): Answer<AroundReply> {
    return this.#inner.readAround(ino, offset, length, request)
  }

  write(ino: number, handle: number, offset: number, data: Uint8Array, flags: WriteFlags, request: Request): Status {
    return this.#inner.write(ino, handle, offset, data, flags, request)
  }

  isLogged(ino: number): boolean {
    return this.#inner.isLogged?.(ino) ?? false
  }

  flush(ino: number, handle: number, request: Request): Status {
    return this.#inner.flush(ino, handle, request)
  }

  release(ino: number, handle: number, request: Request): Status {
    return this.#inner.release(ino, handle, request)
  }

  fsync(ino: number, handle: number, dataOnly: boolean, request: Request): Status {
    return this.#inner.fsync(ino, handle, dataOnly, request)
  }

  readdir(ino: number, cookie: number, plus: boolean, fill: FillDirectory, request: Request): Status {
    const fillShown: FillDirectory = (name, entry, mode, next, attributes) => fill(name, entry, mode, next, attributes === null ? null : this.#show(attributes))
    return this.#inner.readdir(ino, cookie, plus, plus ? fillShown : fill, request)
  }

  fsyncdir(ino: number, dataOnly: boolean, request: Request): Status {
    return this.#inner.fsyncdir(ino, dataOnly, request)
  }

  syncfs(ino: number, request: Request): Status {
    return this.#inner.syncfs(ino, request)
  }

  statfs(ino: number, request: Request): Answer<VolumeStatistics> {
    return this.#inner.statfs(ino, request)
  }

  setxattr(ino: number, name: Name, value: Uint8Array, flags: number, killSgid: boolean, request: Request): Status {
    const stored = isAcl(name) ? this.#owners.storeAcl(value) : value
    return typeof stored === 'number' ? stored : this.#inner.setxattr(ino, name, stored, flags, killSgid, request)
  }

  getxattr(ino: number, name: Name, request: Request): Answer<Uint8Array> {
    const answer = this.#inner.getxattr(ino, name, request)
    if (!isAcl(name)) return answer
    const shown = (value: Uint8Array | number): Uint8Array | number => (typeof value === 'number' ? value : this.#owners.showAcl(value))
    return answer instanceof Promise ? answer.then(shown) : shown(answer)
  }

  listxattr(ino: number, request: Request): Answer<Uint8Array> {
    return this.#inner.listxattr(ino, request)
  }

  removexattr(ino: number, name: Name, request: Request): Status {
    return this.#inner.removexattr(ino, name, request)
  }

  fallocate(ino: number, handle: number, mode: number, offset: number, length: number, request: Request): Status {
    return this.#inner.fallocate(ino, handle, mode, offset, length, request)
  }

  lseek(ino: number, handle: number, offset: number, whence: number, request: Request): Status {
    return this.#inner.lseek(ino, handle, offset, whence, request)
  }

  copyFileRange(from: CopyEnd, to: CopyEnd, length: number, request: Request): Status {
    return this.#inner.copyFileRange(from, to, length, request)
  }

  getflags(ino: number, request: Request): Status {
    return this.#inner.getflags(ino, request)
  }

  setflags(ino: number, flags: number, request: Request): Status {
    return this.#inner.setflags(ino, flags, request)
  }

  shutdown(request: Request): Status {
    return this.#inner.shutdown(request)
  }

  afterBatch(): number | void {
    return this.#inner.afterBatch()
  }

  #show(attributes: Attributes): Attributes {
    // No such name.
    if (attributes.ino === 0) return attributes
    return { ...attributes, ...this.#owners.show(attributes) }
  }

  #out(answer: Answer<Attributes>): Answer<Attributes> {
    return answer instanceof Promise ? answer.then(this.#shown) : this.#shown(answer)
  }

  #maker(request: Request): Request | number {
    const maker = this.#owners.maker(request)
    return typeof maker === 'number' ? maker : { ...maker, pid: request.pid, onAbort: (callback) => { request.onAbort(callback) } }
  }

  #made(request: Request, make: (maker: Request) => Answer<Attributes>): Answer<Attributes> {
    const maker = this.#maker(request)
    return typeof maker === 'number' ? maker : this.#out(make(maker))
  }

  #created(request: Request, make: (maker: Request) => Answer<CreateReply>): Answer<CreateReply> {
    const maker = this.#maker(request)
    if (typeof maker === 'number') return maker
    const answer = make(maker)
    const shown = (reply: CreateReply | number): CreateReply | number =>
      typeof reply === 'number' ? reply : { ...reply, attributes: this.#show(reply.attributes) }
    return answer instanceof Promise ? answer.then(shown) : shown(answer)
  }
}

function isAcl(name: Name): boolean {
  return name === accessAclName || name === defaultAclName
}
