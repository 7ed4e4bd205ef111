// A blob in a segment file: a clear frame of 40 bytes (magic, length, BlobId), then the sealed bytes. The frame makes the
// file tell what it holds, so that the index can be deleted and made anew; the BlobId proves each blob by itself.
import type { BlobId } from '../terms/bytes.js'

export const frameBytes = 40
/** "VFS1": a blob. CACHE.md §1 */
const liveMagic = 0x56465331
/** "VFS0": its bytes were given back; the length still leads to the next frame. */
const deadMagic = 0x56465330

export interface Frame {
  readonly live: boolean
  /** Of the sealed bytes. */
  readonly length: number
  readonly blobId: BlobId
}

export function putFrame(out: Uint8Array, blobId: BlobId, length: number): void {
  const view = new DataView(out.buffer, out.byteOffset, frameBytes)
  view.setUint32(0, liveMagic)
  view.setUint32(4, length)
  out.set(blobId, 8)
}

/** Undefined: no frame begins here. `room`: bytes of the file behind the frame. */
export function getFrame(bytes: Uint8Array, room: number): Frame | undefined {
  if (bytes.byteLength < frameBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameBytes)
  const magic = view.getUint32(0)
  const length = view.getUint32(4)
  if ((magic !== liveMagic && magic !== deadMagic) || length === 0 || length > room) return undefined
  return { live: magic === liveMagic, length, blobId: bytes.slice(8, frameBytes) as Uint8Array as BlobId }
}

/** The first four bytes of a frame whose blob is dead. */
export function deadMark(): Uint8Array {
  return Uint8Array.of(deadMagic >>> 24, (deadMagic >>> 16) & 0xff, (deadMagic >>> 8) & 0xff, deadMagic & 0xff)
}

/** The first three bytes, the same in both kinds: to look for a frame behind damaged bytes. */
export const framePrefix = Buffer.from('VFS', 'latin1')
