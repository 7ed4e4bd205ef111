// A filesystem with one file, `image`: the disk below a loop device. Every write and every flush goes into the journal
// before it is answered. One request after another, in the order in which the kernel asks.
import { closeSync, constants as files, openSync, readSync, statSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import type { Attributes, FillDirectory, Handler, OpenReply, VolumeStatistics } from '../../../native-deps/fuse/handler.js'
import { Journal } from './journal.js'

const { ENOENT, EOPNOTSUPP } = constants.errno
const rootIno = 1
const imageIno = 2
const imageName = 'image'
const keepCache = 2
const sectorBytes = 512
const readBytesMax = 1024 * 1024

export class RecordedDisk implements Handler {
  readonly #fd: number
  readonly #journal: Journal
  readonly #sizeBytes: number
  readonly #read = Buffer.alloc(readBytesMax)

  constructor(image: string, journal: string) {
    this.#fd = openSync(image, 'r+')
    this.#sizeBytes = statSync(image).size
    this.#journal = new Journal(journal)
  }

  close(): void {
    closeSync(this.#fd)
    this.#journal.close()
  }

  write(_ino: number, _handle: number, offset: number, data: Uint8Array): number {
    const began = process.hrtime.bigint()
    this.#journal.write(began, offset, data)
    if (writeSync(this.#fd, data, 0, data.byteLength, offset) !== data.byteLength) throw new Error('the image takes no more')
    return data.byteLength
  }

  fsync(): number {
    this.#journal.flush(process.hrtime.bigint())
    return 0
  }

  read(_ino: number, _handle: number, offset: number, length: number): Uint8Array {
    return this.#read.subarray(0, readSync(this.#fd, this.#read, 0, Math.min(length, readBytesMax), offset))
  }

  lookup(_parent: number, name: string): Attributes | number {
    return name === imageName ? this.#attributes(imageIno) : -ENOENT
  }

  getattr(ino: number): Attributes {
    return this.#attributes(ino)
  }

  /** Times only: nobody changes how long a disk is. */
  setattr(ino: number): Attributes {
    return this.#attributes(ino)
  }

  open(): OpenReply {
    return { handle: 0, flags: keepCache }
  }

  readdir(_ino: number, cookie: number, _plus: boolean, fill: FillDirectory): number {
    if (cookie === 0) fill(imageName, imageIno, files.S_IFREG, 1, this.#attributes(imageIno))
    return 0
  }

  statfs(): VolumeStatistics {
    return { blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 1, filesFree: 0, blockSize: 4096, nameLengthMax: 255 }
  }

  #attributes(ino: number): Attributes {
    const isRoot = ino === rootIno
    return {
      ino, mode: isRoot ? files.S_IFDIR | 0o700 : files.S_IFREG | 0o600, nlink: isRoot ? 2 : 1, uid: 0, gid: 0, rdev: 0,
      size: isRoot ? 0 : this.#sizeBytes, blocks: isRoot ? 0 : this.#sizeBytes / sectorBytes,
      atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0,
    }
  }

  flush = done
  release = done
  syncfs = done
  fsyncdir = done
  forgotten = nothing
  afterBatch = nothing
  /** A disk without discard: the kernel writes zeros instead. */
  fallocate = refused
  readlink = refused
  symlink = refused
  mknod = refused
  mkdir = refused
  unlink = refused
  rmdir = refused
  rename = refused
  link = refused
  create = refused
  tmpfile = refused
  setxattr = refused
  getxattr = refused
  listxattr = refused
  removexattr = refused
  lseek = refused
  copyFileRange = refused
}

function done(): number {
  return 0
}

function refused(): number {
  return -EOPNOTSUPP
}

function nothing(): void {
  // Nothing is kept that could be forgotten.
}
