// The package's table of path operations, each translated to the handler's inodes. Answers leave after afterBatch; a
// callback that is never called would leave its caller hanging for ever, so every path through here ends in one.
import type { Operations, Stat, Statfs } from 'fuse-native'
import type { Logger } from '../lib/terms/log.js'
import type { Answer, AttributeChanges, Attributes, Handler, Request, WriteFlags } from './fuse/handler.js'
import { nameBytesMax } from './fuse/protocol.js'
import { RequestLedger, type WaitingRequest } from './fuse/request-ledger.js'

const errno = { ENOENT: -2, EIO: -5, EBADF: -9, ENAMETOOLONG: -36 } as const
const rootIno = 1
/** chown's "leave it". */
const unchanged = 0xffffffff
const openReadWrite = 2
const plainWrite: WriteFlags = { fromCache: false, killSuidGid: false, append: false }

interface OpenFile {
  readonly ino: number
  readonly handle: number
}

interface Place {
  readonly parent: number
  readonly name: string
}

/** An errno on its way out of a walk. */
class Refusal {
  readonly errno: number

  constructor(number: number) {
    this.errno = number
  }
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function utf8(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8')
}

/** One part of a path as the handler has it. The kernel lets names of up to 1024 bytes through. */
function nameOf(part: string): string {
  const name = latin1(part)
  if (name.length > nameBytesMax) throw new Refusal(errno.ENAMETOOLONG)
  return name
}

async function take<T>(answer: Answer<T>): Promise<T> {
  const value = await answer
  if (typeof value === 'number' && value < 0) throw new Refusal(value)
  // The handler's type says that a number which is not negative is a T here.
  return value as T
}

/** The past's numbers have more bits; folded into the upper half they are still none of the present's. */
function ino32(ino: number): number {
  return ino < 0x80000000 ? ino : 0x80000000 + (ino % 0x7fffffff)
}

function statOf(from: Attributes): Stat {
  const ms = (sec: number, nsec: number): number => Math.max(0, sec * 1000 + Math.floor(nsec / 1e6))
  return {
    mode: from.mode, uid: from.uid, gid: from.gid, size: from.size, nlink: from.nlink, ino: ino32(from.ino),
    rdev: from.rdev, blksize: 4096, blocks: from.blocks, atime: ms(from.atimeSec, from.atimeNsec),
    mtime: ms(from.mtimeSec, from.mtimeNsec), ctime: ms(from.ctimeSec, from.ctimeNsec),
  }
}

export class FuseNativeOperations {
  readonly ledger = new RequestLedger<WaitingRequest>()
  readonly #handler: Handler
  readonly #logger: Logger
  readonly #files = new Map<number, OpenFile>()
  #nextFile = 1
  #nextRequest = 1
  /** libfuse knows who calls, the package does not pass it on. */
  readonly #caller: Request = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, pid: 0, onAbort: () => undefined }

  constructor(handler: Handler, logger: Logger) {
    this.#handler = handler
    this.#logger = logger
  }

  table(): Operations {
    return { ...this.#attributeOperations(), ...this.#nameOperations(), ...this.#fileOperations() }
  }

  /** Runs one operation; `done` is called exactly once, with what it answers or with an errno. */
  #run<T>(answer: (result: number, value?: T) => void, work: () => Promise<T>): void {
    const key = this.#nextRequest++
    this.ledger.begin(key, { opcode: 0, node: 0, waitsSinceMs: 0 })
    const done: typeof answer = (result, value) => {
      this.ledger.end(key)
      this.ledger.answered++
      answer(result, value)
    }
    work().then((value) => {
      const result = this.#handler.afterBatch() ?? 0
      done(result, value)
    }).catch((error: unknown) => {
      if (error instanceof Refusal) return done(error.errno)
      this.#logger.log('error', 'an operation failed unexpectedly and was answered EIO', { error: String(error) })
      done(errno.EIO)
    })
  }

