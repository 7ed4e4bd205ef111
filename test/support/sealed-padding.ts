// A blob sealed of any padded bytes, as a device of another version might, or one that does not obey. FORMAT §4
import { blobIdOf } from '../../lib/crypto/blob-id.js'
import { blobKeyInto, chunkKeyInto } from '../../lib/crypto/derivation.js'
import type { KeyRing } from '../../lib/crypto/key-ring.js'
import {
  blobHeaderBytes, encodeBlobHeader, fillSegmentNonce, indexLength, sealedLengthOf, segmentHashBytes, segmentPlainBytes, segmentRange, segmentsOf, segmentTagBytes,
} from '../../lib/format/blob-envelope.js'
import { formByte, type BlobReference } from '../../lib/format/blob-reference.js'
import type { ChunkId } from '../../lib/terms/bytes.js'
import { aeadSeal, sha256 } from '../../native-deps/sodium.js'

export interface Padded {
  readonly framing: 'raw' | 'zstd'
  readonly plainLength: number
  /** Frames, padding, directory. */
  readonly padded: Uint8Array
  readonly chunkId?: ChunkId
}

/** With keys of this ring. The salt is none that a writer makes: readers can't tell. */
export function sealPadded({ framing, plainLength, padded, chunkId = new Uint8Array(32).fill(4) as Uint8Array as ChunkId }: Padded, ring: KeyRing): { readonly reference: BlobReference; readonly sealed: Uint8Array } {
  const { sealing } = ring
  const segments = segmentsOf(padded.byteLength)
  const header = encodeBlobHeader({ suite: 1, epoch: sealing.epoch, segments, salt: sha256(padded) })
  const sealed = new Uint8Array(sealedLengthOf(padded.byteLength))
  sealed.set(header)
  const [chunkKey, blobKey, nonce] = [new Uint8Array(32), new Uint8Array(32), new Uint8Array(24)]
  chunkKeyInto(chunkKey, sealing.dataKey, chunkId)
  blobKeyInto(blobKey, chunkKey, { form: formByte('chunk', framing), plainLength, header })
  for (let index = 0; index < segments; index++) {
    const { offset, length } = segmentRange(padded.byteLength, index)
    const out = sealed.subarray(offset, offset + length)
    fillSegmentNonce(nonce, index, index === segments - 1)
    aeadSeal(out, padded.subarray(index * segmentPlainBytes, index * segmentPlainBytes + length - segmentTagBytes), header, nonce, blobKey)
    sealed.set(sha256(out), blobHeaderBytes + index * segmentHashBytes)
  }
  const tableHash = sha256(sealed.subarray(blobHeaderBytes, indexLength(segments)))
  return { sealed, reference: { chunkId, blobId: blobIdOf(sealed), tableHash, plainLength, sealedLength: sealed.byteLength, epoch: sealing.epoch, suite: 1, kind: 'chunk', framing } }
}
