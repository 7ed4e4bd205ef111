// The first page of a log segment (LOG.md §2). Everything it says lies in the first 512 bytes, the smallest sector, so
// that a power cut leaves either all of it or none. A header also fences its predecessor: it names the byte at which
// the segment before it ends, and what lies behind that is never read again.
import { aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from '../../native-deps/sodium.js'
import { equalBytes } from '../terms/bytes.js'
import { getU64, putU64, viewOf } from './log-record.js'
import type { LogOwner } from './log-record.js'

export interface SegmentHeader {
  readonly segment: number
  /** One for each opening of the log. */
  readonly generation: number
  readonly firstLsn: number
  /** 0: this is the first one. */
  readonly previousSegment: number
  /** Where the records of the previous segment end, bytes. */
  readonly previousEnd: number
  /** All records up to here were on the disk when the header was written. */
  readonly synced: number
  /** Tag of the last head (or of the header) of the previous segment, 16 bytes. */
  readonly previousTag: Uint8Array
}

export type HeaderReading =
  | { readonly state: 'valid'; readonly header: SegmentHeader; readonly tag: Uint8Array }
  /** Nothing was ever written here that reached the disk. */
  | { readonly state: 'unborn' }
  | { readonly state: 'damaged' | 'foreign' | 'unknown-version' }

export const segmentHeaderBytes = 4096
export const headerSectorBytes = 512
const clearBytes = 128
const tagPosition = clearBytes + aeadNonceBytes
const magic = Buffer.from('VAULTLOG', 'latin1')
const domain = Buffer.from('log-segment', 'latin1')
const version = 1
const suite = 1
const empty = new Uint8Array(0)

/** A whole page; its tag (the first record is chained to it) is `headerTag` of it. `nonce`: 24 random bytes, used once. */
export function encodeSegmentHeader(
  header: SegmentHeader, owner: LogOwner, seal: { readonly nonce: Uint8Array; readonly key: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(segmentHeaderBytes)
  const view = viewOf(page)
  page.set(magic, 0)
  view.setUint16(8, version, true)
  view.setUint16(10, suite, true)
  view.setUint32(12, segmentHeaderBytes, true)
  page.set(owner.vault, 16)
  page.set(owner.device, 48)
  putU64(view, 64, header.segment)
  putU64(view, 72, header.generation)
  putU64(view, 80, header.firstLsn)
  putU64(view, 88, header.previousSegment)
  putU64(view, 96, header.previousEnd)
  putU64(view, 104, header.synced)
  page.set(header.previousTag, 112)
  page.set(seal.nonce, clearBytes)
  aeadSeal(page.subarray(tagPosition, tagPosition + aeadTagBytes), empty, associatedData(page), seal.nonce, seal.key)
  return page
}

export function headerTag(page: Uint8Array): Uint8Array {
  return page.slice(tagPosition, tagPosition + aeadTagBytes)
}

/** `sector`: the first 512 bytes, fewer when the file is shorter. */
export function readSegmentHeader(sector: Uint8Array, owner: LogOwner, key: Uint8Array): HeaderReading {
  if (sector.byteLength < headerSectorBytes || sector.every((byte) => byte === 0)) return { state: 'unborn' }
  const view = viewOf(sector)
  const tag = headerTag(sector)
  if (!aeadOpen(new Uint8Array(0), tag, associatedData(sector), sector.subarray(clearBytes, tagPosition), key)) {
    return { state: explain(sector, view, owner) }
  }
  if (view.getUint16(8, true) !== version || view.getUint16(10, true) !== suite) return { state: 'unknown-version' }
  if (!belongs(sector, owner)) return { state: 'foreign' }
  const header: SegmentHeader = {
    segment: getU64(view, 64), generation: getU64(view, 72), firstLsn: getU64(view, 80), previousSegment: getU64(view, 88),
    previousEnd: getU64(view, 96), synced: getU64(view, 104), previousTag: sector.slice(112, clearBytes),
  }
  return { state: 'valid', header, tag }
}

function associatedData(page: Uint8Array): Uint8Array {
  const out = new Uint8Array(domain.byteLength + clearBytes)
  out.set(domain, 0)
  out.set(page.subarray(0, clearBytes), domain.byteLength)
  return out
}

function belongs(sector: Uint8Array, owner: LogOwner): boolean {
  return equalBytes(sector.subarray(16, 48), owner.vault) && equalBytes(sector.subarray(48, 64), owner.device)
}

function explain(sector: Uint8Array, view: DataView, owner: LogOwner): 'damaged' | 'foreign' | 'unknown-version' {
  if (!equalBytes(sector.subarray(0, 8), magic)) return 'damaged'
  if (view.getUint16(8, true) > version) return 'unknown-version'
  return belongs(sector, owner) ? 'damaged' : 'foreign'
}
