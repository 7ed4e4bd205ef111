// The write-ahead log of one vault on one device (LOG.md). Appending seals into memory; `flush` is one pwrite; `sync` is
// shared by all who wait. When the disk fails a sync the log fails for good: the kernel may have dropped the pages and
// marked them clean, so a second sync would succeed and say nothing. What was acknowledged is on the disk; the next
// opening writes the rest again from what can still be read.
import type { ExtentKind, LogExtent, LogPort, LogRecord, Lsn, RecordKind, SealedExtent } from '../store/log-port.js'
import { syncMarkKind, type LogOwner } from '../format/log-record.js'
import { segmentHeaderBytes } from '../format/log-segment.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import type { LogDisk } from './disk.js'
import { RecordBatch, type Payload } from './record-batch.js'
import { Replay, type LogEnd } from './replay.js'
import { Segments } from './segments.js'
import { SizeIndex } from './size-index.js'
import { survey } from './survey.js'
import { clearStrays, makeTailDurable } from './tail.js'

export interface LogOptions extends LogOwner {
  readonly disk: LogDisk
  /** 32 bytes, a view of the locked page: only looked at, and used until `close` resolves. */
  readonly key: Uint8Array
  /** Size at which a segment is followed by the next, bytes; the limit's by default. */
  readonly segmentBytes?: number
  readonly entropy: Entropy
  readonly logger: Logger
}

/**
 * Opens the log of a directory (an empty one begins a log). Calls `visit` for every record, in order, before it
 * resolves; what it was given is then on the disk. Rejects 'corrupt' or 'format-unknown' with nothing changed on disk.
 * The disk is closed by the log's `close`, or when this rejects.
 */
export async function openLog(options: LogOptions, visit: (record: LogRecord) => void): Promise<WriteAheadLog> {
  const { disk, vault, device, key, logger } = options
  try {
    const found = survey(disk, { vault, device }, key)
    const end = new Replay({ disk, owner: { vault, device }, key }, found, visit).run()
    if (end.torn) logger.log('warn', 'the log ended in records that were never acknowledged; they were cut off', { lastLsn: end.lastLsn })
    await makeTailDurable(disk, end)
    const log = new WriteAheadLog(options, end, found.newestSegment)
    await log.begin()
    clearStrays(disk, logger, found, end)
    return log
  } catch (error) {
    disk.close()
    throw error
  }
}

export class WriteAheadLog implements LogPort {
  readonly generation: number
  readonly #disk: LogDisk
  readonly #logger: Logger
  readonly #segmentBytes: number
  readonly #segments: Segments
  readonly #batch: RecordBatch
  readonly #sizes = new SizeIndex()
  #newestSegment: number
  #lastLsn: Lsn
  #flushedLsn: Lsn
  #flushedBytes = 0
  #syncedLsn: Lsn
  /** Records before it are needed no more. */
  #neededLsn: Lsn = 0
  #round: Promise<void> | undefined
  #inRound = false
  /** Position at which a new segment is tried for again, after there was no room for one. */
  #moveAgainAt = 0
  /** Set once, when the disk let us down or the log was closed: nothing more is taken. */
  #ended: VaultError | undefined
  #before: { readonly segment: number; readonly end: number; readonly lastTag: Uint8Array }

