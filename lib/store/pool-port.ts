// The worker threads as the rest sees them: everything that hashes, compresses, seals or opens more than a few KiB,
// or waits for a disk. All calls are bounded: past the limit of queued work they wait their turn.
import type { ChunkId } from '../terms/bytes.js'
import type { BlobReference } from '../format/blob-reference.js'
import type { Piece } from './content-piece.js'
import type { SealedExtent } from './log-port.js'

/** Bytes lent by the pool, in shared memory; `release` gives the room back and must be called exactly once. */
export interface Lease {
  readonly bytes: Uint8Array
  release(): void
}

/** What to cut: a stretch of one file's content. */
export interface CutRequest {
  readonly pieces: readonly Piece[]
  /** Sum of the pieces' lengths, bytes. */
  readonly length: number
  /**
   * True: the stretch ends where the file (or a hole that forces a cut) ends, so the last chunk is cut there. False: an
   * uncut tail is left (see Cut.consumed).
   */
  readonly final: boolean
  /**
   * Ascending positions within the stretch at which older whole chunks begin; the cutting stops at the first of them
   * (beyond `resumeAfter`) that it meets.
   */
  readonly boundaries: readonly number[]
  readonly resumeAfter: number
}

/** One run of a cut. Holes of at least 64 KiB (see limits) force a cut and stay holes. */
export type CutRun =
  | { readonly kind: 'chunk'; readonly length: number; readonly chunkId: ChunkId }
  | { readonly kind: 'hole'; readonly length: number }

export interface Cut {
  /** In order from the beginning of the stretch; their lengths add up to `consumed`. */
  readonly runs: readonly CutRun[]
  /** Bytes of the stretch that are covered: all of it, up to the boundary met, or up to the uncut tail. */
  readonly consumed: number
  /** Whether the cutting stopped because it met one of `boundaries`. */
  readonly met: boolean
  /**
   * Compresses, seals and stores the named chunk runs (indexes into `runs`; those that are not known yet). Resolves
   * when the blobs are durable in the cache. Frees what `cut` held; call it exactly once, with [] when nothing is new.
   */
  store(indexes: readonly number[]): Promise<readonly BlobReference[]>
}

export interface PoolPort {
  /** Assembles at most 1 MiB. Rejects 'corrupt' naming the blob or log segment; never yields unverified bytes. */
  read(pieces: readonly Piece[]): Promise<Lease>
  /** Something will be cut soon: its threads may begin. Cheap. */
  prepare?(): void
  /** Several small files in one call cost one hand-over to a worker: answers in the order of the requests. */
  cut(requests: readonly CutRequest[]): Promise<readonly Cut[]>
  /** Seals dirty data of the arena for the log, at most 64 KiB each. The lease's bytes back the results. */
  sealExtents(
    extents: readonly { readonly ino: number; readonly offset: number; readonly position: number; readonly length: number }[],
    generation: number,
  ): Promise<{ readonly extents: readonly SealedExtent[]; release(): void }>
  /** Seals and stores pages of content trees; durable when it resolves. */
  storePages(pages: readonly Uint8Array[]): Promise<readonly BlobReference[]>
  /** Opens one page of a content tree; the bytes are the caller's. */
  readPage(reference: BlobReference): Promise<Uint8Array>
  statistics(): PoolStatistics
  close(): Promise<void>
}

export interface PoolStatistics {
  readonly queuedJobs: number
  /** Of the blob cache. */
  readonly blobs: number
  readonly blobBytes: number
  /** Bytes of sealed blobs written since the pool opened. */
  readonly storedBytes: number
}
