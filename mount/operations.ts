// The table given to the driver, nothing else: each operation with its family and whether it changes something.
import { isSynchronous } from '../lib/tree/posix/flags.js'
import { modeType, type Name } from '../lib/tree/entry.js'
import type {
  Answer, AroundReply, AttributeChanges, Attributes, CopyEnd, CreateReply, FillDirectory, Handler, OpenReply, Request, Status,
  VolumeStatistics, WriteFlags,
} from '../native-deps/fuse/handler.js'
import type { Answering } from './answer.js'
import * as attributes from './ops/attributes.js'
import * as directories from './ops/directories.js'
import * as files from './ops/files.js'
import * as flags from './ops/flags.js'
import * as links from './ops/links.js'
import * as renames from './ops/renames.js'
import { attributesOf, forgotten, orphan, shutdown, statistics, type Volume } from './ops/volume.js'
import * as xattrs from './ops/xattrs.js'

export class Operations implements Handler {
  readonly #volume: Volume
  readonly #answering: Answering
  /** Made without a name in this batch and in the one before: watched once the kernel has its reference. */
  #unnamed: number[] = []
  #unnamedBefore: number[] = []

  constructor(volume: Volume, answering: Answering) {
    this.#volume = volume
    this.#answering = answering
  }

  lookup(parent: number, name: Name): Answer<Attributes> {
    return this.#answering.ask(() => directories.lookup(this.#volume, parent, name), parent)
  }

