// Reads a log from its oldest record to its last. Where a record does not verify, either a power cut tore the end off,
// and the log ends there; or something that was on the disk is damaged, and then nothing is touched. What tells them
// apart: every record and header says how far the log was synced when it was written. A later one that says so of a
// record that does not verify is proof of damage (LOG.md §5).
import type { LogOwner } from '../format/log-record.js'
import { syncMarkKind } from '../format/log-record.js'
import { segmentHeaderBytes } from '../format/log-segment.js'
import type { LogRecord, RecordKind } from '../store/log-port.js'
import { recordKind } from '../store/log-port.js'
import { equalBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { segmentName } from './disk.js'
import type { LogDisk, LogFile } from './disk.js'
import { SegmentReader } from './segment-reader.js'
import type { ReadRecord } from './segment-reader.js'
import { corrupt } from './survey.js'
import type { ChainLink, Survey } from './survey.js'

/** Where a log ends. */
export interface LogEnd {
  /** The segments that are kept, oldest first, each with the byte at which its records end. */
  readonly segments: readonly { readonly segment: number; readonly firstLsn: number; readonly end: number }[]
  readonly lastLsn: number
  readonly lastTag: Uint8Array
  /** Known to be on the disk by what the log says of itself. */
  readonly synced: number
  /** The first byte that is not known to be on the disk, per segment that has one. */
  readonly unsyncedFrom: ReadonlyMap<number, number>
  /** Whether something behind the end was cut off. */
  readonly torn: boolean
  readonly newestGeneration: number
}

interface Pending {
  readonly record: ReadRecord
  readonly link: number
  readonly previousTag: Uint8Array
}

export interface ReplayOptions {
  readonly disk: LogDisk
  readonly owner: LogOwner
  readonly key: Uint8Array
}

export class Replay {
  readonly #options: ReplayOptions
  readonly #survey: Survey
  readonly #visit: (record: LogRecord) => void
  #link = 0
  #position = segmentHeaderBytes
  #lastLsn = 0
  #lastTag: Uint8Array = new Uint8Array(16)
  #synced = 0
  #generation: number
  /** Read, chained, but not known to be synced: their payloads are to be verified before anybody sees them. */
  #pending: Pending[] = []
  readonly #ends = new Map<number, number>()
  #torn = false

  constructor(options: ReplayOptions, found: Survey, visit: (record: LogRecord) => void) {
    this.#options = options
    this.#survey = found
    this.#visit = visit
    this.#generation = found.newestGeneration
  }

  run(): LogEnd {
    const { chain } = this.#survey
    const first = chain[0]
    if (first !== undefined) this.#lastLsn = first.header.firstLsn - 1
    for (this.#link = 0; this.#link < chain.length; this.#link++) {
      const link = chain[this.#link]
      if (link === undefined || !this.#segment(link, chain[this.#link + 1])) break
    }
    this.#link = Math.min(this.#link, chain.length - 1)
    this.#cutTornPayloads()
    this.#refuseDamage()
    return this.#end()
  }

  /** Reads one segment; false when the log ends in it. */
  #segment(link: ChainLink, next: ChainLink | undefined): boolean {
    const { segment, generation } = link.header
    this.#learnSynced(link.header.synced)
    this.#position = segmentHeaderBytes
    this.#lastTag = link.tag
    this.#withFile(segment, (file) => {
      const reader = new SegmentReader(file, this.#options.owner, this.#options.key)
      while (next === undefined || this.#position < next.header.previousEnd) {
        const expected = { segment, generation, lastLsn: this.#lastLsn, lastTag: this.#lastTag }
        const record = reader.next(this.#position, expected)
        if (record === undefined) break
        this.#take(record)
      }
    })
    this.#ends.set(this.#link, this.#position)
    return next !== undefined && this.#joins(link, next)
  }

  /** Whether the records read so far end just where the next segment says that they do. */
  #joins(link: ChainLink, { header }: ChainLink): boolean {
    return this.#position === header.previousEnd && this.#lastLsn + 1 === header.firstLsn &&
      equalBytes(this.#lastTag, header.previousTag) && header.generation >= link.header.generation
  }

  #take(record: ReadRecord): void {
    this.#pending.push({ record, link: this.#link, previousTag: this.#lastTag })
    this.#position = record.end
    this.#lastTag = record.tag
    this.#lastLsn = record.framing.lsn
    this.#learnSynced(record.head.synced)
  }

  #learnSynced(synced: number): void {
    if (synced <= this.#synced) return
    this.#synced = synced
    let count = 0
    for (const { record } of this.#pending) {
      // A mark was written after the record whose number it bears: only a later record's sync covers it.
      if (record.framing.lsn + (record.head.kind === syncMarkKind ? 1 : 0) > synced) break
      this.#show(record)
      count++
    }
    this.#pending.splice(0, count)
  }

  #show({ framing, head, payloadPosition }: ReadRecord): void {
    if (head.kind === syncMarkKind) return
    const { extent } = head
    this.#visit({
      lsn: framing.lsn, kind: asKind(head.kind), body: head.body,
      extent: extent === undefined ? undefined : {
        segment: framing.segment, position: payloadPosition, length: extent.length, lsn: framing.lsn,
        generation: framing.generation, ino: extent.ino, offset: extent.offset,
      },
    })
  }

  /** A head may have come to the disk without its payload. Shows what is whole; the log ends before the first that isn't. */
  #cutTornPayloads(): void {
    const pending = this.#pending
    const torn = pending.findIndex(({ record, link }) => !this.#payloadVerifies(record, link))
    const whole = torn < 0 ? pending : pending.slice(0, torn)
    const cut = pending[torn]
    if (cut !== undefined) {
      this.#torn = true
      this.#link = cut.link
      this.#position = cut.record.position
      this.#lastTag = cut.previousTag
      this.#lastLsn = cut.record.framing.lsn - 1
      this.#ends.set(cut.link, this.#position)
    }
    this.#pending = whole
  }

  #payloadVerifies(record: ReadRecord, link: number): boolean {
    if (record.head.extent === undefined) return true
    const segment = this.#survey.chain[link]?.header.segment ?? 0
    return this.#withFile(segment, (file) => {
      return new SegmentReader(file, this.#options.owner, this.#options.key).payloadVerifies(record)
    })
  }

  /** Looks behind the end for a sign that what is missing had been on the disk. */
  #refuseDamage(): void {
    const { chain, unborn } = this.#survey
    const behind = chain.slice(this.#link + 1)
    const at = chain[this.#link]?.header.segment
    for (const { header } of behind) this.#weigh(header.synced, at)
    // Only the newest header can be one whose predecessor was not all synced (segments.ts, rule 1).
    if (behind.length > 1) throw this.#damage(at)
    if (at !== undefined) this.#scan(at, this.#position, at)
    for (const segment of [...behind.map(({ header }) => header.segment), ...unborn]) this.#scan(segment, 0, at)
  }

  #scan(segment: number, from: number, at: number | undefined): void {
    this.#withFile(segment, (file) => {
      const reader = new SegmentReader(file, this.#options.owner, this.#options.key)
      if (reader.begins(Math.max(from, segmentHeaderBytes), segment)) this.#torn = true
      reader.scan(from, segment, (record) => {
        this.#torn = true
        this.#generation = Math.max(this.#generation, record.framing.generation)
        this.#weigh(record.head.synced, at ?? segment)
      })
    })
  }

  #weigh(synced: number, at: number | undefined): void {
    if (synced > this.#lastLsn) throw this.#damage(at)
  }

  #damage(segment: number | undefined): Error {
    const path = `${this.#options.disk.directory}/${segmentName(segment ?? 0)}`
    return corrupt(path, `byte ${String(this.#position)}: record ${String(this.#lastLsn + 1)} does not verify, although it had been synced`)
  }

  #end(): LogEnd {
    for (const { record } of this.#pending) this.#show(record)
    const unsyncedFrom = new Map<number, number>()
    for (const { record } of this.#pending) {
      const { segment } = record.framing
      if (!unsyncedFrom.has(segment)) unsyncedFrom.set(segment, record.position)
    }
    const kept = this.#survey.chain.slice(0, this.#link + 1)
    const last = kept.at(-1)?.header
    // Nothing that was synced lies in it: its header may be in the page cache only.
    if (last !== undefined && last.firstLsn > this.#synced) unsyncedFrom.set(last.segment, 0)
    return {
      segments: kept.map(({ header }, index) => ({
        segment: header.segment, firstLsn: header.firstLsn, end: this.#ends.get(index) ?? segmentHeaderBytes,
      })),
      lastLsn: this.#lastLsn, lastTag: this.#lastTag, synced: Math.min(this.#synced, this.#lastLsn), unsyncedFrom,
      torn: this.#torn || kept.length < this.#survey.chain.length, newestGeneration: this.#generation,
    }
  }

  #withFile<T>(segment: number, use: (file: LogFile) => T): T {
    const file = this.#options.disk.open(segmentName(segment), false)
    try {
      return use(file)
    } finally {
      file.close()
    }
  }
}

function asKind(kind: number): RecordKind {
  for (const known of Object.values(recordKind)) if (known === kind) return known
  throw new VaultError('format-unknown', `a log record is of kind ${String(kind)}, which this version does not know`, {
    next: 'open the vault with the newer version that wrote it',
  })
}
