// The one writer of the cache's index. Order is everything: segment synced, then row committed; row gone, then bytes
// freed. Opening finds what a crash left behind the last indexed byte, and with a new index all there is.
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AppendedBlobs, BlobKeeper, BlobStatistics } from '../store/blob-cache-port.js'
import type { BlobId } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import type { PartialSegment } from './appender.js'
import { BlobPlaces, type Place } from './blob-places.js'
import { openCacheDatabase, type CacheDatabase } from './database.js'
import { unpackRows, type Row } from './rows.js'
import { OpenSegments, segmentNumbers, segmentPath, segmentsFolder, syncSegment } from './segment-files.js'
import { scanSegment } from './segment-scan.js'

export interface KeeperOptions {
  readonly directory: string
  readonly logger: Logger
  readonly segmentBytesMax?: number
  /** Pages of the index that are kept in memory. */
  readonly indexCacheBytes?: number
}

interface SegmentState {
  end: number
  blobs: number
  bytes: number
  /** An appender of this session may still write to it. */
  active: boolean
}

interface NamedPlace extends Place {
  readonly blobId: BlobId
}

export class CacheKeeper implements BlobKeeper {
  readonly #directory: string
  readonly #bytesMax: number
  readonly #index: CacheDatabase
  readonly #segments = new Map<number, SegmentState>()
  readonly #files: OpenSegments
  readonly #places: BlobPlaces
  /** Segments of which a part may not be on the disk though the kernel calls it clean. Nothing is committed in them. */
  readonly #lost = new Set<number>()
  /** About as many pages lie in the index's own log. */
  #pagesInLog = 0

