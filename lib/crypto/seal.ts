// Plaintext in, a sealed blob out: the last line in which plaintext of a file exists on its way to the store. FORMAT §4.
// Deterministic: equal frames under one epoch give the same blob, different ones never share a key (the salt is a keyed
// hash of what is sealed). `Sealed` is minted only here and where the cache reads its own rows back.

import { openSealing } from '../../native-deps/sealing.js'
import { sha256, wipe } from '../../native-deps/sodium.js'
import type { ChunkId, Sealed } from '../terms/bytes.js'
import { invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import {
  blobHeaderBytes, encodeBlobHeader, indexLength, paddedLength, sealedLengthOf, segmentHashBytes, segmentPlainBytes, segmentRange,
  segmentsOf, segmentTagBytes, suiteXChaCha,
} from '../format/blob-envelope.js'
import { formByte, type BlobKind, type BlobReference } from '../format/blob-reference.js'
import { blobIdOf } from './blob-id.js'
import { blobKeyInto, chunkKeyInto } from './derivation.js'
import { frame, type CompressionLevel, type Framed } from './frames.js'
import type { SealingKeys } from './key-ring.js'

export interface SealedBlob extends BlobReference {
  /** Header, table and segments. */
  readonly sealed: Sealed
  /** A view of the table in `sealed`. */
  readonly table: Uint8Array
}

const saltLabel = Buffer.from('salt/v1\0', 'latin1')
const zeros = new Uint8Array(segmentPlainBytes)
const tail = new Uint8Array(segmentPlainBytes)
const segmentSealing = openSealing()
const keys = new Uint8Array(64)

/** Bytes that a sealed chunk has at most. */
export function sealedLengthMax(plainLength: number): number {
  return sealedLengthOf(paddedLength(plainLength))
}

/**
 * Synchronous, for a worker. `plain` may be a view of shared memory that nobody writes to meanwhile. `room` (at least
 * sealedLengthMax): where to seal; without it the blob has memory of its own, whose first touch costs more than sealing.
 */
export function sealChunk(
  plain: Uint8Array, chunkId: ChunkId, sealing: SealingKeys, kind: BlobKind, level: CompressionLevel = 1, room?: Uint8Array,
): SealedBlob {
  invariant(plain.byteLength <= limits.blobPlainBytesMax, 'a chunk larger than any may be')
  const framed = frame(plain, level)
  const segments = segmentsOf(framed.padded)
  const form = formByte(kind, framed.framing)
  const salt = saltOf(framed, plain, form, sealing)
  const header = encodeBlobHeader({ suite: suiteXChaCha, epoch: sealing.epoch, segments, salt })
  const sealedLength = sealedLengthOf(framed.padded)
  const sealed = room === undefined ? new Uint8Array(sealedLength) : room.subarray(0, sealedLength)
  invariant(sealed.byteLength === sealedLength, 'no room for a sealed chunk')
  sealed.set(header)

  const chunkKey = keys.subarray(0, 32)
  const blobKey = keys.subarray(32)
  chunkKeyInto(chunkKey, sealing.dataKey, chunkId)
  blobKeyInto(blobKey, chunkKey, { form, plainLength: plain.byteLength, header })
  const table = sealed.subarray(blobHeaderBytes, indexLength(segments))
  const sealRun = (bytes: Uint8Array, first: number, end: number): void => {
    const hashes = table.subarray(first * segmentHashBytes, end * segmentHashBytes)
    const from = segmentRange(framed.padded, first).offset
    const out = sealed.subarray(from, from + bytes.byteLength + (end - first) * segmentTagBytes)
    segmentSealing.seal(out, bytes, hashes, header, blobKey, first, end === segments)
  }
  let sealedSegments = inOnePlace(framed, plain)
  if (sealedSegments > 0) sealRun(framed.framing === 'zstd' ? framed.bytes : plain.subarray(0, Math.min(plain.byteLength, sealedSegments * segmentPlainBytes)), 0, sealedSegments)
  for (; sealedSegments < segments; sealedSegments += 1) {
    const length = segmentRange(framed.padded, sealedSegments).length - segmentTagBytes
    sealRun(paddedSegment(plain, sealedSegments, length), sealedSegments, sealedSegments + 1)
  }
  wipe(keys)

  return {
    chunkId, blobId: blobIdOf(sealed), tableHash: sha256(table), plainLength: plain.byteLength, sealedLength: sealed.byteLength,
    epoch: sealing.epoch, suite: suiteXChaCha, kind, framing: framed.framing,
    sealed: sealed as Uint8Array as Sealed, table,
  }
}

/** FORMAT §4.5. Everything that goes under the key goes into the salt, lengths and form included. */
function saltOf(framed: Framed, plain: Uint8Array, form: number, sealing: SealingKeys): Uint8Array {
  const bound = new Uint8Array(saltLabel.byteLength + 6)
  bound.set(saltLabel)
  const view = new DataView(bound.buffer)
  view.setUint8(saltLabel.byteLength, suiteXChaCha)
  view.setUint8(saltLabel.byteLength + 1, form)
  view.setUint32(saltLabel.byteLength + 2, plain.byteLength)
  // The zeros after raw frames follow from the length and need no hashing.
  return sealing.saltHasher.digest(bound, framed.framing === 'raw' ? plain : framed.bytes)
}

/** Segments, from the first on, whose bytes lie next to each other without a copy. */
function inOnePlace(framed: Framed, plain: Uint8Array): number {
  const isWhole = framed.framing === 'zstd' || plain.byteLength === framed.padded
  return isWhole ? segmentsOf(framed.padded) : Math.floor(plain.byteLength / segmentPlainBytes)
}

/** The segment of raw frames in which the plaintext ends, or one behind it. */
function paddedSegment(plain: Uint8Array, index: number, length: number): Uint8Array {
  const start = index * segmentPlainBytes
  if (start >= plain.byteLength) return zeros.subarray(0, length)
  const rest = plain.byteLength - start
  tail.set(plain.subarray(start))
  tail.fill(0, rest, length)
  return tail.subarray(0, length)
}
