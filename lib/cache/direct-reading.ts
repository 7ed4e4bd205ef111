// Long stretches of segment files straight from the disk: through the page cache each would be copied, out of pages that
// are taken for it and that nobody reads again (what programs read is kept in the clear), at half of what reading cost.
// What lies in the page cache already is read there. Whatever is in the way, the usual way is tried, and says what it is.
import { constants, readSync } from 'node:fs'
import { cachedPages, privatePages, type FileRange } from '../../native-deps/system.js'
import { limits } from '../terms/limits.js'
import { OpenSegments } from './segment-files.js'

/** Of memory and of places: more than any disk's sector needs, open(2). */
const blockBytes = 4096
/** Shorter ones wait for the disk longer than a copy takes, and what follows them is read ahead. */
const directBytesMin = 128 * 1024

export class DirectReading {
  readonly #buffered: OpenSegments
  readonly #segments: OpenSegments
  #room = new Uint8Array(0)

  /** `buffered`: of the same folder. */
  constructor(directory: string, buffered: OpenSegments) {
    this.#buffered = buffered
    this.#segments = new OpenSegments(directory, constants.O_RDONLY | constants.O_DIRECT, limits.segmentsOpenMax)
  }

  /** A view that the next call overwrites; undefined: to be read the usual way. */
  read(segment: number, range: FileRange): Uint8Array | undefined {
    if (range.length < directBytesMin) return undefined
    const start = Math.floor(range.offset / blockBytes) * blockBytes
    const end = Math.ceil((range.offset + range.length) / blockBytes) * blockBytes
    try {
      if (cachedPages(this.#buffered.fd(segment), range) === (end - start) / blockBytes) return undefined
      if (this.#room.byteLength < end - start) this.#room = privatePages(end - start)
      const count = readSync(this.#segments.fd(segment), this.#room, 0, end - start, start)
      const from = range.offset - start
      return count < from + range.length ? undefined : this.#room.subarray(from, from + range.length)
    } catch {
      // No such reads on this filesystem, or an error that the usual way meets too.
      return undefined
    }
  }

  close(): void {
    this.#segments.close()
  }
}
