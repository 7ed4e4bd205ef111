// Which files the kernel has just read into pages. A write past its pages (O_DIRECT) that is asynchronous ends without
// looking for pages that were filled meanwhile from what was there before (`fuse_aio_complete`; a synchronous one looks,
// in `generic_file_direct_write`), and a buffered read would find the old bytes for ever. Only whoever reads and writes
// directly at one time has to be told about.
const rotateMs = 1000
/** More files than that within a second: then any file may be one of them. */
const inosMax = 4096

export interface PageReadsParts {
  /** Whether a read of it waits for its answer. */
  readonly isReading: (ino: number) => boolean
  /** Resolves when the kernel has let go of the pages. */
  readonly drop: (ino: number, offset: number, length: number) => Promise<void>
}

export class PageReads {
  readonly drop: PageReadsParts['drop']
  readonly #isReading: PageReadsParts['isReading']
  #now = new Set<number>()
  #before = new Set<number>()
  #rotatedMs = -Infinity

  constructor({ isReading, drop }: PageReadsParts) {
    this.drop = drop
    this.#isReading = isReading
  }

  /** A read that fills pages begins. `nowMs`: monotonic. */
  note(ino: number, nowMs = performance.now()): void {
    if (nowMs - this.#rotatedMs >= rotateMs) this.#rotate(nowMs)
    if (this.#now.size < inosMax) this.#now.add(ino)
  }

  /** Whether pages may have been filled within the last second, or perhaps the one before, or are being filled. */
  mayShow(ino: number, nowMs = performance.now()): boolean {
    if (nowMs - this.#rotatedMs >= rotateMs) this.#rotate(nowMs)
    return [this.#now, this.#before].some((inos) => inos.has(ino) || inos.size === inosMax) || this.#isReading(ino)
  }

  #rotate(nowMs: number): void {
    this.#before = nowMs - this.#rotatedMs < 2 * rotateMs ? this.#now : new Set()
    this.#now = new Set()
    this.#rotatedMs = nowMs
  }
}
