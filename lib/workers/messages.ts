// What the main thread and the workers say to each other. Structured clone copies whole backing buffers, so every
// Uint8Array in here has memory of exactly its size; keys and file content are never posted.
import type { AppendedBlobs, BlobStatistics } from '../store/blob-cache-port.js'
import type { LogLevel } from '../terms/log.js'
import type { PostedError } from '../terms/posted-error.js'

export type ReaderJob =
  /** Assemble the pieces at `slot` of the read slots. */
  | { readonly kind: 'read'; readonly id: number; readonly slot: number; readonly length: number; readonly pieces: Uint8Array }
  /** Five numbers an extent: ino, offset, position in the arena, length, place in the seal slots. */
  | { readonly kind: 'seal'; readonly id: number; readonly generation: number; readonly extents: Float64Array }
  | { readonly kind: 'page'; readonly id: number; readonly reference: Uint8Array }
  | Close

export interface CutJobRequest {
  readonly cut: number
  readonly pieces: Uint8Array
  readonly final: boolean
  readonly boundaries: readonly number[]
  readonly resumeAfter: number
}

export type BulkJob =
  | { readonly kind: 'cut'; readonly id: number; readonly requests: readonly CutJobRequest[] }
  /** Answered by the keeper. Lets go of the cut unless `keep`; without indexes that is all, and nobody waits. */
  | { readonly kind: 'store'; readonly id: number; readonly cut: number; readonly indexes: readonly number[]; readonly keep: boolean }
  /** A part of another thread's cut: pairs of position and length, and 32 bytes of id for each. */
  | { readonly kind: 'seal'; readonly id: number; readonly memory: SharedArrayBuffer; readonly places: Float64Array; readonly chunkIds: Uint8Array }
  | { readonly kind: 'pages'; readonly id: number; readonly pages: readonly Uint8Array[] }
  | Close

export interface CutAnswer {
  /** Of each run; a hole's is negative. */
  readonly lengths: Float64Array
  /** 32 bytes for each chunk. */
  readonly chunkIds: Uint8Array
  /** Where the bytes lie, if others may seal them too; of each run its position there. */
  readonly memory: SharedArrayBuffer | undefined
  readonly places: Float64Array
  readonly consumed: number
  readonly met: boolean
}

export type KeeperJob =
  | { readonly kind: 'delete'; readonly id: number; readonly blobIds: Uint8Array }
  | Close

interface Close {
  readonly kind: 'close'
}

/** From a bulk worker to the keeper. */
export interface CommitRequest {
  readonly appended: readonly AppendedBlobs[]
  /** Jobs of which these blobs are a part and more will follow. */
  readonly unfinished: readonly number[]
  /** Jobs that are durable with these blobs; their encoded references are the answer. */
  readonly done: readonly { readonly id: number; readonly references: Uint8Array }[]
}

/** From the keeper to a bulk worker. */
export interface AbandonSegment {
  readonly segment: number
}

export type Answer =
  /** For the daemon's log. */
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'ready'; readonly statistics?: BlobStatistics; readonly nextSegment?: number; readonly partial?: readonly PartialPlace[] }
  | { readonly kind: 'done'; readonly id: number; readonly value?: Uint8Array | readonly CutAnswer[]; readonly statistics?: BlobStatistics }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PostedError }

export interface PartialPlace {
  readonly segment: number
  readonly end: number
}
