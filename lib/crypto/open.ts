// Opens a sealed blob, or any range of it: table, then segment hash, then AEAD, before anybody sees a byte. FORMAT §4.7.
// A reader needs header and table once (a BlobIndex, worth caching) and then one or two segments for each 64 KiB.
// Any mismatch is 'corrupt' with the blob's id; nothing unverified is ever copied to `out`.

import { aeadOpen, sha256, wipe } from '../../native-deps/sodium.js'
import { equalBytes, hex, type Plain } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import {
  blobHeaderBytes, decodeBlobHeader, fillSegmentNonce, frameBytes, framesOf, indexLength, paddedLength, paddedOfSealed,
  segmentHashBytes, segmentPlainBytes, segmentRange, segmentsOf, segmentTagBytes,
} from '../format/blob-envelope.js'
import { formByte, type BlobReference } from '../format/blob-reference.js'
import { blobKeyInto, chunkKeyInto } from './derivation.js'
import { decodeDirectory, frameLength, unframe, type FrameDirectory } from './frames.js'
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

const nonce = new Uint8Array(24)
const chunkKey = new Uint8Array(32)
/** Two neighbouring segments, by the parity of their number, and a place to join a frame that straddles them. */
const pair = new Uint8Array(2 * segmentPlainBytes)
const joined = new Uint8Array(segmentPlainBytes)
const zeros = new Uint8Array(segmentPlainBytes)
const cipherCopy = new Uint8Array(segmentPlainBytes + segmentTagBytes)

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
  const subject = hex(reference.blobId)
  let done = 0
  const opened: Opened = [-1, -1]
  while (done < length) {
    const at = plainOffset + done
    const number = Math.floor(at / frameBytes)
    const inFrame = at - number * frameBytes
    const count = Math.min(frameLength(number, reference.plainLength) - inFrame, length - done)
    const target = out.subarray(done, done + count)
    if (directory === undefined) readRaw(index, read, number, inFrame, target, opened)
    else target.set(readFrame(index, directory, read, number, opened, subject).subarray(inFrame, inFrame + count))
    done += count
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

/** Numbers of the segments that lie opened in `pair`. */
type Opened = [number, number]

/** A raw frame is a segment: whole ones are opened straight into place. */
function readRaw(index: BlobIndex, read: ReadSealed, number: number, inFrame: number, target: Uint8Array, opened: Opened): void {
  const segmentLength = segmentRange(index.padded, number).length - segmentTagBytes
  if (inFrame === 0 && target.byteLength === segmentLength) openSegment(index, read, number, target)
  else {
    const bytes = segment(index, read, number, opened)
    const { plainLength } = index.reference
    if ((number + 1) * frameBytes > plainLength) requireZeros(bytes.subarray(frameLength(number, plainLength)), index)
    target.set(bytes.subarray(inFrame, inFrame + target.byteLength))
  }
}

/** Between what is stored and the end, or the directory. */
function requirePadding(index: BlobIndex, read: ReadSealed): void {
  const { directory, padded, reference: { plainLength } } = index
  const from = directory === undefined ? plainLength : directory.starts.at(-1) ?? 0
  const to = directory === undefined ? padded : padded - 2 * framesOf(plainLength)
  for (let number = Math.floor(from / segmentPlainBytes); number * segmentPlainBytes < to; number++) {
    const start = number * segmentPlainBytes
    requireZeros(segment(index, read, number, [-1, -1]).subarray(Math.max(0, from - start), Math.max(0, to - start)), index)
  }
}

/** Bytes there are no mistake of a disk: somebody with the keys sealed other bytes under the key and nonces of the blob. */
function requireZeros(bytes: Uint8Array, { reference }: BlobIndex): void {
  if (!equalBytes(bytes, zeros.subarray(0, bytes.byteLength))) throw corrupt(hex(reference.blobId), 'its padding is not zeros')
}

function readFrame(
  index: BlobIndex, directory: FrameDirectory, read: ReadSealed, number: number, opened: Opened, subject: string,
): Uint8Array {
  const bytes = paddedRange(index, read, directory.starts[number] ?? 0, directory.starts[number + 1] ?? 0, opened)
  if (directory.stored[number] === 1) return bytes
  return unframe(bytes, frameLength(number, index.reference.plainLength), subject)
}

function readDirectory(index: BlobIndex, read: ReadSealed, subject: string): FrameDirectory {
  const { plainLength } = index.reference
  const directoryBytes = framesOf(plainLength) * 2
  const bytes = paddedRange(index, read, index.padded - directoryBytes, index.padded, [-1, -1])
  const directory = decodeDirectory(bytes, { plain: plainLength, padded: index.padded }, subject)
  requireBucket(index, (directory.starts.at(-1) ?? 0) + directoryBytes)
  return directory
}

/** At most 64 KiB of the padded plaintext: from one segment or two neighbours. */
function paddedRange(index: BlobIndex, read: ReadSealed, from: number, to: number, opened: Opened): Uint8Array {
  const first = Math.floor(from / segmentPlainBytes)
  const start = from - first * segmentPlainBytes
  const length = to - from
  const head = segment(index, read, first, opened)
  if (start + length <= head.byteLength) return head.subarray(start, start + length)
  const headLength = head.byteLength - start
  joined.set(head.subarray(start))
  joined.set(segment(index, read, first + 1, opened).subarray(0, length - headLength), headLength)
  return joined.subarray(0, length)
}

/** Segment `number`, opened into its half of `pair` unless it lies there already. */
function segment(index: BlobIndex, read: ReadSealed, number: number, opened: Opened): Uint8Array {
  const half = number % 2 === 0 ? 0 : 1
  const length = segmentRange(index.padded, number).length - segmentTagBytes
  const out = pair.subarray(half * segmentPlainBytes, half * segmentPlainBytes + length)
  if (opened[half] !== number) {
    opened[half] = -1
    openSegment(index, read, number, out)
    opened[half] = number
  }
  return out
}

function openSegment(index: BlobIndex, read: ReadSealed, number: number, out: Uint8Array): void {
  const subject = hex(index.reference.blobId)
  const { offset, length } = segmentRange(index.padded, number)
  const found = readExactly(read, offset, length, subject)
  // Memory shared with another thread could change between the hash and the opening.
  const cipher = found.buffer instanceof SharedArrayBuffer ? copied(found) : found
  const expected = index.table.subarray(number * segmentHashBytes, (number + 1) * segmentHashBytes)
  if (!equalBytes(sha256(cipher), expected)) throw corrupt(subject, `segment ${number} is damaged`)
  fillSegmentNonce(nonce, number, number === segmentsOf(index.padded) - 1)
  if (!aeadOpen(out, cipher, index.header, nonce, index.blobKey)) throw corrupt(subject, `segment ${number} does not open`)
}

function copied(found: Uint8Array): Uint8Array {
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
