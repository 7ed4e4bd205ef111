// The blobs on this machine as the worker threads see them. Three sides, because three kinds of threads use it: many
// append bytes, each to a file of its own; one, the keeper, makes them durable and known; all read.
import type { BlobId, Sealed } from '../terms/bytes.js'

/** Where a blob lies; true until it is deleted. */
export interface BlobLocation {
  /** Number of the segment file. */
  readonly segment: number
  /** Of the blob's first byte in the file. */
  readonly offset: number
  readonly length: number
}

export interface BlobReader {
  /** Undefined: the cache does not have it. */
  locate(blobId: BlobId): BlobLocation | undefined
  /**
   * Fills `into` with the blob's bytes from `offset` on. Throws 'corrupt' when the file is gone or ends too early. What
   * was read is not verified: a deleted blob reads as zeros.
   */
  read(blobId: BlobId, location: BlobLocation, offset: number, into: Uint8Array): void
  /**
   * As `read`, without a place to put it: of memory that the next call of either overwrites, and that no other thread sees.
   * Undefined: only `read` is there.
   */
  view?(blobId: BlobId, location: BlobLocation, offset: number, length: number): Uint8Array
  close(): void
}

export interface BlobAppender {
  /**
   * Writes blobs to this thread's segment; neither durable nor known until the keeper has committed what comes back.
   * Throws 'no-space' or 'io': then nothing of the call counts.
   */
  append(blobs: readonly { readonly blobId: BlobId; readonly sealed: Sealed }[]): readonly AppendedBlobs[]
  /** The keeper could not sync the segment: what follows goes to another file. */
  abandon(segment: number): void
  close(): void
}

/** Blobs of one segment that wait for the keeper: a row of 40 bytes each, id ‖ offset ‖ length, little-endian. */
export interface AppendedBlobs {
  readonly segment: number
  readonly rows: Uint8Array<ArrayBuffer>
}

export interface BlobKeeper {
  /**
   * Makes blobs durable, then known, in that order; durable on return. A blob that is known already stays where it is
   * and the second copy is dropped, unless the first one is damaged (all of it is read): then it is the other way round. When it throws, none of them is known, and a file that could not be synced must be
   * abandoned by its appender: what the kernel lost is not reported twice.
   */
  commit(appended: readonly AppendedBlobs[]): void
  /** Forgets blobs and frees their bytes; those it does not have are skipped. The caller knows that nothing names them. */
  delete(blobIds: readonly BlobId[]): void
  statistics(): BlobStatistics
  close(): void
}

export interface BlobStatistics {
  readonly blobs: number
  readonly bytes: number
}