  constructor(options: LogOptions, end: LogEnd, newestSegment: number) {
    const { disk, vault, device, key, entropy, logger } = options
    this.#disk = disk
    this.#logger = logger
    this.#segmentBytes = options.segmentBytes ?? limits.logSegmentBytes
    this.generation = end.newestGeneration + 1
    this.#lastLsn = this.#flushedLsn = this.#syncedLsn = end.lastLsn
    this.#newestSegment = newestSegment
    const last = end.segments.at(-1)
    this.#before = { segment: last?.segment ?? 0, end: last?.end ?? 0, lastTag: end.lastTag }
    const owner = { vault, device }
    const shared = { disk, owner, key, entropy, logger, segmentBytes: this.#segmentBytes, generation: this.generation }
    this.#segments = new Segments(shared, end.segments)
    this.#batch = new RecordBatch({ owner, key, entropy, generation: this.generation })
    end.segments.forEach((segment, index) => {
      const next = end.segments[index + 1]?.firstLsn ?? end.lastLsn + 1
      this.#sizes.add(next - 1, segment.end)
    })
  }

  /** The new generation is on the disk when it resolves. Called once, by openLog. */
  async begin(): Promise<void> {
    this.#segments.adopt(this.#disk.list())
    this.#segments.prepare()
    await this.#segments.settle()
    try {
      if (!this.#beginSegment()) {
        throw new VaultError('no-space', `${this.#disk.directory}: there is no room to open the log`, {
          subject: this.#disk.directory, next: 'free some space on this disk and mount again',
        })
      }
      await this.#segments.sync()
    } catch (error) {
      this.#segments.close(Infinity)
      throw error
    }
    this.#logger.log('debug', 'log opened', { generation: this.generation, lastLsn: this.#lastLsn })
  }

  get lastLsn(): Lsn {
    return this.#lastLsn
  }

  get flushedLsn(): Lsn {
    return this.#flushedLsn
  }

  get syncedLsn(): Lsn {
    return this.#syncedLsn
  }

  get sizeBytes(): number {
    return this.#sizes.neededBytes
  }

  get segments(): number {
    return this.#segments.count
  }

  get appendedBytes(): number {
    return this.#flushedBytes + this.#batch.length
  }

  append(kind: RecordKind, body: Uint8Array): Lsn {
    this.#admit()
    const lsn = this.#lastLsn + 1
    this.#batch.add({ kind, lsn, synced: this.#syncedLsn }, body)
    this.#lastLsn = lsn
    return lsn
  }

  appendExtent(kind: ExtentKind, body: Uint8Array, ino: number, offset: number, data: Uint8Array): LogExtent {
    if (data.byteLength > limits.mainSealBytesMax) {
      throw new VaultError('too-large', `an extent of ${String(data.byteLength)} bytes is to be sealed by a worker`)
    }
    return this.#appendPayload(kind, body, { ino, offset, length: data.byteLength, bytes: data, sealed: false })
  }

  appendSealed(kind: ExtentKind, body: Uint8Array, extent: SealedExtent): LogExtent {
    const { ino, offset, length, sealed } = extent
    return this.#appendPayload(kind, body, { ino, offset, length, bytes: sealed, sealed: true })
  }

  #appendPayload(kind: ExtentKind, body: Uint8Array, payload: Payload): LogExtent {
    this.#admit()
    const lsn = this.#lastLsn + 1
    const position = this.#batch.addExtent({ kind, lsn, synced: this.#syncedLsn }, body, payload)
    this.#lastLsn = lsn
    const { ino, offset, length } = payload
    return { segment: this.#segments.segment, position, length, lsn, generation: this.generation, ino, offset }
  }

  /** Memory that waits for the disk is bounded: while the disk refuses, appends are refused before they take effect. */
  #admit(): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#batch.length >= limits.logBatchBytesMax) this.flush()
  }

