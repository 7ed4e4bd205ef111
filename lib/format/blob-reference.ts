// What a tree page says about a blob, enough to fetch, verify and open it, or any range of it. FORMAT §4.6.
// It is secret (it holds the ChunkId and the true length) and trusted: it stands in signed, sealed bytes.

import { hex, type BlobId, type ChunkId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { frameBytes, paddedOfSealed, suitesKnown } from './blob-envelope.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

/** A chunk of a file, or a page of a tree. Bound into the blob's key: one can't be passed off as the other. */
export type BlobKind = 'chunk' | 'page'
/** Whether frames lie in it as they are, or each compressed where it pays, with a directory at the end. */
export type BlobFraming = 'raw' | 'zstd'

export interface BlobReference {
  readonly chunkId: ChunkId
  readonly blobId: BlobId
  /** SHA-256 of the blob's table. */
  readonly tableHash: Uint8Array
  readonly plainLength: number
  readonly sealedLength: number
  readonly epoch: number
  readonly suite: number
  readonly kind: BlobKind
  readonly framing: BlobFraming
}

/** 3 × 32 + 3 × 4 + 2. */
export const blobReferenceBytes = 110

/** The form byte: bit 0 page, bit 1 zstd. */
export function formByte(kind: BlobKind, framing: BlobFraming): number {
  return (kind === 'page' ? 1 : 0) | (framing === 'zstd' ? 2 : 0)
}

export function writeBlobReference(writer: ByteWriter, reference: BlobReference): void {
  const { chunkId, blobId, tableHash } = reference
  invariant(chunkId.byteLength === 32 && blobId.byteLength === 32 && tableHash.byteLength === 32, 'ids of 32 bytes')
  writer.bytes(chunkId).bytes(blobId).bytes(tableHash)
    .u32(reference.plainLength).u32(reference.sealedLength).u32(reference.epoch)
    .u8(reference.suite).u8(formByte(reference.kind, reference.framing))
}

export function encodeBlobReference(reference: BlobReference): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(blobReferenceBytes)
  writeBlobReference(writer, reference)
  return writer.take()
}

export function readBlobReference(reader: ByteReader): BlobReference {
  const chunkId = reader.copy(32) as Uint8Array as ChunkId
  const blobId = reader.copy(32) as Uint8Array as BlobId
  const tableHash = reader.copy(32)
  const plainLength = reader.u32()
  const sealedLength = reader.u32()
  const epoch = reader.u32()
  const suite = reader.u8()
  if (!suitesKnown.has(suite)) {
    throw new VaultError('format-unknown', `blob ${hex(blobId)}: written by a newer VaultFS (cipher suite ${suite})`, {
      subject: hex(blobId), next: 'Update VaultFS and try again.',
    })
  }
  const form = reader.u8()
  if (form > 3) throw reader.corrupt(`form ${form} of a blob`)
  const framing: BlobFraming = (form & 2) === 0 ? 'raw' : 'zstd'
  const padded = paddedOfSealed(sealedLength)
  if (plainLength > limits.blobPlainBytesMax || padded === undefined) throw reader.corrupt('lengths of a blob that can not be')
  // Raw frames fill the blob themselves; compressed ones need at least their directory.
  const least = framing === 'raw' ? plainLength : Math.ceil(plainLength / frameBytes) * 2
  if (least > padded) throw reader.corrupt('lengths of a blob that can not be')
  return {
    chunkId, blobId, tableHash, plainLength, sealedLength, epoch, suite,
    kind: (form & 1) === 0 ? 'chunk' : 'page',
    framing,
  }
}

export function decodeBlobReference(bytes: Uint8Array, subject = 'blob reference'): BlobReference {
  const reader = new ByteReader(bytes, subject)
  const reference = readBlobReference(reader)
  reader.end()
  return reference
}
