// Reads the records of one segment file: one after the other while they verify, or any that verify by themselves behind
// a place where one doesn't.
import {
  decodeHead, getFraming, HeadCodec, headPosition, headTagAt, openExtentInto, previousTagAt, recordAlignment, recordBytes,
  extentAssociatedData, extentOverheadBytes, framingAndNonceBytes, syncMarkKind, viewOf,
} from '../format/log-record.js'
import type { Framing, Head, LogOwner } from '../format/log-record.js'
import { segmentHeaderBytes } from '../format/log-segment.js'
import { equalBytes } from '../terms/bytes.js'
import type { LogFile } from './disk.js'

const windowBytesMax = 1 << 20
const tagBytes = 16
/** Heads of nearly all records are shorter. */
const shortHeadBytes = 512
const blank = new Uint8Array(4096)

export interface ReadRecord {
  readonly framing: Framing
  readonly head: Head
  readonly position: number
  readonly end: number
  /** The head's tag, the caller's own. */
  readonly tag: Uint8Array
  /** Position of the sealed payload in the file. */
  readonly payloadPosition: number
}

/** What the next record must fit. */
export interface Expected {
  readonly segment: number
  readonly generation: number
  readonly lastLsn: number
  readonly lastTag: Uint8Array
}

export class SegmentReader {
  readonly #file: LogFile
  readonly #owner: LogOwner
  readonly #key: Uint8Array
  readonly #codec: HeadCodec
  /** Made when something is read: payloads are verified past it. */
  #window: Uint8Array = new Uint8Array(0)
  #view = viewOf(this.#window)
  #windowAt = 0
  #windowLength = 0
  /** Bytes of what called itself a record and does not verify. */
  #vainBytes = 0

  constructor(file: LogFile, owner: LogOwner, key: Uint8Array) {
    this.#file = file
    this.#owner = owner
    this.#key = key
    this.#codec = new HeadCodec(owner, key)
  }

  /** The record at `position`, when it verifies and follows what came before. The payload itself is not opened. */
  next(position: number, expected: Expected): ReadRecord | undefined {
    const record = this.#record(position, expected.segment)
    if (record === undefined || record.framing.generation !== expected.generation) return undefined
    const lsn = record.head.kind === syncMarkKind ? expected.lastLsn : expected.lastLsn + 1
    if (record.framing.lsn !== lsn) return undefined
    const at = position - this.#windowAt
    if (!equalBytes(previousTagAt(this.#window, at), expected.lastTag)) return undefined
    return record
  }

  /** Whether the payload of the record is there and whole. */
  payloadVerifies(record: ReadRecord): boolean {
    const { extent } = record.head
    if (extent === undefined) return true
    const sealed = new Uint8Array(extent.length + extentOverheadBytes)
    if (this.#file.pread(sealed, record.payloadPosition) < sealed.byteLength) return false
    if (!equalBytes(sealed.subarray(sealed.byteLength - tagBytes), extent.tag)) return false
    const place = { generation: record.framing.generation, ino: extent.ino, offset: extent.offset, length: extent.length }
    const associatedData = extentAssociatedData(this.#owner, place)
    return openExtentInto(new Uint8Array(extent.length), sealed, associatedData, this.#key)
  }

  /**
   * Calls `found` for each record from `position` on that verifies by itself, whatever lies between. In a file that a log
   * wrote, what is damaged is not longer than the file. In one that claims overlapping long records at each place, opening
   * them all would take hours: after twice its length only records with short heads are looked for.
   */
  scan(position: number, segment: number, found: (record: ReadRecord) => void): void {
    const from = Math.max(position, segmentHeaderBytes)
    let at = Math.ceil(from / recordAlignment) * recordAlignment
    while (at + framingAndNonceBytes <= this.#file.sizeBytes) {
      const record = this.#record(at, segment)
      if (record === undefined) {
        at += this.#isBlank(at) ? blank.byteLength : recordAlignment
      } else {
        found(record)
        at = record.end
      }
    }
  }

  /** Whether anything that looks like a record of this segment begins at `position`. */
  begins(position: number, segment: number): boolean {
    const at = this.#load(position, framingAndNonceBytes)
    return at !== undefined && getFraming(this.#view, at)?.segment === segment
  }

  #record(position: number, segment: number): ReadRecord | undefined {
    const framingAt = this.#load(position, framingAndNonceBytes)
    if (framingAt === undefined) return undefined
    const framing = getFraming(this.#view, framingAt)
    // Most of what a used file holds is records of the segment that it was: they cost no opening.
    if (framing?.segment !== segment) return undefined
    if (framing.headBytes > shortHeadBytes && this.#vainBytes > 2 * this.#file.sizeBytes) return undefined
    const total = recordBytes(framing)
    const at = this.#load(position, total)
    if (at === undefined) return undefined
    const head = this.#head(at, framing)
    if (head === undefined) {
      this.#vainBytes += total
      return undefined
    }
    const tag = headTagAt(this.#window, at, framing.headBytes).slice()
    const payloadPosition = position + headPosition + framing.headBytes + tagBytes
    return { framing, head, position, end: position + total, tag, payloadPosition }
  }

  /** Undefined: it does not verify, or is none that we write. */
  #head(at: number, { headBytes, payloadBytes }: Framing): Head | undefined {
    const plain = this.#codec.open(this.#window.subarray(0, this.#windowLength), at, headBytes)
    if (plain === undefined) return undefined
    const head = decodeHead(plain, payloadBytes > 0)
    const { extent } = head
    return extent !== undefined && extent.length + extentOverheadBytes !== payloadBytes ? undefined : head
  }

  /** Whether a block begins here in which nothing was ever written, as most of a new file is: no record begins in it. */
  #isBlank(position: number): boolean {
    if (position % blank.byteLength > 0) return false
    const at = this.#load(position, blank.byteLength)
    return at !== undefined && equalBytes(this.#window.subarray(at, at + blank.byteLength), blank)
  }

  /** Where in the window `position` lies, with `length` bytes behind it; undefined when the file ends before. */
  #load(position: number, length: number): number | undefined {
    const at = position - this.#windowAt
    if (at >= 0 && at + length <= this.#windowLength) return at
    if (position + length > this.#file.sizeBytes) return undefined
    if (length > this.#window.byteLength) {
      this.#window = new Uint8Array(Math.max(length, Math.min(windowBytesMax, this.#file.sizeBytes)))
      this.#view = viewOf(this.#window)
    }
    this.#windowAt = position
    this.#windowLength = this.#file.pread(this.#window, position)
    return length <= this.#windowLength ? 0 : undefined
  }
}
