// Many blobs in one body. PROTOCOL §3. What comes from the other side is only split here; who takes a blob hashes it.
import { paddedLength, sealedLengthOf } from '../format/blob-envelope.js'
import type { BlobId, Sealed } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'

export interface SealedBlob {
  readonly blobId: BlobId
  readonly sealed: Sealed
}

export const blobIdBytes = 32
export const frameHeadBytes = blobIdBytes + 4
/** Ids in one `has`, and in one `get` or challenge. */
export const hasIdsMax = 4096
export const getIdsMax = 256
/** Of the frames in one body. */
export const framesBytesMax = 32 * 1024 * 1024
/** Sealed nothing: no blob is shorter (FORMAT §4.3). */
export const blobBytesMin = sealedLengthOf(paddedLength(0))
/** Plaintext of 16 MiB in its bucket, with table and tags: no blob is longer (FORMAT §4.3). */
export const blobBytesMax = 16 * 1024 * 1024 + 48 + 256 * (32 + 16)

export function frameHead(blobId: BlobId, length: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(frameHeadBytes)
  head.set(blobId)
  new DataView(head.buffer).setUint32(blobIdBytes, length)
  return head
}

/** Pieces of a body, not joined: the blobs are not copied. */
export function encodeFrames(blobs: readonly SealedBlob[]): Uint8Array[] {
  return blobs.flatMap(({ blobId, sealed }) => [frameHead(blobId, sealed.byteLength), sealed])
}

/** How many of the first go into one body; one at least. */
export function framesThatFit(blobs: readonly SealedBlob[]): number {
  let bytes = 0
  const beyond = blobs.findIndex(({ sealed }) => (bytes += frameHeadBytes + sealed.byteLength) > framesBytesMax)
  return beyond < 0 ? blobs.length : Math.max(1, beyond)
}

/** Views of `body`. An empty blob: it is not there. Throws 'invalid'. */
export function decodeFrames(body: Uint8Array, blobsMax: number): SealedBlob[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const blobs: SealedBlob[] = []
  for (let at = 0; at < body.byteLength;) {
    if (body.byteLength - at < frameHeadBytes || blobs.length === blobsMax) throw malformed()
    const length = view.getUint32(at + blobIdBytes)
    const start = at + frameHeadBytes
    if (length > blobBytesMax || start + length > body.byteLength) throw malformed()
    blobs.push({ blobId: body.subarray(at, at + blobIdBytes) as BlobId, sealed: body.subarray(start, start + length) as Sealed })
    at = start + length
  }
  return blobs
}

export function encodeIds(ids: readonly BlobId[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(ids.length * blobIdBytes)
  for (const [index, id] of ids.entries()) out.set(id, index * blobIdBytes)
  return out
}

/** Views of `body`. Throws 'invalid' for what is no row of ids, or has more than `idsMax`. */
export function decodeIds(body: Uint8Array, idsMax: number): BlobId[] {
  if (body.byteLength % blobIdBytes !== 0 || body.byteLength > idsMax * blobIdBytes) throw malformed()
  return Array.from({ length: body.byteLength / blobIdBytes }, (_, index) => body.subarray(index * blobIdBytes, (index + 1) * blobIdBytes) as BlobId)
}

function malformed(): VaultError {
  return new VaultError('invalid', 'a body that is not what the protocol says', { next: 'update the older of the two, client or node' })
}
