// The segment files of an open log: the one that is written, the older ones that are still needed, and one set aside.
// Two rules that recovery leans on. (1) A segment is begun only when the header and name of the one before it are on the
// disk, with all records before that one: so at most the newest header may be missing after a power cut. Until then the
// current segment grows past its size, and nobody waits. (2) A segment is removed oldest first, and only when the header
// and the name of its successor are on the disk: so what is left is always a suffix that knows its LSNs.
import { segmentHeaderBytes, encodeSegmentHeader, headerTag } from '../format/log-segment.js'
import type { LogOwner } from '../format/log-record.js'
import type { Entropy } from '../terms/entropy.js'
import { fromErrno } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { segmentName } from './disk.js'
import type { LogDisk, LogFile } from './disk.js'
import { SpareFile } from './spare-file.js'

export interface SegmentsOptions {
  readonly disk: LogDisk
  readonly owner: LogOwner
  readonly key: Uint8Array
  readonly entropy: Entropy
  readonly logger: Logger
  readonly segmentBytes: number
  readonly generation: number
}

/** A segment that is written no more. */
export interface OldSegment {
  readonly segment: number
  readonly firstLsn: number
  /** Where its records end. */
  readonly end: number
}

/** What the header of a new segment says about what lies before it. */
export interface Predecessor {
  readonly segment: number
  readonly end: number
  readonly lastLsn: number
  readonly lastTag: Uint8Array
}

interface Current {
  readonly segment: number
  readonly firstLsn: number
  readonly file: LogFile
  /** Header and name are on the disk. Guarded by: only set by the sync that began after both were handed over. */
  durable: boolean
  unsynced: boolean
}

export class Segments {
  readonly #options: SegmentsOptions
  readonly #older: OldSegment[]
  readonly #spare: SpareFile
  #current: Current | undefined
  /** Written to and not yet synced, other than the current one. */
  #leaving: { readonly segment: number; readonly file: LogFile }[] = []
  #directoryUnsynced = false

  constructor(options: SegmentsOptions, older: readonly OldSegment[]) {
    this.#options = options
    this.#older = [...older]
    this.#spare = new SpareFile(options)
  }

  get count(): number {
    return this.#older.length + 1
  }

  /** Whether the records before `synced` allow another segment (rule 1). */
  mayBegin(synced: number): boolean {
    return this.#current !== undefined && this.#current.durable && synced >= this.#current.firstLsn - 1
  }

  get spareReady(): boolean {
    return this.#spare.ready
  }

  /** Sets a file aside in the background, once. */
  prepare(): void {
    this.#spare.prepare()
  }

  /** Takes over files that an earlier life left; the directory is on the disk. */
  adopt(names: readonly string[]): void {
    this.#spare.adopt(names)
  }

  /**
   * Begins a segment behind `before`; answers the tag that its first record is chained to, or undefined when there is no
   * room and nothing changed. Throws when what is on the disk is in doubt: then nothing more may be appended.
   */
  begin(segment: number, before: Predecessor, synced: number): Uint8Array | undefined {
    const { disk, owner, key, entropy, generation, logger } = this.#options
    const firstLsn = before.lastLsn + 1
    const page = encodeSegmentHeader({
      segment, generation, firstLsn, previousSegment: before.segment, previousEnd: before.end, synced,
      previousTag: before.lastTag,
    }, owner, { nonce: entropy.bytes(24), key })
    let file: LogFile | undefined
    this.#directoryUnsynced = true
    try {
      file = this.#spare.take(segmentName(segment)) ?? disk.open(segmentName(segment), true)
      file.pwrite(page, 0, page.byteLength, 0)
    } catch (error) {
      logger.log('warn', 'the log can begin no new segment', { segment, reason: String(error) })
      // A header that may have been written ends the segment before it: it must not stay while that one grows.
      this.#undo(segment, file)
      return undefined
    }
    const old = this.#current
    if (old !== undefined) {
      this.#older.push({ segment: old.segment, firstLsn: old.firstLsn, end: before.end })
      this.#leaving.push(old)
    }
    this.#current = { segment, firstLsn, file, durable: false, unsynced: true }
    return headerTag(page)
  }

  #undo(segment: number, file: LogFile | undefined): void {
    if (file === undefined) return
    file.close()
    attempt(`${this.#options.disk.directory}/${segmentName(segment)}`, () => { this.#options.disk.remove(segmentName(segment)) })
  }

  /** Where the first record of a segment goes. */
  get firstPosition(): number {
    return segmentHeaderBytes
  }

  get segment(): number {
    return this.#writable.segment
  }

  get #writable(): Current {
    if (this.#current === undefined) throw new Error('no segment was begun')
    return this.#current
  }

  write(bytes: Uint8Array, length: number, position: number): void {
    const current = this.#writable
    // Also when it fails: a part may have been written.
    current.unsynced = true
    attempt(`${this.#options.disk.directory}/${segmentName(current.segment)}`, () => {
      current.file.pwrite(bytes, 0, length, position)
    })
  }

  /** All that was written and begun before this call is on the disk when it resolves. Not called twice at once. */
  async sync(): Promise<void> {
    const { disk } = this.#options
    const current = this.#writable
    const leaving = this.#leaving
    this.#leaving = []
    const jobs = leaving.map(async ({ file }) => { await file.datasync() })
    if (current.unsynced) jobs.push(current.file.datasync())
    current.unsynced = false
    if (this.#directoryUnsynced) jobs.push(disk.syncDirectory())
    this.#directoryUnsynced = false
    // All must have ended, also when one fails: a file that is still being synced must not be closed.
    const outcomes = await Promise.allSettled(jobs)
    for (const { file } of leaving) file.close()
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw fromErrno(failed.reason, disk.directory)
    current.durable = true
  }

  /** Removes what holds only records below `lsn`, all of which are synced (rule 2). */
  trim(lsn: number): void {
    for (;;) {
      const oldest = this.#older[0]
      const next = this.#older[1] ?? this.#current
      if (oldest === undefined || next === undefined || next.firstLsn > lsn) return
      if (next === this.#current && !this.#current.durable) return
      if (!this.#remove(oldest)) return
      this.#older.shift()
    }
  }

  #remove(old: OldSegment): boolean {
    const { disk, logger, segmentBytes } = this.#options
    const name = segmentName(old.segment)
    try {
      // One that was cut short holds no room that could be used again.
      if (old.end < segmentBytes || !this.#spare.recycle(name)) disk.remove(name)
      return true
    } catch (error) {
      logger.log('warn', 'a log segment that is needed no more stays', { segment: old.segment, reason: String(error) })
      return false
    }
  }

  async settle(): Promise<void> {
    await this.#spare.settle()
  }

  /** Gives back what was set aside behind `end` of the current segment, and the spare file; closes all. */
  close(end: number): void {
    const { logger } = this.#options
    const current = this.#current
    this.#spare.close()
    for (const { file } of this.#leaving) file.close()
    this.#leaving = []
    if (current === undefined) return
    this.#current = undefined
    try {
      if (current.file.sizeBytes > end) current.file.truncate(end)
    } catch (error) {
      logger.log('warn', 'the log keeps more room than it needs', { reason: String(error) })
    }
    current.file.close()
  }
}

function attempt<T>(subject: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw fromErrno(error, subject)
  }
}
