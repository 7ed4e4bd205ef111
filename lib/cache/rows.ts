// Rows on their way from the thread that wrote the blobs to the keeper: 40 bytes each, packed, so that thousands of them
// cost one small message. Offsets fit 32 bits because a segment file ends long before 4 GiB.
import type { BlobId } from '../terms/bytes.js'

export const rowBytes = 40

export interface Row {
  readonly blobId: BlobId
  readonly offset: number
  readonly length: number
}

export function packRows(rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(rows.length * rowBytes)
  const view = new DataView(out.buffer)
  rows.forEach((row, index) => {
    out.set(row.blobId, index * rowBytes)
    view.setUint32(index * rowBytes + 32, row.offset, true)
    view.setUint32(index * rowBytes + 36, row.length, true)
  })
  return out
}

export function unpackRows(packed: Uint8Array): Row[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  return Array.from({ length: packed.byteLength / rowBytes }, (_, index) => ({
    // Memory of its own size: a view would keep the whole message alive in the index's sorting.
    blobId: packed.slice(index * rowBytes, index * rowBytes + 32) as Uint8Array as BlobId,
    offset: view.getUint32(index * rowBytes + 32, true),
    length: view.getUint32(index * rowBytes + 36, true),
  }))
}