  flush(): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#batch.length === 0) return
    this.#segments.write(this.#batch.bytes, this.#batch.length, this.#batch.position)
    this.#sizes.add(this.#lastLsn, this.#batch.length)
    this.#flushedBytes += this.#batch.length
    this.#batch.clear()
    this.#flushedLsn = this.#lastLsn
    this.#moveOn()
  }

  /** Begins the next segment when this one is full and rule 1 of segments.ts allows it; else this one goes on. */
  #moveOn(): void {
    const { position } = this.#batch
    if (position * 2 >= this.#segmentBytes) this.#segments.prepare()
    if (position < Math.max(this.#segmentBytes, this.#moveAgainAt)) return
    if (!this.#segments.mayBegin(this.#syncedLsn)) {
      // Nobody may have asked for a sync for long; without one the segment would grow for ever.
      if (!this.#inRound) this.sync().catch((error: unknown) => { this.#report(error) })
      return
    }
    if (!this.#segments.spareReady && position < this.#segmentBytes * 2) return
    try {
      this.#moveAgainAt = this.#beginSegment() ? 0 : position + this.#segmentBytes / 16
    } catch (error) {
      this.#fail(error)
    }
  }

  #beginSegment(): boolean {
    this.#newestSegment++
    const { position, lastTag } = this.#batch
    const before = position === 0 ? this.#before : { segment: this.#segments.segment, end: position, lastTag: lastTag.slice() }
    const tag = this.#segments.begin(this.#newestSegment, { ...before, lastLsn: this.#lastLsn }, this.#syncedLsn)
    if (tag === undefined) return false
    this.#batch.enter(this.#newestSegment, this.#segments.firstPosition, tag)
    this.#sizes.add(this.#lastLsn, segmentHeaderBytes)
    return true
  }

  async sync(lsn: Lsn = this.#lastLsn): Promise<void> {
    while (this.#syncedLsn < lsn) {
      if (this.#ended !== undefined) throw this.#ended
      // A round covers what was appended when it began: who comes later waits for this one and shares the next.
      this.#round ??= this.#runRound().finally(() => { this.#round = undefined })
      await this.#round
    }
  }

  async #runRound(): Promise<void> {
    this.#inRound = true
    try {
      this.flush()
      const target = this.#flushedLsn
      await this.#syncFiles()
      this.#syncedLsn = target
      this.#mark()
    } finally {
      this.#inRound = false
    }
  }

  async #syncFiles(): Promise<void> {
    await this.#segments.sync().catch((error: unknown) => { throw this.#fail(error) })
  }

  /** Says in the log how far it is synced, so that damage to the records before can't pass for a torn end. */
  #mark(): void {
    if (this.#ended !== undefined) return
    const idle = this.#batch.length === 0
    this.#batch.add({ kind: syncMarkKind, lsn: this.#lastLsn, synced: this.#syncedLsn }, new Uint8Array(0))
    if (!idle) return
    try {
      this.flush()
    } catch (error) {
      // It stays queued; the next flush takes it along.
      this.#report(error)
    }
  }

  trim(lsn: Lsn): void {
    if (this.#ended !== undefined) return
    const safe = this.#neededLsn = Math.min(lsn, this.#syncedLsn + 1)
    this.#segments.trim(safe)
    this.#sizes.trim(safe)
  }

  async close(): Promise<void> {
    if (this.#ended?.code === 'bad-handle') return
    try {
      if (this.#ended !== undefined) throw this.#ended
      await this.sync()
      await this.#round
      // The newest mark, which says that all before it is synced, is to be on the disk as well.
      this.flush()
      await this.#syncFiles()
      await this.#leave()
    } finally {
      await this.#round?.catch(() => undefined)
      await this.#segments.settle()
      // A log that failed is left as it is: where it ends on the disk is not known.
      this.#segments.close(this.#ended === undefined ? this.#batch.position : Infinity)
      this.#ended = new VaultError('bad-handle', 'the log is closed')
      this.#disk.close()
    }
  }

  /** A segment of which nobody needs anything goes: the next opening would read all of it, for seconds where it holds much. */
  async #leave(): Promise<void> {
    if (this.#neededLsn <= this.#lastLsn || this.#batch.position < this.#segmentBytes * limits.logRestShare) return
    if (!this.#segments.mayBegin(this.#syncedLsn) || !this.#beginSegment()) return
    await this.#syncFiles()
    this.#segments.trim(this.#neededLsn)
  }

  #fail(error: unknown): VaultError {
    this.#ended ??= new VaultError('io', `${this.#disk.directory}: the disk did not keep what was written to the log; nothing more is accepted`, {
      subject: this.#disk.directory, next: 'check the disk, unmount and mount again: what was acknowledged is there', cause: error,
    })
    this.#report(error)
    return this.#ended
  }

  #report(error: unknown): void {
    this.#logger.log('error', 'log', { reason: String(error) })
  }
}
