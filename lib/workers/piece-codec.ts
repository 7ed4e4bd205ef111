// Pieces of content as bytes, so that a request costs one small copy between threads however many pieces it has.
import { readBlobReference, writeBlobReference } from '../format/blob-reference.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { Piece } from '../store/content-piece.js'
import { VaultError } from '../terms/errors.js'

const kinds = { memory: 1, log: 2, blob: 3, inline: 4, hole: 5 } as const

/** Only the main thread encodes, and never two lists at a time. */
const writer = new ByteWriter(1024)

export function encodePieces(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  writer.reset().varint(pieces.length)
  for (const piece of pieces) encodePiece(piece)
  return writer.take()
}

function encodePiece(piece: Piece): void {
  writer.u8(kinds[piece.kind]).varint(piece.length)
  if (piece.kind === 'memory') writer.varint(piece.position)
  if (piece.kind === 'inline') writer.bytes(piece.bytes.subarray(0, piece.length))
  if (piece.kind === 'blob') {
    writer.varint(piece.skip)
    writeBlobReference(writer, piece.reference)
  }
  if (piece.kind === 'log') {
    const { segment, position, length, lsn, generation, ino, offset } = piece.extent
    writer.varint(piece.skip).varint(segment).varint(position).varint(length).varint(lsn).varint(generation).varint(ino).varint(offset)
  }
}

export function decodePieces(bytes: Uint8Array): Piece[] {
  const reader = new ByteReader(bytes, 'a request to a worker')
  const count = reader.varint()
  const pieces = Array.from({ length: count }, () => decodePiece(reader))
  reader.end()
  return pieces
}

function decodePiece(reader: ByteReader): Piece {
  const kind = reader.u8()
  const length = reader.varint()
  if (kind === kinds.memory) return { kind: 'memory', length, position: reader.varint() }
  if (kind === kinds.hole) return { kind: 'hole', length }
  if (kind === kinds.inline) return { kind: 'inline', length, bytes: reader.bytes(length) }
  if (kind === kinds.blob) return { kind: 'blob', length, skip: reader.varint(), reference: readBlobReference(reader) }
  if (kind !== kinds.log) throw new VaultError('broken-invariant', `a piece of kind ${kind}`)
  const skip = reader.varint()
  const extent = {
    segment: reader.varint(), position: reader.varint(), length: reader.varint(), lsn: reader.varint(),
    generation: reader.varint(), ino: reader.varint(), offset: reader.varint(),
  }
  return { kind: 'log', length, skip, extent }
}
