// What verifying tells, as it goes over the control socket and into --json (bin/CLI.md describes it): types only.

/** 'chain': an entry of the manifest. 'state': what one tells of the whole. 'history', 'catalog', 'cache': a database that is derived. 'content': a file's bytes, now or in the past. 'log': a file's newest bytes, not published yet. 'blob': one that no file needs. */
export type FindingKind = 'chain' | 'state' | 'history' | 'catalog' | 'cache' | 'content' | 'log' | 'blob'

/** A version that something damaged belongs to. */
export interface AffectedVersion {
  /** From the vault's root, without a leading slash ('' is the root), bytes as latin1 characters; null: it had no name. */
  readonly path: string | null
  /** Since when it was so: the published state's name in `.versions`. */
  readonly moment: string
  /** Whether it is so in the newest published state. */
  readonly isCurrent: boolean
}

export interface VerifyFinding {
  readonly kind: FindingKind
  /** A file of the store, an entry of the manifest, a blob, or a path as text. */
  readonly subject: string
  /** When it is about one path: that, as in `versions`. */
  readonly path: string | null
  /** What is wrong with it. */
  readonly message: string
  /** The newest first; not all of them when `moreVersions` is not 0. */
  readonly versions: readonly AffectedVersion[]
  readonly moreVersions: number
  /** What to do. */
  readonly next: string
}

/**
 * 'log': bytes of files that are in it only. 'databases': of three. 'manifest': bytes of its chains. 'history': tables.
 * 'state': entries (their number is not known before). 'contents': of all versions. 'catalog': rows.
 * 'blobs': bytes of them. 'versions': contents looked through for damaged blobs, when there are any.
 */
export interface VerifyProgress {
  readonly phase: 'log' | 'databases' | 'manifest' | 'history' | 'state' | 'contents' | 'catalog' | 'blobs' | 'versions'
  readonly done: number
  readonly total: number
  /** Milliseconds since the phase began. */
  readonly elapsedMs: number
}

export interface VerifySummary {
  readonly findings: number
  /** Entries of all chains. */
  readonly manifestEntries: number
  /** Contents of all versions. */
  readonly contents: number
  readonly blobs: number
  readonly blobBytes: number
  /** Of files, in the log only. */
  readonly loggedBytes: number
  /** Blobs that no version names: of what was never published, or let go of. */
  readonly unnamedBlobs: number
  /** Entries and names that are not published yet, so that there is nothing to compare them with. */
  readonly unpublished: number
}
