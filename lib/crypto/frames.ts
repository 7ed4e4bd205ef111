// Between plaintext and what is sealed: frames of 64 KiB, each compressed by itself where that pays, then zeros up to
// the bucket. FORMAT §4.2. Compressed frames lie back to back; their lengths stand in a directory at the very end,
// inside the sealing, because in the clear they would tell what the padding hides.

import { openZstd } from '../../native-deps/zstd.js'
import { invariant, VaultError } from '../terms/errors.js'
import { frameBytes, framesOf, paddedLength } from '../format/blob-envelope.js'

const zstd = openZstd()
const probeBytes = 16_384
/** Larger than a frame can become. */
const packed = new Uint8Array(frameBytes + 4096)
/** What a frame was; the next one takes its place. */
const unpacked = new Uint8Array(frameBytes)
/** A sixteenth saved is worth the time that opening costs; less is not. */
const pays = (from: number, to: number): boolean => to <= from - (from >> 4)

/** What frames cost at another level must not matter to a reader: tests seal at two. */
export type CompressionLevel = 1 | 2 | 3

let scratch = new Uint8Array(1024 * 1024)

/** One plaintext as frames, padded. Valid until the next call on this thread. */
export interface Framed {
  readonly framing: 'raw' | 'zstd'
  /** For 'zstd' all padded bytes; for 'raw' empty: the plaintext itself followed by zeros. */
  readonly bytes: Uint8Array
  readonly padded: number
}

export function frame(plain: Uint8Array, level: CompressionLevel = 1): Framed {
  const raw: Framed = { framing: 'raw', bytes: scratch.subarray(0, 0), padded: paddedLength(plain.byteLength) }
  if (!worthTrying(plain, level)) return raw
  const frames = framesOf(plain.byteLength)
  reserve(paddedLength(plain.byteLength + frames * 2))
  const directory = new Uint8Array(frames * 2)
  let at = 0
  for (let index = 0; index < frames; index += 1) {
    const piece = plain.subarray(index * frameBytes, Math.min((index + 1) * frameBytes, plain.byteLength))
    const small = compress(piece, level)
    const stored = pays(piece.byteLength, small.byteLength) ? small : piece
    scratch.set(stored, at)
    at += stored.byteLength
    // Zero says: stored as it is. A frame that pays is below 61 441 bytes, so sixteen bits hold it.
    if (stored === small) new DataView(directory.buffer).setUint16(index * 2, small.byteLength)
  }
  const padded = paddedLength(at + directory.byteLength)
  // Padding hides what a smaller frame saved within the same bucket; then opening is cheaper without.
  if (padded >= raw.padded) return raw
  scratch.fill(0, at, padded - directory.byteLength)
  scratch.set(directory, padded - directory.byteLength)
  return { framing: 'zstd', bytes: scratch.subarray(0, padded), padded }
}

/** Where each frame of a 'zstd' blob lies: `starts[i]` to `starts[i + 1]`, and whether it is stored as it is. */
export interface FrameDirectory {
  readonly starts: Uint32Array
  readonly stored: Uint8Array
}

/** `bytes` are the last two a frame of the padded plaintext. Throws 'corrupt'. */
export function decodeDirectory(bytes: Uint8Array, lengths: { readonly plain: number; readonly padded: number }, subject: string): FrameDirectory {
  const frames = framesOf(lengths.plain)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const starts = new Uint32Array(frames + 1)
  const stored = new Uint8Array(frames)
  let at = 0
  for (let index = 0; index < frames; index += 1) {
    const written = view.getUint16(index * 2)
    if (written === 0) stored[index] = 1
    at += written === 0 ? frameLength(index, lengths.plain) : written
    starts[index + 1] = at
  }
  if (at + frames * 2 > lengths.padded) throw new VaultError('corrupt', `blob ${subject}: its frames do not fit into it`, { subject })
  return { starts, stored }
}

export function frameLength(index: number, plainLength: number): number {
  return Math.min(frameBytes, plainLength - index * frameBytes)
}

/** Exactly `length` bytes (a frame's at most) or 'corrupt'; valid until the next call on this thread. */
export function unframe(bytes: Uint8Array, length: number, subject: string): Uint8Array {
  const plain = unpacked.subarray(0, length)
  unframeInto(plain, bytes, subject)
  return plain
}

/** The same into place: exactly as many bytes as `plain` has, or 'corrupt'. */
export function unframeInto(plain: Uint8Array, bytes: Uint8Array, subject: string): void {
  const found = zstd.decompress(plain, bytes)
  if (found === undefined) throw new VaultError('corrupt', `blob ${subject}: a frame does not decompress`, { subject })
  if (found !== plain.byteLength) throw new VaultError('corrupt', `blob ${subject}: a frame has the wrong length`, { subject })
}

/** Valid until the next call on this thread. */
function compress(piece: Uint8Array, level: CompressionLevel): Uint8Array {
  const length = zstd.compress(packed, piece, level)
  invariant(length !== undefined, 'a frame that grew by more than its bound')
  return packed.subarray(0, length)
}

/** A sixteen-kilobyte look at the beginning and the middle: media and archives are the bulk of what people keep. */
function worthTrying(plain: Uint8Array, level: CompressionLevel): boolean {
  // Up to the smallest bucket nothing can be saved.
  if (plain.byteLength <= paddedLength(0)) return false
  if (plain.byteLength <= 2 * probeBytes) return !looksRandom(plain)
  const middle = (plain.byteLength >> 1) - (probeBytes >> 1)
  if (looksRandom(plain) && looksRandom(plain.subarray(middle))) return false
  return [0, middle].some((at) => pays(probeBytes, compress(plain.subarray(at, at + probeBytes), level).byteLength))
}

const sampleBytes = 2048
const counts = new Uint16Array(256)
/** Of four bytes that were seen, by a hash of them. */
const seen = new Uint32Array(4096)

/**
 * Whether the first bytes are like random ones: what is compressed or encrypted already. Ten times cheaper than asking
 * zstd, which is half of the work of sealing a small file. Wrong only about space, never about bytes.
 */
function looksRandom(plain: Uint8Array): boolean {
  const length = Math.min(plain.byteLength, sampleBytes)
  counts.fill(0)
  for (let at = 0; at < length; at += 1) counts[plain[at] ?? 0] = (counts[plain[at] ?? 0] ?? 0) + 1
  let squares = 0
  for (const count of counts) squares += count * count
  // Random bytes give length + length²/256 with a deviation of length/11; a sixteenth saved needs far more.
  return squares < (length + (length * length) / 256) * 1.1 && !repeats(plain, length)
}

/** Bytes can be evenly spread and come again all the same. */
function repeats(plain: Uint8Array, length: number): boolean {
  seen.fill(0)
  let found = 0
  let word = 0
  for (let at = 0; at < length; at += 1) {
    word = ((word << 8) | (plain[at] ?? 0)) >>> 0
    const place = Math.imul(word, 0x9e3779b1) >>> 20
    if (seen[place] === word) found += 1
    seen[place] = word
  }
  return found > length / 64
}

function reserve(length: number): void {
  if (scratch.byteLength < length) scratch = new Uint8Array(length)
}