  /** Makes the folder when it is missing. Tells in `logger` what it found behind the index. */
  constructor(options: KeeperOptions) {
    this.#directory = options.directory
    this.#bytesMax = options.segmentBytesMax ?? limits.blobSegmentBytesMax
    this.#makeFolders()
    this.#files = new OpenSegments(options.directory, 'r+', limits.segmentsOpenMax)
    this.#places = new BlobPlaces(options.directory, this.#files)
    this.#index = openCacheDatabase(options.directory, options.logger, options.indexCacheBytes)
    for (const { segment, end, blobs, bytes } of this.#index.segments.all()) this.#segments.set(segment, { end, blobs, bytes, active: false })
    this.#adoptTails(options.logger)
    this.#removeEmpty()
  }

  /** Segments that can take more blobs, the fullest first; what is taken is not offered again. */
  takePartial(): PartialSegment | undefined {
    const [fullest] = [...this.#segments]
      .filter(([segment, state]) => !state.active && state.end < this.#bytesMax / 2 && this.#isWhole(segment, state))
      .sort((a, b) => b[1].end - a[1].end)
    if (fullest === undefined) return undefined
    fullest[1].active = true
    return { segment: fullest[0], end: fullest[1].end }
  }

  /** A file that is gone, or was cut, takes nothing more: what is in it was lost, and new blobs must not be. */
  #isWhole(segment: number, { end }: SegmentState): boolean {
    const found = statSync(segmentPath(this.#directory, segment), { throwIfNoEntry: false })
    return found !== undefined && found.size >= end
  }

  /** Where numbering of new segments goes on. */
  nextSegment(): number {
    return Math.max(0, ...this.#segments.keys(), ...segmentNumbers(this.#directory)) + 1
  }

  commit(appended: readonly AppendedBlobs[]): void {
    const segments = [...new Set(appended.map(({ segment }) => segment))]
    let duplicates: Place[]
    try {
      this.#sync(segments)
      duplicates = this.#insert(appended.flatMap(({ segment, rows }) => unpackRows(rows).map((row) => ({ ...row, segment }))), true)
    } catch (error) {
      for (const segment of segments) this.#lose(segment)
      throw error
    }
    for (const place of duplicates) this.#places.free(place)
    this.#checkpointWhenDue()
  }

  delete(blobIds: readonly BlobId[]): void {
    const places: NamedPlace[] = []
    this.#index.database.transaction(() => {
      for (const blobId of blobIds) {
        const place = this.#index.remove.get(blobId)
        if (place !== undefined) places.push({ ...place, blobId })
      }
      this.#changeSegments(places.map((place) => ({ ...place, blobs: -1 })))
    })
    this.#giveUp(places)
    this.#pagesInLog += 3 + 2 * places.length
    this.#removeEmpty()
    this.#checkpointWhenDue()
  }

  statistics(): BlobStatistics {
    let blobs = 0
    let bytes = 0
    for (const state of this.#segments.values()) {
      blobs += state.blobs
      bytes += state.bytes
    }
    return { blobs, bytes }
  }

  close(): void {
    this.#files.close()
    this.#index.database.checkpoint('TRUNCATE')
    this.#index.database.close()
  }

  /** Answers what was there already. Memory changes only after the commit has succeeded. */
  #insert(rows: readonly (Row & { readonly segment: number })[], active: boolean): Place[] {
    // Random ids into a B-tree: sorted, neighbours share the pages that they dirty.
    const sorted = [...rows].sort((a, b) => Buffer.compare(a.blobId, b.blobId))
    const duplicates: Place[] = []
    const inserted: (Row & { readonly segment: number })[] = []
    const damaged: NamedPlace[] = []
    this.#index.database.transaction(() => {
      for (const row of sorted) {
        const { blobId } = row
        const insert = (): number => this.#index.insert.run(blobId, row.segment, row.offset, row.length).changes
        if (insert() > 0) inserted.push(row)
        // The very copy that is known must never be taken for a second one: it would be freed.
        else if (this.#isKnownPlace(row)) continue
        else if (this.#places.isSound(this.#index.find.get(blobId), blobId)) duplicates.push(row)
        else {
          const place = this.#index.remove.get(blobId)
          if (place !== undefined) damaged.push({ ...place, blobId })
          insert()
          inserted.push(row)
        }
      }
      this.#changeSegments([
        ...inserted.map((row) => ({ ...row, blobs: 1 })), ...duplicates.map((row) => ({ ...row, blobs: 0 })), ...damaged.map((row) => ({ ...row, blobs: -1 })),
      ])
    })
    for (const row of [...inserted, ...duplicates]) {
      const state = this.#state(row.segment)
      state.end = Math.max(state.end, row.offset + row.length)
      state.active ||= active
    }
    for (const row of inserted) {
      const state = this.#state(row.segment)
      state.blobs++
      state.bytes += row.length
    }
    this.#giveUp(damaged)
    this.#pagesInLog += 3 + 2 * inserted.length
    return duplicates
  }

