// Opens a sealed blob, or any range of it: table, then segment hash, then AEAD, before anybody sees a byte. FORMAT §4.7.
// A reader needs header and table once (a BlobIndex, worth caching) and then one or two segments for each 64 KiB.
// Any mismatch is 'corrupt' with the blob's id; nothing unverified is ever copied to `out`.

import { openSealing } from '../../native-deps/sealing.js'
import { sha256, wipe } from '../../native-deps/sodium.js'
import { equalBytes, hex, type Plain } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import {
  blobHeaderBytes, decodeBlobHeader, frameBytes, framesOf, indexLength, paddedLength, paddedOfSealed, segmentHashBytes,
  segmentPlainBytes, segmentRange, segmentsOf, segmentTagBytes,
} from '../format/blob-envelope.js'
import { formByte, type BlobReference } from '../format/blob-reference.js'
import { blobKeyInto, chunkKeyInto } from './derivation.js'
import { decodeDirectory, frameLength, unframe, unframeInto, type FrameDirectory } from './frames.js'
import type { OpeningKeys } from './key-ring.js'

/** Bytes of the sealed blob; exactly `length` of them, or it throws. The view may be overwritten by the next call. */
export type ReadSealed = (offset: number, length: number) => Uint8Array

/** A blob whose header and table were verified. It holds the blob's key: drop it (`wipeIndex`) when the vault closes. */
export interface BlobIndex {
  readonly reference: BlobReference
  readonly padded: number
  readonly header: Uint8Array
  readonly table: Uint8Array
  readonly blobKey: Uint8Array
  readonly directory: FrameDirectory | undefined
}

export interface OpenInput {
  readonly reference: BlobReference
  readonly read: ReadSealed
  readonly keys: OpeningKeys
}

const segmentSealing = openSealing()
const chunkKey = new Uint8Array(32)
/** Segments that are read and opened in one go: the largest read. */
const runSegmentsMax = 16
/** Frames lie in one segment more than they are, at most. */
const windowSegmentsMax = runSegmentsMax + 1
/** Opened segments, side by side, of which a reader wants less than all; made when one comes. */
let window = new Uint8Array(segmentPlainBytes)
const zeros = new Uint8Array(segmentPlainBytes)
let cipherCopy = new Uint8Array(0)

/** How many bytes from the start of the blob `openIndex` reads: header and table. */
export function indexLengthOf(reference: BlobReference): number {
  return indexLength(segmentsOf(paddedOf(reference)))
}

/** Reads and verifies header and table, and for compressed blobs the directory at the end. */
export function openIndex({ reference, read, keys }: OpenInput): BlobIndex {
  const subject = hex(reference.blobId)
  const padded = paddedOf(reference)
  const segments = segmentsOf(padded)
  const prefix = readExactly(read, 0, indexLength(segments), subject)
  const header = new Uint8Array(prefix.subarray(0, blobHeaderBytes))
  const table = new Uint8Array(prefix.subarray(blobHeaderBytes))
  const parsed = decodeBlobHeader(header, `blob ${subject}`)
  if (parsed.suite !== reference.suite || parsed.epoch !== reference.epoch || parsed.segments !== segments) {
    throw corrupt(subject, 'its header does not match what refers to it')
  }
  if (!equalBytes(sha256(table), reference.tableHash)) throw corrupt(subject, 'its table does not match what refers to it')
  const blobKey = new Uint8Array(32)
  chunkKeyInto(chunkKey, keys.dataKey(reference.epoch), reference.chunkId)
  blobKeyInto(blobKey, chunkKey, { form: formByte(reference.kind, reference.framing), plainLength: reference.plainLength, header })
  wipe(chunkKey)
  const index: BlobIndex = { reference, padded, header, table, blobKey, directory: undefined }
  if (reference.framing === 'zstd') return { ...index, directory: readDirectory(index, read, subject) }
  requireBucket(index, reference.plainLength)
  return index
}

function requireBucket({ reference, padded }: BlobIndex, framedBytes: number): void {
  if (paddedLength(framedBytes) !== padded) throw corrupt(hex(reference.blobId), 'its padding is longer than it has to be')
}

export function wipeIndex(index: BlobIndex): void {
  wipe(index.blobKey)
}

