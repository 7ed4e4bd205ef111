// Blobs of a damaged store whose header or table was hit: what lies behind them is whole, so both are made anew from the
// segments and from what the reference says, and count when their hash is the reference's.
import { sha256 } from '../native-deps/sodium.js'
import type { SavedBlobs } from './cache/saved-blobs.js'
import { blobHeaderBytes, encodeBlobHeader, indexLength, paddedOfSealed, saltBytes, segmentHashBytes, segmentRange, segmentsOf } from './format/blob-envelope.js'
import type { BlobReference } from './format/blob-reference.js'
import type { BlobLocation, BlobReader } from './store/blob-cache-port.js'
import { equalBytes, hex, type BlobId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'

export class MendedBlobs implements BlobReader {
  readonly #blobs: SavedBlobs
  readonly #tell: (note: string) => void
  /** Header and table, up to 8 KiB, by BlobId: damaged ones are few. Undefined: not to be mended. */
  readonly #fronts = new Map<string, Uint8Array | undefined>()

  /** `tell`: that one was mended. */
  constructor(blobs: SavedBlobs, tell: (note: string) => void) {
    this.#blobs = blobs
    this.#tell = tell
  }

  locate(blobId: BlobId): BlobLocation | undefined {
    return this.#blobs.locate(blobId)
  }

  read(blobId: BlobId, location: BlobLocation, offset: number, into: Uint8Array): void {
    this.#blobs.read(blobId, location, offset, into)
    const front = this.#fronts.get(hex(blobId))?.subarray(offset, offset + into.byteLength)
    if (front !== undefined) into.set(front)
  }

  /** Why the index is not used; undefined: it is. */
  get indexFault(): string | undefined {
    return this.#blobs.indexFault
  }

  close(): void {
    this.#blobs.close()
  }

  /** What was read of it is damaged: answers whether it is worth to be read once more. */
  retry(reference: BlobReference): boolean {
    return this.#blobs.misled(reference.blobId, reference.sealedLength) || this.#mend(reference)
  }

  #mend(reference: BlobReference): boolean {
    const name = hex(reference.blobId)
    if (this.#fronts.has(name)) return false
    const front = this.#front(reference)
    this.#fronts.set(name, front)
    if (front !== undefined) this.#tell(`blob ${name}: its header or table is damaged, and was made anew from what lies behind it`)
    return front !== undefined
  }

  /** Undefined: it is whole as it is, or its segments are damaged too. */
  #front({ blobId, sealedLength, tableHash, suite, epoch }: BlobReference): Uint8Array | undefined {
    const location = this.#blobs.locate(blobId)
    const padded = paddedOfSealed(sealedLength)
    if (location?.length !== sealedLength || padded === undefined) return undefined
    const segments = segmentsOf(padded)
    const found = new Uint8Array(indexLength(segments))
    try {
      this.#blobs.read(blobId, location, 0, found)
      const table = found.subarray(blobHeaderBytes)
      const header = encodeBlobHeader({ suite, epoch, segments, salt: found.subarray(blobHeaderBytes - saltBytes, blobHeaderBytes) })
      if (equalBytes(sha256(table), tableHash)) return equalBytes(header, found.subarray(0, blobHeaderBytes)) ? undefined : Buffer.concat([header, table])
      for (let index = 0; index < segments; index++) {
        const { offset, length } = segmentRange(padded, index)
        const segment = new Uint8Array(length)
        this.#blobs.read(blobId, location, offset, segment)
        table.set(sha256(segment), index * segmentHashBytes)
      }
      return equalBytes(sha256(table), tableHash) ? Buffer.concat([header, table]) : undefined
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') return undefined
      throw error
    }
  }
}
