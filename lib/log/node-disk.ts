// The log's disk over node:fs. fdatasync runs on libuv's threads; everything else returns as soon as the kernel has it.
// Setting room aside needs fallocate(2), which node:fs lacks, so it is handed in.
import {
  closeSync, constants, existsSync, fdatasync, fstatSync, fsync, ftruncateSync, openSync, readSync, readdirSync, renameSync, unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { VaultError } from '../terms/errors.js'
import type { LogDisk, LogFile } from './disk.js'

const unsupported = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'])

export interface NodeDiskOptions {
  /** Exists, and nobody else writes in it. */
  readonly directory: string
  /** fallocate(2) from byte 0. Left out, or where the filesystem can't: the file only gets its size. */
  readonly preallocate?: (fd: number, sizeBytes: number) => void
  /** Nothing can be written: also where the files are on a disk that is mounted so. */
  readonly readOnly?: boolean
}

export function openNodeDisk(options: NodeDiskOptions): LogDisk {
  return new NodeDisk(options)
}

class NodeDisk implements LogDisk {
  readonly directory: string
  readonly #fd: number
  /** Leads to the folder that is open, wherever it is moved. */
  readonly #way: string
  readonly #preallocate: ((fd: number, sizeBytes: number) => void) | undefined
  readonly #readOnly: boolean

  constructor(options: NodeDiskOptions) {
    this.directory = options.directory
    this.#readOnly = options.readOnly ?? false
    this.#fd = openSync(options.directory, constants.O_RDONLY | constants.O_DIRECTORY)
    this.#preallocate = options.preallocate
    const way = `/proc/self/fd/${this.#fd}`
    this.#way = existsSync(way) ? way : this.directory
  }

  list(): readonly string[] {
    return readdirSync(this.#way)
  }

  open(name: string, create: boolean): LogFile {
    const flags = create ? constants.O_RDWR | constants.O_CREAT | constants.O_EXCL : this.#readOnly ? constants.O_RDONLY : constants.O_RDWR
    const fd = openSync(join(this.#way, name), flags, 0o600)
    try {
      return new NodeFile(fd, fstatSync(fd).size, this.#preallocate)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  rename(from: string, to: string): void {
    renameSync(join(this.#way, from), join(this.#way, to))
  }

  remove(name: string): void {
    unlinkSync(join(this.#way, name))
  }

  async syncDirectory(): Promise<void> {
    await new Promise<void>((resolve, reject) => { fsync(this.#fd, settle(resolve, reject)) })
  }

  close(): void {
    closeSync(this.#fd)
  }
}

class NodeFile implements LogFile {
  readonly #fd: number
  #sizeBytes: number
  readonly #preallocate: ((fd: number, sizeBytes: number) => void) | undefined

  constructor(fd: number, sizeBytes: number, preallocate: ((fd: number, sizeBytes: number) => void) | undefined) {
    this.#fd = fd
    this.#sizeBytes = sizeBytes
    this.#preallocate = preallocate
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  pwrite(bytes: Uint8Array, offset: number, length: number, position: number): void {
    let done = 0
    // A full disk or a signal may leave a write short; the rest then says why.
    while (done < length) done += writeSync(this.#fd, bytes, offset + done, length - done, position + done)
    this.#sizeBytes = Math.max(this.#sizeBytes, position + length)
  }

  pread(into: Uint8Array, position: number): number {
    let done = 0
    while (done < into.byteLength) {
      const read = readSync(this.#fd, into, done, into.byteLength - done, position + done)
      if (read === 0) break
      done += read
    }
    return done
  }

  async datasync(): Promise<void> {
    await new Promise<void>((resolve, reject) => { fdatasync(this.#fd, settle(resolve, reject)) })
  }

  async preallocate(sizeBytes: number): Promise<void> {
    if (sizeBytes <= this.#sizeBytes) return
    this.#reserve(sizeBytes)
    this.#sizeBytes = sizeBytes
    await this.datasync()
  }

  #reserve(sizeBytes: number): void {
    try {
      if (this.#preallocate === undefined) ftruncateSync(this.#fd, sizeBytes)
      else this.#preallocate(this.#fd, sizeBytes)
    } catch (error) {
      const reason = error instanceof VaultError ? error.cause : error
      if (!(reason instanceof Error && 'code' in reason && unsupported.has(String(reason.code)))) throw error
      ftruncateSync(this.#fd, sizeBytes)
    }
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.#fd, sizeBytes)
    this.#sizeBytes = sizeBytes
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function settle(resolve: () => void, reject: (error: Error) => void): (error: Error | null) => void {
  return (error) => { if (error === null) resolve(); else reject(error) }
}
