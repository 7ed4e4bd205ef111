// What salvaging tells, on its way to the report, the terminal and --json (bin/CLI.md describes it): types only.

/**
 * 'bytes': a file was written with zeros where the range is. 'entry': something is not there, or not all of it.
 * 'output': the disk that it is written to did not take it. 'store': of the vault as a whole. 'note': nothing is lost by it.
 */
export type SalvageKind = 'bytes' | 'entry' | 'output' | 'store' | 'note'

export interface SalvageProblem {
  readonly kind: SalvageKind
  /** In the vault, bytes as latin1 characters; null: it is about no single path. */
  readonly path: string | null
  /** Of 'bytes': the first byte, and the one behind the last. */
  readonly start?: number
  readonly end?: number
  readonly message: string
}

/** 'manifest': bytes, then entries of it. 'counting': entries. 'writing': bytes of files. */
export interface SalvageProgress {
  readonly phase: 'manifest' | 'counting' | 'writing'
  readonly done: number
  readonly total: number
}

export interface SalvageSummary {
  readonly files: number
  readonly folders: number
  readonly links: number
  /** Of files, holes not counted. */
  readonly bytes: number
  /** Versions written beside the present. */
  readonly versions: number
  /** Without the notes. */
  readonly problems: number
  readonly damagedPaths: number
  /** Bytes of files that could not be read. */
  readonly lostBytes: number
  /** Where the present was taken from. */
  readonly source: 'catalog' | 'manifest'
}

export interface SalvageHooks {
  readonly onProblem: (problem: SalvageProblem) => void
  readonly onProgress: (progress: SalvageProgress) => void
  /** Salvaging rejects then, with its reason. */
  readonly signal: AbortSignal
}