  async #walk(path: string): Promise<number> {
    let ino = rootIno
    for (const part of path.split('/')) {
      if (part === '') continue
      ino = (await take(this.#handler.lookup(ino, nameOf(part), this.#caller))).ino
      // Absent for now, which the kernel need not hear of here.
      if (ino === 0) throw new Refusal(errno.ENOENT)
    }
    return ino
  }

  async #place(path: string): Promise<Place> {
    const cut = path.lastIndexOf('/')
    return { parent: await this.#walk(path.slice(0, cut)), name: nameOf(path.slice(cut + 1)) }
  }

  #file(fd: number): OpenFile {
    const file = this.#files.get(fd)
    if (file === undefined) throw new Refusal(errno.EBADF)
    return file
  }

  #keep(file: OpenFile): number {
    while (this.#files.has(this.#nextFile)) this.#nextFile = (this.#nextFile % 0x7fffffff) + 1
    this.#files.set(this.#nextFile, file)
    return this.#nextFile
  }

  async #change(path: string, changes: AttributeChanges): Promise<void> {
    await take(this.#handler.setattr(await this.#walk(path), changes, this.#caller))
  }

  #attributeOperations(): Pick<Operations, 'statfs' | 'getattr' | 'fgetattr' | 'truncate' | 'ftruncate' | 'utimens' | 'chown' |
    'chmod' | 'setxattr' | 'getxattr' | 'listxattr' | 'removexattr'> {
    const [handler, caller] = [this.#handler, this.#caller]
    const time = (ms: number): { sec: number; nsec: number } => {
      const sec = Math.floor(ms / 1000)
      return { sec, nsec: Math.floor((ms - sec * 1000) * 1e6) }
    }
    const getattr: Operations['getattr'] = (path, done) =>
      this.#run<Stat>(done, async () => statOf(await take(handler.getattr(await this.#walk(path), undefined, caller))))
    return {
      getattr,
      fgetattr: (path, _fd, done) => getattr(path, done),
      statfs: (path, done) => this.#run<Statfs>(done, async () => {
        const from = await take(handler.statfs(await this.#walk(path), caller))
        return {
          bsize: from.blockSize, frsize: from.blockSize, blocks: from.blocks, bfree: from.blocksFree, bavail: from.blocksAvailable,
          files: from.files, ffree: from.filesFree, favail: from.filesFree, namemax: from.nameLengthMax,
        }
      }),
      truncate: (path, size, done) => this.#run(done, () => this.#change(path, { size })),
      ftruncate: (_path, fd, size, done) => this.#run(done, async () => {
        const { ino, handle } = this.#file(fd)
        await take(handler.setattr(ino, { size, handle }, caller))
      }),
      utimens: (path, atime, mtime, done) => this.#run(done, () => this.#change(path, { atime: time(atime), mtime: time(mtime) })),
      chown: (path, uid, gid, done) => this.#run(done, () =>
        this.#change(path, { ...(uid === unchanged ? {} : { uid }), ...(gid === unchanged ? {} : { gid }) })),
      chmod: (path, mode, done) => this.#run(done, () => this.#change(path, { mode })),
      setxattr: (path, name, value, _position, flags, done) => this.#run(done, async () => {
        await take(handler.setxattr(await this.#walk(path), latin1(name), Uint8Array.from(value), flags, false, caller))
      }),
      getxattr: (path, name, _position, done) => this.#run<Buffer>(done, async () =>
        Buffer.from(await take(handler.getxattr(await this.#walk(path), latin1(name), caller)))),
      listxattr: (path, done) => this.#run<readonly string[]>(done, async () => {
        const list = Buffer.from(await take(handler.listxattr(await this.#walk(path), caller)))
        return list.toString('utf8').split('\0').filter((name) => name !== '')
      }),
      removexattr: (path, name, done) => this.#run(done, async () => {
        await take(handler.removexattr(await this.#walk(path), latin1(name), caller))
      }),
    }
  }

  #nameOperations(): Pick<Operations, 'readdir' | 'readlink' | 'mknod' | 'unlink' | 'rename' | 'link' | 'symlink' | 'mkdir' | 'rmdir'> {
    const [handler, caller] = [this.#handler, this.#caller]
    return {
      readdir: (path, done) => this.#run<readonly string[]>(done, async () => {
        const names: string[] = []
        await take(handler.readdir(await this.#walk(path), 0, false, (name) => names.push(utf8(name)) > 0, caller))
        return names
      }),
      readlink: (path, done) => this.#run<string>(done, async () =>
        Buffer.from(await take(handler.readlink(await this.#walk(path), caller))).toString('utf8')),
      mknod: (path, mode, device, done) => this.#run(done, async () => {
        const { parent, name } = await this.#place(path)
        await take(handler.mknod(parent, name, mode, device, 0, caller))
      }),
      mkdir: (path, mode, done) => this.#run(done, async () => {
        const { parent, name } = await this.#place(path)
        await take(handler.mkdir(parent, name, mode, 0, caller))
      }),
      unlink: (path, done) => this.#run(done, async () => {
        const { parent, name } = await this.#place(path)
        await take(handler.unlink(parent, name, caller))
      }),
      rmdir: (path, done) => this.#run(done, async () => {
        const { parent, name } = await this.#place(path)
        await take(handler.rmdir(parent, name, caller))
      }),
      rename: (from, to, done) => this.#run(done, async () => {
        const [source, goal] = [await this.#place(from), await this.#place(to)]
        await take(handler.rename(source.parent, source.name, goal.parent, goal.name, 0, caller))
      }),
      link: (path, newPath, done) => this.#run(done, async () => {
        const [ino, { parent, name }] = [await this.#walk(path), await this.#place(newPath)]
        await take(handler.link(ino, parent, name, caller))
      }),
      symlink: (target, path, done) => this.#run(done, async () => {
        const { parent, name } = await this.#place(path)
        await take(handler.symlink(parent, name, Buffer.from(target, 'utf8'), caller))
      }),
    }
  }

  #fileOperations(): Pick<Operations, 'flush' | 'fsync' | 'fsyncdir' | 'open' | 'read' | 'write' | 'release' | 'create'> {
    const [handler, caller] = [this.#handler, this.#caller]
    return {
      open: (path, flags, done) => this.#run<number>(done, async () => {
        const ino = await this.#walk(path)
        return this.#keep({ ino, handle: (await take(handler.open(ino, flags, false, caller))).handle })
      }),
      create: (path, mode, done) => this.#run<number>(done, async () => {
        const { parent, name } = await this.#place(path)
        const { attributes, handle } = await take(handler.create(parent, name, mode, openReadWrite, 0, caller))
        return this.#keep({ ino: attributes.ino, handle })
      }),
      read: (_path, fd, into, length, offset, done) => this.#run<number>((result, count) => done(count ?? result), async () => {
        const { ino, handle } = this.#file(fd)
        const bytes = await take(handler.read(ino, handle, offset, length, caller))
        into.set(bytes.subarray(0, length))
        return Math.min(bytes.byteLength, length)
      }),
      write: (_path, fd, data, length, offset, done) => this.#run<number>((result, count) => done(count ?? result), async () => {
        const { ino, handle } = this.#file(fd)
        return take<number>(handler.write(ino, handle, offset, data.subarray(0, length), plainWrite, caller))
      }),
      flush: (_path, fd, done) => this.#run(done, async () => {
        const { ino, handle } = this.#file(fd)
        await take(handler.flush(ino, handle, caller))
      }),
      fsync: (_path, dataOnly, fd, done) => this.#run(done, async () => {
        const { ino, handle } = this.#file(fd)
        await take(handler.fsync(ino, handle, dataOnly !== 0, caller))
      }),
      fsyncdir: (path, dataOnly, _fd, done) => this.#run(done, async () => {
        await take(handler.fsyncdir(await this.#walk(path), dataOnly !== 0, caller))
      }),
      release: (_path, fd, done) => this.#run(done, async () => {
        const { ino, handle } = this.#file(fd)
        this.#files.delete(fd)
        await take(handler.release(ino, handle, caller))
      }),
    }
  }
}
