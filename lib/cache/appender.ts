// One thread's own segment file, written from front to back. What is written counts only when the keeper has synced and
// indexed it; after a failed write the file is cut back, so that frames always follow one another.
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writevSync } from 'node:fs'
import type { AppendedBlobs, BlobAppender } from '../store/blob-cache-port.js'
import type { BlobId, Sealed } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { frameBytes, putFrame } from './frame.js'
import { packRows, type Row } from './rows.js'
import { segmentPath } from './segment-files.js'

/** A segment file with room left, whose bytes up to `end` are all indexed. */
export interface PartialSegment {
  readonly segment: number
  readonly end: number
}

export interface AppenderOptions {
  readonly directory: string
  /** One counter for all threads: the next free number of a segment, in shared memory. */
  readonly nextSegment: Int32Array
  readonly partial: PartialSegment | undefined
  readonly segmentBytesMax?: number
}

interface CurrentSegment {
  readonly segment: number
  readonly fd: number
  end: number
}

export class SegmentAppender implements BlobAppender {
  readonly #options: AppenderOptions
  readonly #bytesMax: number
  #current: CurrentSegment | undefined

  constructor(options: AppenderOptions) {
    this.#options = options
    this.#bytesMax = options.segmentBytesMax ?? limits.blobSegmentBytesMax
    const { partial } = options
    if (partial !== undefined && partial.end < this.#bytesMax) {
      this.#current = { segment: partial.segment, end: partial.end, fd: this.#open(partial.segment, 'r+') }
    }
  }

  append(blobs: readonly { readonly blobId: BlobId; readonly sealed: Sealed }[]): readonly AppendedBlobs[] {
    const appended: AppendedBlobs[] = []
    let rest = blobs
    while (rest.length > 0) {
      const current = this.#segmentWithRoom()
      let end = current.end
      let count = 0
      // One blob goes in even when it passes the mark.
      while (count < rest.length && (count === 0 || end < this.#bytesMax)) end += frameBytes + (rest[count++]?.sealed.byteLength ?? 0)
      appended.push({ segment: current.segment, rows: this.#write(current, rest.slice(0, count)) })
      rest = rest.slice(count)
    }
    return appended
  }

  abandon(segment: number): void {
    if (this.#current?.segment === segment) this.close()
  }

  close(): void {
    if (this.#current !== undefined) closeSync(this.#current.fd)
    this.#current = undefined
  }

  #segmentWithRoom(): CurrentSegment {
    if (this.#current !== undefined && this.#current.end < this.#bytesMax) return this.#current
    this.close()
    const segment = Atomics.add(this.#options.nextSegment, 0, 1)
    this.#current = { segment, end: 0, fd: this.#open(segment, 'wx+') }
    return this.#current
  }

  #open(segment: number, flags: string): number {
    const path = segmentPath(this.#options.directory, segment)
    try {
      return openSync(path, flags, 0o600)
    } catch (error) {
      throw fromErrno(error, path)
    }
  }

  #write(current: CurrentSegment, blobs: readonly { readonly blobId: BlobId; readonly sealed: Sealed }[]): Uint8Array<ArrayBuffer> {
    const frames = new Uint8Array(blobs.length * frameBytes)
    const rows: Row[] = []
    const parts: Uint8Array[] = []
    let at = current.end
    blobs.forEach(({ blobId, sealed }, index) => {
      const frame = frames.subarray(index * frameBytes, (index + 1) * frameBytes)
      putFrame(frame, blobId, sealed.byteLength)
      parts.push(frame, sealed)
      rows.push({ blobId, offset: at + frameBytes, length: sealed.byteLength })
      at += frameBytes + sealed.byteLength
    })
    try {
      writeAll(current.fd, parts, current.end)
    } catch (error) {
      this.#cutBack(current)
      throw fromErrno(error, segmentPath(this.#options.directory, current.segment))
    }
    current.end = at
    return packRows(rows)
  }

  #cutBack(current: CurrentSegment): void {
    try {
      ftruncateSync(current.fd, current.end)
    } catch {
      // The file can't be trusted to end where we think: later blobs go to another one.
      this.close()
    }
  }
}

const iovecsMax = 1024

/** Writes all parts one after another; pwritev may stop anywhere. */
function writeAll(fd: number, parts: readonly Uint8Array[], position: number): void {
  let at = position
  let rest = [...parts]
  while (rest.length > 0) {
    let written = writevSync(fd, rest.slice(0, iovecsMax), at)
    if (written === 0) throw new VaultError('io', 'a write wrote nothing')
    at += written
    let done = 0
    while (done < rest.length && written >= (rest[done]?.byteLength ?? 0)) written -= rest[done++]?.byteLength ?? 0
    rest = rest.slice(done)
    const first = rest[0]
    if (first !== undefined && written > 0) rest[0] = first.subarray(written)
  }
}

/** For tests and the keeper: bytes of the file are on the disk on return. */
export function syncSegment(fd: number, path: string): void {
  try {
    fdatasyncSync(fd)
  } catch (error) {
    throw fromErrno(error, path)
  }
}
