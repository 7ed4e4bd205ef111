// What of a file is not published, by offset: a sorted list of extents that do not overlap, over the published content.
// Splitting an extent makes two users of one source; the arena's bytes are free when the last user is gone.
import type { Extent, MemorySource, Source } from './extent.js'
import { ExtentList } from './extent-list.js'

/** Log record from which the extent holds; Infinity: not logged yet. */
export function lsnOf(source: Source): number {
  return source.kind === 'memory' ? Infinity : source.lsn
}

export class ExtentMap {
  #extents = new ExtentList()
  readonly #release: (source: Source) => void
  /** Bytes of extents that lie in memory. */
  memoryBytes = 0
  holeBytes = 0
  /** Bytes of extents that are not hole. */
  dataBytes = 0
  /** Of those, what lies in no blob yet. */
  unstoredBytes = 0

  /** `release`: called when the last extent of a memory source is gone. */
  constructor(release: (source: Source) => void) {
    this.#release = release
  }

  get size(): number {
    return this.#extents.size
  }

  get end(): number {
    return this.#extents.last?.end ?? 0
  }

  all(): readonly Extent[] {
    return this.#extents.all()
  }

  /** The extents as they are now, for reading; of a map without memory, whose sources would need users. */
  snapshot(): ExtentMap {
    const copy = new ExtentMap(() => undefined)
    copy.#extents = this.#extents.copy()
    copy.dataBytes = this.dataBytes
    copy.holeBytes = this.holeBytes
    copy.unstoredBytes = this.unstoredBytes
    return copy
  }

  /** Extents that overlap [start, end), whole, ascending. */
  overlapping(start: number, end: number): readonly Extent[] {
    return this.#extents.overlapping(start, end)
  }

  /** The extent that holds this byte. */
  at(offset: number): Extent | undefined {
    const extent = this.#extents.endingAfter(offset)
    return extent !== undefined && extent.start <= offset ? extent : undefined
  }

  /** The extent that ends exactly here: what an append may lengthen. */
  endingAt(offset: number): Extent | undefined {
    const extent = this.#extents.endingBefore(offset)
    return extent?.end === offset ? extent : undefined
  }

  /** Puts `extent` over whatever was there. Its source counts one more user. */
  put(extent: Extent): void {
    this.#replace(extent.start, extent.end, extent)
  }

  /** Takes away what overlaps [start, end). */
  remove(start: number, end: number): void {
    this.#replace(start, end, undefined)
  }

  /** An extent of memory grew in place by `bytes`: nothing may lie behind it. */
  lengthen(extent: Extent, bytes: number): void {
    this.#extents.replace(extent.start, 1, [{ ...extent, end: extent.end + bytes }])
    this.memoryBytes += bytes
    this.dataBytes += bytes
    this.unstoredBytes += bytes
  }

  /** Removes every extent that `which` names. */
  removeWhere(which: (extent: Extent) => boolean): void {
    const kept: Extent[] = []
    for (const extent of this.#extents.all()) {
      if (which(extent)) this.#drop(extent)
      else kept.push(extent)
    }
    this.#extents.reset(kept)
  }

  lend(source: MemorySource): void {
    source.readers++
  }

  /** The worker has done with it. */
  takeBack(source: MemorySource): void {
    if (--source.readers === 0 && source.users === 0) this.#release(source)
  }

  #replace(start: number, end: number, extent: Extent | undefined): void {
    if (end <= start) return
    const fresh: Extent[] = []
    const old = this.#extents.overlapping(start, end)
    const head = old[0]
    if (head !== undefined && head.start < start) fresh.push({ ...head, end: start })
    if (extent !== undefined) fresh.push(extent)
    const tail = old.at(-1)
    if (tail !== undefined && tail.end > end) fresh.push({ ...tail, start: end, skip: tail.skip + end - tail.start })
    // The new ones are counted before the old ones are dropped: a source that lives on must not pass through zero.
    for (const each of fresh) this.#take(each)
    this.#extents.replace(start, old.length, fresh)
    for (const each of old) this.#drop(each)
  }

  #take(extent: Extent): void {
    this.#count(extent, extent.end - extent.start)
    if (extent.source.kind === 'memory') extent.source.users++
  }

  #drop(extent: Extent): void {
    this.#count(extent, extent.start - extent.end)
    const { source } = extent
    if (source.kind === 'memory' && --source.users === 0 && source.readers === 0) this.#release(source)
  }

  #count(extent: Extent, bytes: number): void {
    if (extent.source.kind === 'hole') this.holeBytes += bytes
    else this.dataBytes += bytes
    if (extent.source.kind === 'memory') this.memoryBytes += bytes
    if (extent.source.kind === 'memory' || extent.source.kind === 'log') this.unstoredBytes += bytes
  }
}
