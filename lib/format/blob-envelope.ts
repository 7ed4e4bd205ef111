// The clear outside of a sealed blob: header, table of segment hashes, and where each segment lies. FORMAT §4.
// Nothing here needs a key, so a node or `sha256sum` can check it; what is inside is crypto/seal.ts's business.
// The easy mistake: lengths that follow the true content. All of them follow the padded length only.

import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

/** "VFB" and the envelope's version. FORMAT §4.1 */
const magic = 0x56_46_42_01
export const blobHeaderBytes = 48
export const segmentPlainBytes = 65_536
export const segmentTagBytes = 16
export const segmentHashBytes = 32
export const saltBytes = 32
/** Plaintext is cut into frames of this size, each compressed by itself, so that a range opens alone. */
export const frameBytes = 65_536

/** XChaCha20-Poly1305 in segments, BLAKE3 salt, BLAKE2b keys. */
export const suiteXChaCha = 1
/** Suites this build can open. */
export const suitesKnown: ReadonlySet<number> = new Set([suiteXChaCha])

export interface BlobHeader {
  readonly suite: number
  readonly epoch: number
  readonly segments: number
  readonly salt: Uint8Array
}

export function encodeBlobHeader(header: BlobHeader): Uint8Array<ArrayBuffer> {
  invariant(header.salt.byteLength === saltBytes, 'a blob salt has 32 bytes')
  return new ByteWriter(blobHeaderBytes)
    .u32(magic).u8(header.suite).zeros(3).u32(header.epoch).u32(header.segments).bytes(header.salt).take()
}

export function decodeBlobHeader(bytes: Uint8Array, subject: string): BlobHeader {
  const reader = new ByteReader(bytes.subarray(0, blobHeaderBytes), subject)
  const found = reader.u32()
  if (found !== magic) {
    if (found >>> 8 === magic >>> 8) throw unknownFormat(subject, `envelope version ${found & 0xff}`)
    throw reader.corrupt('not a sealed blob')
  }
  const suite = reader.u8()
  if (!suitesKnown.has(suite)) throw unknownFormat(subject, `cipher suite ${suite}`)
  for (const byte of reader.bytes(3)) if (byte !== 0) throw reader.corrupt('reserved bytes that are not zero')
  const epoch = reader.u32()
  const segments = reader.u32()
  if (segments === 0 || segments > segmentsOf(paddedLength(limits.blobPlainBytesMax))) throw reader.corrupt(`${segments} segments`)
  const salt = reader.copy(saltBytes)
  reader.end()
  return { suite, epoch, segments, salt }
}

function unknownFormat(subject: string, what: string): VaultError {
  return new VaultError('format-unknown', `${subject}: written by a newer VaultFS (${what})`, {
    subject, next: 'Update VaultFS and try again.',
  })
}

/**
 * The bucket that holds `framedLength` bytes: 4096·2^n or 5792·2^n, which are √2 apart. FORMAT §4.3
 * Whole powers of two come out unpadded, because files and chunks of those sizes are common.
 */
export function paddedLength(framedLength: number): number {
  let even = 4096
  let odd = 5792
  for (;;) {
    if (framedLength <= even) return even
    if (framedLength <= odd) return odd
    even *= 2
    odd *= 2
  }
}

export function segmentsOf(padded: number): number {
  return Math.ceil(padded / segmentPlainBytes)
}

export function framesOf(plainLength: number): number {
  return Math.ceil(plainLength / frameBytes)
}

/** Header and table: what a reader needs once for a blob. */
export function indexLength(segments: number): number {
  return blobHeaderBytes + segments * segmentHashBytes
}

export function sealedLengthOf(padded: number): number {
  const segments = segmentsOf(padded)
  return indexLength(segments) + padded + segments * segmentTagBytes
}

/** The inverse of sealedLengthOf; undefined when no padded length gives it. */
export function paddedOfSealed(sealedLength: number): number | undefined {
  const perSegment = segmentPlainBytes + segmentTagBytes + segmentHashBytes
  const segments = Math.ceil((sealedLength - blobHeaderBytes) / perSegment)
  const padded = sealedLength - indexLength(segments) - segments * segmentTagBytes
  if (segments < 1 || padded < 1 || paddedLength(padded) !== padded) return undefined
  return sealedLengthOf(padded) === sealedLength ? padded : undefined
}

/** Where segment `index` lies in the blob, with its tag. */
export function segmentRange(padded: number, index: number): { readonly offset: number; readonly length: number } {
  const segments = segmentsOf(padded)
  const plain = index === segments - 1 ? padded - (segments - 1) * segmentPlainBytes : segmentPlainBytes
  return {
    offset: indexLength(segments) + index * (segmentPlainBytes + segmentTagBytes),
    length: plain + segmentTagBytes,
  }
}

/** FORMAT §4.4: nineteen zeros, the segment's number, one for the last. Fills 24 bytes that the caller owns. */
export function fillSegmentNonce(nonce: Uint8Array, index: number, last: boolean): void {
  nonce.fill(0)
  nonce[19] = index >>> 24
  nonce[20] = (index >>> 16) & 0xff
  nonce[21] = (index >>> 8) & 0xff
  nonce[22] = index & 0xff
  nonce[23] = last ? 1 : 0
}