  forgotten(inos: readonly number[]): void {
    void this.#answering.ask(() => {
      forgotten(this.#volume, inos)
      return 0
    })
  }

  getattr(ino: number): Answer<Attributes> {
    return this.#answering.ask(() => attributes.getattr(this.#volume, ino), ino)
  }

  setattr(ino: number, changes: AttributeChanges): Answer<Attributes> {
    return this.#lasting(ino, this.#answering.free(() => attributes.setattr(this.#volume, ino, changes)))
  }

  readlink(ino: number): Answer<Uint8Array> {
    return this.#answering.ask(() => links.readlink(this.#volume, ino), ino)
  }

  symlink(parent: number, name: Name, target: Uint8Array, request: Request): Answer<Attributes> {
    return this.#make({ parent, name }, { ...callerOf(request), mode: modeType.symlink | 0o777, umask: 0, target })
  }

  mknod(parent: number, name: Name, mode: number, rdev: number, umask: number, request: Request): Answer<Attributes> {
    return this.#make({ parent, name }, { ...callerOf(request), mode, umask, rdev })
  }

  mkdir(parent: number, name: Name, mode: number, umask: number, request: Request): Answer<Attributes> {
    return this.#make({ parent, name }, { ...callerOf(request), mode: modeType.directory | (mode & 0o7777), umask })
  }

  unlink(parent: number, name: Name): Status {
    return this.#answering.free(() => directories.remove(this.#volume, { parent, name }, 'file'))
  }

  rmdir(parent: number, name: Name): Status {
    return this.#answering.free(() => directories.remove(this.#volume, { parent, name }, 'directory'))
  }

  rename(parent: number, name: Name, newParent: number, newName: Name, flags: number, request: Request): Status {
    return this.#answering.change<number>(() => renames.rename(this.#volume, { parent, name }, { parent: newParent, name: newName }, flags, callerOf(request)))
  }

  link(ino: number, newParent: number, newName: Name): Answer<Attributes> {
    return this.#answering.change(() => links.link(this.#volume, ino, { parent: newParent, name: newName }))
  }

  open(ino: number, flags: number, killSuidGid: boolean): Answer<OpenReply> {
    const opening = (): OpenReply | number | Promise<OpenReply | number> => files.open(this.#volume, ino, flags, killSuidGid)
    return files.isTruncating(flags) ? this.#answering.change(opening) : this.#answering.ask(opening)
  }

  create(parent: number, name: Name, mode: number, _flags: number, umask: number, request: Request): Answer<CreateReply> {
    return this.#answering.change<CreateReply | number>(() => {
      const made = directories.make(this.#volume, { parent, name }, { ...callerOf(request), mode: modeType.file | (mode & 0o7777), umask })
      return typeof made === 'number' ? made : { ...files.opened, attributes: attributesOf(this.#volume, made) }
    })
  }

  tmpfile(parent: number, mode: number, _flags: number, umask: number, request: Request): Answer<CreateReply> {
    return this.#answering.change<CreateReply | number>(() => {
      const made = links.unnamed(this.#volume, parent, { ...callerOf(request), mode, umask })
      if (typeof made === 'number') return made
      this.#unnamed.push(made.ino)
      return { ...files.opened, attributes: made }
    })
  }

  read(ino: number, _handle: number, offset: number, length: number): Answer<Uint8Array> {
    return this.#answering.ask<Uint8Array | number>(() => files.read(this.#volume, ino, offset, length), ino)
  }

  readAround(ino: number, offset: number, length: number): Answer<AroundReply> {
    return this.#answering.ask<AroundReply | number>(() => files.readAround(this.#volume, ino, offset, length), ino)
  }

  write(ino: number, _handle: number, offset: number, data: Uint8Array, flags: WriteFlags): Status {
    return this.#lasting<number>(ino, this.#answering.change<number>(() => files.write(this.#volume, ino, offset, data, flags), data.byteLength))
  }

  isLogged(ino: number): boolean {
    return files.isLogged(this.#volume, ino)
  }

  flush(ino: number): Status {
    return this.#answering.ask<number>(() => files.flush(this.#volume, ino))
  }

  release(): Status {
    return 0
  }

  fsync(ino: number): Status {
    return this.#answering.ask<number>(() => files.fsync(this.#volume, ino))
  }

  readdir(ino: number, cookie: number, plus: boolean, fill: FillDirectory): Status {
    return this.#answering.ask(() => directories.list(this.#volume, ino, cookie, plus, fill), ino)
  }

  fsyncdir(): Status {
    return this.#answering.ask<number>(() => this.#volume.vault.syncLog().then(() => 0))
  }

  syncfs(): Status {
    return this.#answering.ask<number>(async () => {
      await this.#volume.vault.contents.spillAll()
      await this.#volume.vault.syncLog()
      return 0
    })
  }

  statfs(): Answer<VolumeStatistics> {
    return this.#answering.ask(() => statistics(this.#volume))
  }

  setxattr(ino: number, name: Name, value: Uint8Array, flags: number, killSgid: boolean): Status {
    return this.#answering.change(() => xattrs.setxattr(this.#volume, ino, { name, value, flags, killSgid }))
  }

  getxattr(ino: number, name: Name): Answer<Uint8Array> {
    return this.#answering.ask<Uint8Array | number>(() => xattrs.getxattr(this.#volume, ino, name), ino)
  }

  listxattr(ino: number): Answer<Uint8Array> {
    return this.#answering.ask(() => xattrs.listxattr(this.#volume, ino), ino)
  }

  removexattr(ino: number, name: Name): Status {
    return this.#answering.free(() => xattrs.removexattr(this.#volume, ino, name))
  }

  fallocate(ino: number, _handle: number, mode: number, offset: number, length: number): Status {
    return this.#lasting<number>(ino, this.#answering.change<number>(() => files.fallocate(this.#volume, ino, mode, offset, length)))
  }

  lseek(ino: number, _handle: number, offset: number, whence: number): Status {
    return this.#answering.ask<number>(() => files.lseek(this.#volume, ino, offset, whence), ino)
  }

  copyFileRange(from: CopyEnd, to: CopyEnd, length: number): Status {
    return this.#lasting<number>(to.ino, this.#answering.change<number>(() => files.copyFileRange(this.#volume, from, to, length)))
  }

  getflags(ino: number): Status {
    return this.#answering.ask(() => flags.getflags(this.#volume, ino))
  }

  setflags(ino: number, wanted: number): Status {
    return this.#answering.change(() => flags.setflags(this.#volume, ino, wanted))
  }

  shutdown(request: Request): Status {
    return this.#answering.ask(() => shutdown(this.#volume, request))
  }

  afterBatch(): number {
    if (this.#volume.vault.isDown) return 0
    const flushed = this.#answering.ask(() => {
      this.#volume.vault.flushLog()
      return 0
    })
    this.#watchUnnamed()
    return typeof flushed === 'number' ? flushed : 0
  }

  /** Of a file with chattr's S the answer waits for the disk. */
  #lasting<Value>(ino: number, answer: Answer<Value>): Answer<Value> {
    const entry = this.#volume.vault.tree.get(ino)
    if (entry === undefined || !isSynchronous(entry)) return answer
    return this.#answering.ask<Value | number>(async () => {
      const value = await answer
      if (typeof value === 'number' && value < 0) return value
      const synced = await files.fsync(this.#volume, ino)
      return synced < 0 ? synced : value
    })
  }

  #watchUnnamed(): void {
    if (this.#unnamed.length + this.#unnamedBefore.length === 0) return
    for (const ino of this.#unnamedBefore) if (this.#volume.vault.tree.get(ino)?.nlink === 0) orphan(this.#volume, ino)
    this.#unnamedBefore = this.#unnamed
    this.#unnamed = []
  }

  #make(place: directories.Place, making: directories.Making): Answer<Attributes> {
    return this.#answering.change<Attributes | number>(() => {
      const made = directories.make(this.#volume, place, making)
      return typeof made === 'number' ? made : attributesOf(this.#volume, made)
    })
  }
}

function callerOf({ uid, gid, pid }: Request): { uid: number; gid: number; pid: number } {
  return { uid, gid, pid }
}
