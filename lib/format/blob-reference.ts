// What a signed content tree says of one blob: enough to find it, to check any part of it and to open it.
import type { BlobId, ChunkId } from '../terms/bytes.js'

export interface BlobReference {
  readonly chunkId: ChunkId
  readonly blobId: BlobId
  /** SHA-256 of the blob's table of segment hashes. */
  readonly tableHash: Uint8Array
  /** Plaintext bytes. */
  readonly plainLength: number
  /** Bytes of the whole blob as stored, padding included. */
  readonly sealedLength: number
  readonly suite: number
  readonly epoch: number
}
