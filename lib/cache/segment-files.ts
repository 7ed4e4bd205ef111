// The segment files of the cache: their names, and a bounded set of open descriptors for one thread.
import { closeSync, fdatasyncSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fromErrno } from '../terms/errors.js'

export const segmentsFolder = 'segments'
export const databaseName = 'cache.db'

export function segmentPath(directory: string, segment: number): string {
  return join(directory, segmentsFolder, `${segment}.blobs`)
}

/** Numbers of the segment files that are there, ascending. */
export function segmentNumbers(directory: string): number[] {
  const numbers = readdirSync(join(directory, segmentsFolder)).map((name) => /^(\d{1,9})\.blobs$/.exec(name)?.[1])
  return numbers.filter((text) => text !== undefined).map(Number).sort((a, b) => a - b)
}

/** Descriptors, the least recently used closed first. */
export class OpenSegments {
  readonly #directory: string
  readonly #flags: string | number
  readonly #limit: number
  readonly #open = new Map<number, number>()

  constructor(directory: string, flags: 'r' | 'r+' | number, limit: number) {
    this.#directory = directory
    this.#flags = flags
    this.#limit = limit
  }

  /** Throws what open(2) says, as VaultError. */
  fd(segment: number): number {
    const known = this.#open.get(segment)
    if (known !== undefined) {
      this.#open.delete(segment)
      this.#open.set(segment, known)
      return known
    }
    const path = segmentPath(this.#directory, segment)
    let fd: number
    try {
      fd = openSync(path, this.#flags)
    } catch (error) {
      throw fromErrno(error, path)
    }
    this.#open.set(segment, fd)
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#limit) break
      this.drop(oldest)
    }
    return fd
  }

  drop(segment: number): void {
    const fd = this.#open.get(segment)
    if (fd === undefined) return
    this.#open.delete(segment)
    closeSync(fd)
  }

  close(): void {
    for (const segment of [...this.#open.keys()]) this.drop(segment)
  }
}

/** As many bytes of the file as there are, at most `into`. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.byteLength) {
    const count = readSync(fd, into, done, into.byteLength - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Bytes of the file are on the disk on return. */
export function syncSegment(fd: number, path: string): void {
  try {
    fdatasyncSync(fd)
  } catch (error) {
    throw fromErrno(error, path)
  }
}
