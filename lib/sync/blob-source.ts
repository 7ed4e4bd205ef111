// The blobs that are here, as the syncer sees them: rising positions, in the order in which they became durable. Handed in
// by who knows the cache. Every blob that an entry needs lies at a position below those that come after the entry.
import type { BlobId, Sealed } from '../terms/bytes.js'

export interface BlobRow {
  readonly position: number
  readonly blobId: BlobId
  /** Of the sealed blob. */
  readonly length: number
}

export interface BlobSource {
  /** The greatest position; 0: there are none. */
  newest(): number
  /** Those above `after`, up to and including `through`, ascending. */
  batch(after: number, through: number, limit: number): readonly BlobRow[]
  find(blobId: BlobId): BlobRow | undefined
  /**
   * As it lies on the disk: not verified. `into`, of its length, may be used for it. Throws 'corrupt' when it is not whole
   * there, 'io' when the disk does not say.
   */
  read(row: BlobRow, into?: Uint8Array): Sealed
}