/** `length` plaintext bytes from `plainOffset` into the front of `out`. Opens only the segments that hold them. */
export function readRange(index: BlobIndex, read: ReadSealed, plainOffset: number, length: number, out: Uint8Array): void {
  const { reference, directory } = index
  invariant(plainOffset >= 0 && length >= 0 && plainOffset + length <= reference.plainLength, 'a range outside of the blob')
  invariant(out.byteLength >= length, 'no room for the range')
  let done = 0
  while (done < length) {
    const target = out.subarray(done, length)
    done += directory === undefined ? readRaw(index, read, plainOffset + done, target) : readFrames(index, directory, read, plainOffset + done, target)
  }
}

/** Index and range in one: for a reader that comes once. */
export function openRange(input: OpenInput, plainOffset: number, length: number, out: Uint8Array): void {
  const index = openIndex(input)
  try {
    readRange(index, input.read, plainOffset, length, out)
  } finally {
    wipeIndex(index)
  }
}

/** Everything, into the front of `out`: the padding too is looked at, also in segments of which a reader needs nothing. */
export function openWhole(input: OpenInput, out: Uint8Array): void {
  const index = openIndex(input)
  try {
    readRange(index, input.read, 0, index.reference.plainLength, out)
    requirePadding(index, input.read)
  } finally {
    wipeIndex(index)
  }
}

/** The whole plaintext of a blob that is in memory. */
export function openBlob(reference: BlobReference, sealed: Uint8Array, keys: OpeningKeys): Plain {
  const out = new Uint8Array(reference.plainLength)
  openWhole({ reference, keys, read: (offset, length) => sealed.subarray(offset, offset + length) }, out)
  return out as Uint8Array as Plain
}

/** As many bytes from `at` as one step gives. A raw frame is a segment: whole ones are opened straight into place. */
function readRaw(index: BlobIndex, read: ReadSealed, at: number, target: Uint8Array): number {
  const { padded, reference: { plainLength } } = index
  const number = Math.floor(at / frameBytes)
  const inFrame = at - number * frameBytes
  const end = at + target.byteLength
  const wholeEnd = end === padded ? segmentsOf(padded) : Math.floor(end / frameBytes)
  if (inFrame === 0 && wholeEnd > number) {
    const count = Math.min(wholeEnd - number, runSegmentsMax)
    const bytes = Math.min(count * segmentPlainBytes, padded - at)
    openRun(index, read, number, count, target.subarray(0, bytes))
    return bytes
  }
  const bytes = opened(index, read, number, 1)
  if ((number + 1) * frameBytes > plainLength) requireZeros(bytes.subarray(frameLength(number, plainLength)), index)
  const count = Math.min(frameLength(number, plainLength) - inFrame, target.byteLength)
  target.set(bytes.subarray(inFrame, inFrame + count))
  return count
}

/** Between what is stored and the end, or the directory. */
function requirePadding(index: BlobIndex, read: ReadSealed): void {
  const { directory, padded, reference: { plainLength } } = index
  const from = directory === undefined ? plainLength : directory.starts.at(-1) ?? 0
  const to = directory === undefined ? padded : padded - 2 * framesOf(plainLength)
  for (let number = Math.floor(from / segmentPlainBytes); number * segmentPlainBytes < to; number++) {
    const start = number * segmentPlainBytes
    requireZeros(opened(index, read, number, 1).subarray(Math.max(0, from - start), Math.max(0, to - start)), index)
  }
}

/** Bytes there are no mistake of a disk: somebody with the keys sealed other bytes under the key and nonces of the blob. */
function requireZeros(bytes: Uint8Array, { reference }: BlobIndex): void {
  if (!equalBytes(bytes, zeros.subarray(0, bytes.byteLength))) throw corrupt(hex(reference.blobId), 'its padding is not zeros')
}