  /** They are in the index no more. */
  #giveUp(places: readonly NamedPlace[]): void {
    for (const { segment, length } of places) {
      const state = this.#state(segment)
      state.blobs--
      state.bytes -= length
    }
    for (const place of places) this.#places.freeIfThere(place, place.blobId)
  }

  #isKnownPlace(row: Row & { readonly segment: number }): boolean {
    const known = this.#index.find.get(row.blobId)
    return known?.segment === row.segment && known.offset === row.offset
  }

  /** Within a transaction: the rows of the segments that the changes touch. */
  #changeSegments(changes: readonly (Place & { readonly blobs: number })[]): void {
    const sums = new Map<number, { end: number; blobs: number; bytes: number }>()
    for (const { segment, offset, length, blobs } of changes) {
      const now = this.#segments.get(segment)
      const sum = sums.get(segment) ?? { end: now?.end ?? 0, blobs: now?.blobs ?? 0, bytes: now?.bytes ?? 0 }
      sum.end = Math.max(sum.end, offset + length)
      sum.blobs += blobs
      sum.bytes += blobs * length
      sums.set(segment, sum)
    }
    for (const [segment, { end, blobs, bytes }] of sums) this.#index.saveSegment.run(segment, end, blobs, bytes)
  }

  #state(segment: number): SegmentState {
    const state = this.#segments.get(segment) ?? { end: 0, blobs: 0, bytes: 0, active: false }
    this.#segments.set(segment, state)
    return state
  }

  #adoptTails(logger: Logger): void {
    for (const segment of segmentNumbers(this.#directory)) {
      const state = this.#segments.get(segment)
      const { size } = statSync(segmentPath(this.#directory, segment))
      if (state !== undefined && size <= state.end) continue
      const fd = this.#files.fd(segment)
      const scan = scanSegment(fd, state?.end ?? 0, size)
      const where = { segment, blobs: scan.rows.length }
      // Bytes behind what was indexed were never acknowledged; a file that the index doesn't know at all may be damaged,
      // and then what is left of it is somebody's last copy.
      if (state !== undefined && scan.end < size) ftruncateSync(fd, scan.end)
      else if (scan.rows.length === 0 && scan.frames > 0) {
        logger.log('warn', 'a segment of the cache is not in the index and no blob in it is whole; it is left alone', where)
        continue
      }
      syncSegment(fd, segmentPath(this.#directory, segment))
      const duplicates = this.#insert(scan.rows.map((row) => ({ ...row, segment })), false)
      for (const place of duplicates) this.#places.free(place)
      const now = this.#state(segment)
      now.end = Math.max(now.end, state === undefined ? size : scan.end)
      this.#index.saveSegment.run(segment, now.end, now.blobs, now.bytes)
      logger.log('info', 'blobs behind the index were found', where)
    }
    if (this.#pagesInLog > 0) this.#syncFolder(join(this.#directory, segmentsFolder))
  }

  #removeEmpty(): void {
    for (const [segment, state] of this.#segments) {
      if (state.blobs > 0 || (state.active && state.end < this.#bytesMax)) continue
      this.#index.removeSegment.run(segment)
      this.#files.drop(segment)
      this.#segments.delete(segment)
      try {
        unlinkSync(segmentPath(this.#directory, segment))
      } catch (error) {
        const failure = fromErrno(error, segmentPath(this.#directory, segment))
        if (failure.code !== 'not-found') throw failure
      }
    }
  }

  #checkpointWhenDue(): void {
    if (this.#pagesInLog < limits.checkpointPages) return
    this.#pagesInLog = 0
    this.#index.database.checkpoint('PASSIVE')
  }

  #makeFolders(): void {
    try {
      const first = mkdirSync(join(this.#directory, segmentsFolder), { recursive: true, mode: 0o700 })
      if (first === undefined) return
    } catch (error) {
      throw fromErrno(error, this.#directory)
    }
    // What lies in them is only as durable as their own names.
    this.#syncFolder(this.#directory)
    this.#syncFolder(dirname(this.#directory))
  }

  #sync(segments: readonly number[]): void {
    const lost = segments.find((segment) => this.#lost.has(segment))
    if (lost !== undefined) {
      const subject = segmentPath(this.#directory, lost)
      throw new VaultError('io', `${subject}: an earlier write to it failed`, { subject, next: 'Look at the disk and its log.' })
    }
    for (const segment of segments) syncSegment(this.#files.fd(segment), segmentPath(this.#directory, segment))
    // A new file's name must outlive a power cut as well as its bytes.
    if (segments.some((segment) => !this.#segments.has(segment))) this.#syncFolder(join(this.#directory, segmentsFolder))
  }

  /**
   * After a failed sync the kernel shows bytes that are not on the disk. Left there, the next opening would take them
   * for blobs and drop a good second copy; so the file is cut back to what is known.
   */
  #lose(segment: number): void {
    this.#lost.add(segment)
    try {
      ftruncateSync(this.#files.fd(segment), this.#segments.get(segment)?.end ?? 0)
    } catch {
      // The disk is failing; the error that is under way says so.
    }
  }

  #syncFolder(path: string): void {
    try {
      const fd = openSync(path, 'r')
      fsyncSync(fd)
      closeSync(fd)
    } catch (error) {
      throw fromErrno(error, path)
    }
  }
}
