// The catalog as the tree sees it: the state up to the last applied log record. Reads only; what is newer lies in the
// tree's generations. `CatalogBatch` is how a finished generation gets there.
import type { BlobReference } from '../format/blob-reference.js'

export interface CatalogDirent {
  readonly name: string
  readonly ino: number
  readonly cookie: number
}

/** A row as stored: encoded by lib/tree/entry-codec.ts. */
export interface CatalogEntry {
  readonly attributes: Buffer
  readonly xattrs: Buffer | null
  readonly content: Buffer | null
}

/** A name with the row of what it means; `attributes` is null where that is missing. */
export interface CatalogListed extends CatalogDirent {
  readonly attributes: Buffer | null
  readonly xattrs: Buffer | null
  readonly content: Buffer | null
}

/** Instead of a log record: the catalog was made anew from the manifest, and the whole log goes over it. */
export const logMadeAnew = -1

export interface CatalogMarks {
  /** Newest log record whose effect is in the catalog; or `logMadeAnew`. */
  readonly appliedLsn: number
  readonly nextIno: number
  readonly nextCookie: number
  /** Which state of other devices' chains it was made of; 0: of none. Left away in a batch: as before. */
  readonly others?: number
}

export interface CatalogPort {
  entry(ino: number): CatalogEntry | undefined
  lookup(parent: number, name: string): CatalogDirent | undefined
  /** Names of a directory with `after` < cookie < `before`, ascending, at most `limit`. */
  list(parent: number, after: number, before: number, limit: number): readonly CatalogDirent[]
  /** The same with what they mean, in one go: a third of what a question for each costs. */
  listWithEntries(parent: number, after: number, before: number, limit: number): readonly CatalogListed[]
  /** Names of a directory from this one on in the order of their bytes, at most `limit`, with what they mean. */
  lookupFrom(parent: number, name: string, limit: number): readonly CatalogListed[]
  chunk(chunkId: Uint8Array): BlobReference | undefined
  marks(): CatalogMarks
  /** Numbers of entries that have no name: open and unlinked when the vault was last left. */
  orphans(): readonly number[]
  counts(): { readonly entries: number; readonly chunks: number }
}

export interface CatalogRow {
  readonly ino: number
  readonly id: Uint8Array
  readonly orphan: boolean
  readonly attributes: Uint8Array
  readonly xattrs: Uint8Array | null
  readonly content: Uint8Array | null
}

export interface CatalogBatch {
  readonly entries: Iterable<CatalogRow>
  readonly gone: Iterable<number>
  /** `ino` 0 removes the name. */
  readonly dirents: Iterable<{ readonly parent: number; readonly name: string; readonly ino: number; readonly cookie: number }>
  readonly chunks: Iterable<BlobReference>
  readonly marks: CatalogMarks
}

export interface CatalogWriter {
  /**
   * Applies a batch in slices of a few milliseconds, giving the thread back between them, and commits it as one.
   * The caller has synced the log up to `marks.appliedLsn`: a rule of the design, not checked here. Not durable by
   * itself (synchronous=NORMAL): after a power cut the log replays what is missing.
   */
  apply(batch: CatalogBatch): Promise<void>
}