/** The same for compressed frames: those that lie in a few segments, and what is wanted of them. */
function readFrames(index: BlobIndex, directory: FrameDirectory, read: ReadSealed, at: number, target: Uint8Array): number {
  const { plainLength, blobId } = index.reference
  const first = Math.floor(at / frameBytes)
  const end = Math.min(Math.ceil((at + target.byteLength) / frameBytes), first + runSegmentsMax)
  const bytes = paddedRange(index, read, startOf(directory, first), startOf(directory, end))
  let done = 0
  for (let number = first; number < end; number++) {
    const length = frameLength(number, plainLength)
    const from = number === first ? at - first * frameBytes : 0
    const count = Math.min(length - from, target.byteLength - done)
    const part = target.subarray(done, done + count)
    const framed = bytes.subarray(startOf(directory, number) - startOf(directory, first), startOf(directory, number + 1) - startOf(directory, first))
    if (directory.stored[number] === 1) part.set(framed.subarray(from, from + count))
    else if (count === length) unframeInto(part, framed, hex(blobId))
    else part.set(unframe(framed, length, hex(blobId)).subarray(from, from + count))
    done += count
  }
  return done
}

function startOf({ starts }: FrameDirectory, number: number): number {
  return starts[number] ?? 0
}

function readDirectory(index: BlobIndex, read: ReadSealed, subject: string): FrameDirectory {
  const { plainLength } = index.reference
  const directoryBytes = framesOf(plainLength) * 2
  const bytes = paddedRange(index, read, index.padded - directoryBytes, index.padded)
  const directory = decodeDirectory(bytes, { plain: plainLength, padded: index.padded }, subject)
  requireBucket(index, (directory.starts.at(-1) ?? 0) + directoryBytes)
  return directory
}

/** Padded plaintext of at most so many frames as are read in one go. */
function paddedRange(index: BlobIndex, read: ReadSealed, from: number, to: number): Uint8Array {
  const first = Math.floor(from / segmentPlainBytes)
  const count = Math.max(Math.ceil(to / segmentPlainBytes) - first, 1)
  return opened(index, read, first, count).subarray(from - first * segmentPlainBytes, to - first * segmentPlainBytes)
}

/** Neighbouring segments, opened; valid until the next call on this thread. */
function opened(index: BlobIndex, read: ReadSealed, first: number, count: number): Uint8Array {
  const room = Math.min(count, windowSegmentsMax) * segmentPlainBytes
  if (window.byteLength < room) window = new Uint8Array(room)
  const out = window.subarray(0, Math.min(count * segmentPlainBytes, index.padded - first * segmentPlainBytes))
  openRun(index, read, first, count, out)
  return out
}

function openRun(index: BlobIndex, read: ReadSealed, first: number, count: number, out: Uint8Array): void {
  const subject = hex(index.reference.blobId)
  const { offset } = segmentRange(index.padded, first)
  const found = readExactly(read, offset, out.byteLength + count * segmentTagBytes, subject)
  // Memory shared with another thread could change between the hash and the opening.
  const sealed = found.buffer instanceof SharedArrayBuffer ? copied(found) : found
  const table = index.table.subarray(first * segmentHashBytes, (first + count) * segmentHashBytes)
  const isEnd = first + count === segmentsOf(index.padded)
  const damage = segmentSealing.open(out, sealed, table, index.header, index.blobKey, first, isEnd)
  if (damage === undefined) return
  throw corrupt(subject, `segment ${first + damage.segment} ${damage.what === 'hash' ? 'is damaged' : 'does not open'}`)
}

function copied(found: Uint8Array): Uint8Array {
  if (cipherCopy.byteLength < found.byteLength) cipherCopy = new Uint8Array(found.byteLength)
  cipherCopy.set(found)
  return cipherCopy.subarray(0, found.byteLength)
}

function readExactly(read: ReadSealed, offset: number, length: number, subject: string): Uint8Array {
  const found = read(offset, length)
  if (found.byteLength !== length) throw corrupt(subject, 'it ends too early')
  return found
}

function paddedOf(reference: BlobReference): number {
  const padded = paddedOfSealed(reference.sealedLength)
  if (padded === undefined) throw corrupt(hex(reference.blobId), 'its length is none that a blob can have')
  return padded
}

function corrupt(subject: string, what: string): VaultError {
  return new VaultError('corrupt', `blob ${subject}: ${what}`, {
    subject, next: "Put the folder \"cache\" of the store back from a copy; other files are not touched by it, 'vaultfs verify' names those that are.",
  })
}
