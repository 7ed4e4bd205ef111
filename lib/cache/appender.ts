// One thread's own segment file, written from front to back. What is written counts only when the keeper has synced and
// indexed it; after a failed write the file is cut back, so that frames always follow one another.
import { constants } from 'node:fs'
import type { AppendedBlobs, BlobAppender } from '../store/blob-cache-port.js'
import type { BlobId, Sealed } from '../terms/bytes.js'
import { fromErrno } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { frameBytes, putFrame } from './frame.js'
import { packRows, type Row } from './rows.js'
import { segmentPath } from './segment-files.js'
import { DirectRoom, SegmentOutput } from './segment-output.js'

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
  readonly output: SegmentOutput
  end: number
}

export class SegmentAppender implements BlobAppender {
  readonly #options: AppenderOptions
  readonly #bytesMax: number
  readonly #room = new DirectRoom()
  #current: CurrentSegment | undefined

  constructor(options: AppenderOptions) {
    this.#options = options
    this.#bytesMax = options.segmentBytesMax ?? limits.blobSegmentBytesMax
    const { partial } = options
    if (partial !== undefined && partial.end < this.#bytesMax) {
      this.#current = { segment: partial.segment, end: partial.end, output: this.#open(partial.segment, constants.O_RDWR) }
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
    this.#current?.output.close()
    this.#current = undefined
  }

  #segmentWithRoom(): CurrentSegment {
    if (this.#current !== undefined && this.#current.end < this.#bytesMax) return this.#current
    this.close()
    const segment = Atomics.add(this.#options.nextSegment, 0, 1)
    this.#current = { segment, end: 0, output: this.#open(segment, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL) }
    return this.#current
  }

  #open(segment: number, flags: number): SegmentOutput {
    return new SegmentOutput(segmentPath(this.#options.directory, segment), flags, this.#room)
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
      current.output.write(parts, current.end)
    } catch (error) {
      this.#cutBack(current)
      throw fromErrno(error, segmentPath(this.#options.directory, current.segment))
    }
    current.end = at
    return packRows(rows)
  }

  #cutBack(current: CurrentSegment): void {
    try {
      current.output.truncate(current.end)
    } catch {
      // The file can't be trusted to end where we think: later blobs go to another one.
      this.close()
    }
  }
}
