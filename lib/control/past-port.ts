// What a running vault answers about its past. The shapes travel as JSON and are the contract for scripts: bin/CLI.md
// describes them. Paths are from the vault's root, without a leading slash ('' is the root), bytes as latin1 characters.

import type { OnProgress } from './progress.js'

/** A state, as it is asked for. 'through': the newest published at or before the end of that second. 'now': publishes first. */
export type When =
  | { readonly kind: 'through'; readonly sec: number }
  | { readonly kind: 'snapshot'; readonly name: string }
  | { readonly kind: 'latest' }
  | { readonly kind: 'now' }

/** A published state. */
export interface MomentReport {
  readonly position: number
  readonly sec: number
  readonly nsec: number
  /** 32 hexadecimal digits, and its name where it is known. */
  readonly device: string
  readonly deviceName: string | null
  readonly sequence: number
}

export interface RetainedReport extends MomentReport {
  /** 'named', 'hourly', 'daily', 'weekly', 'monthly', 'recent', 'latest'. */
  readonly reasons: readonly string[]
  readonly names: readonly string[]
}

export interface PolicyReport {
  readonly withinSec: number
  readonly hourly: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

/** One stretch of a file's history. */
export interface VersionReport {
  readonly from: MomentReport
  /** Null: it had no name. */
  readonly path: string | null
  readonly kind: EntryKind
  readonly size: number
  readonly changes: readonly string[]
}
export type EntryKind = 'file' | 'directory' | 'symlink' | 'special'

export interface DifferenceReport {
  readonly kind: 'added' | 'removed' | 'content' | 'attributes' | 'renamed'
  readonly path: string
  /** Of 'renamed': the path before. */
  readonly from: string | null
}

export interface FoundReport {
  readonly path: string
  readonly first: MomentReport
  /** The newest state in which the name is there. */
  readonly last: MomentReport
  readonly live: boolean
}

/** One thing that restoring does, or would do. */
export interface RestoreStep {
  readonly kind: 'create' | 'replace' | 'link' | 'attributes' | 'remove'
  readonly path: string
  readonly entry: EntryKind
  /** Of a file, bytes. */
  readonly size: number
}

export interface RestoreOrder {
  /** As it is in the present, or was at that moment. */
  readonly path: string
  readonly when: When
  /** Where to put it instead; null: in its place. */
  readonly to: string | null
  /** Also remove what was not there then. */
  readonly exact: boolean
  /** Only say what would be done. */
  readonly preview: boolean
}

export interface RestoreReport {
  readonly moment: MomentReport
  /** Where it lay at that moment, and where it is put. */
  readonly path: string
  readonly target: string
  /** Entries that are as they were. */
  readonly unchanged: number
}

export interface ForgetOrder {
  /** What is left away is as the vault was mounted with. */
  readonly policy: Partial<PolicyReport>
  /** Minutes east of UTC of whoever asks: days are his. */
  readonly offsetMin: number
  /** Names of snapshots to take away. */
  readonly drop: readonly string[]
  readonly dryRun: boolean
}

export interface ForgetReport {
  /** Let go of, or (dryRun) what would be; without the versions that only the names dropped keep. */
  readonly moments: number
  readonly versions: number
  /** Moments that stay. */
  readonly kept: number
  readonly policy: PolicyReport
}

/** Parts of a long answer, in order. The next is not sent before it resolves. */
export type OnItems<Item> = (items: readonly Item[]) => Promise<void> | void

/** Errors: 'not-found' (no such path, name, or state), 'busy' (the past is still being read), 'stale' (let go of meanwhile). */
export interface PastPort {
  /** Publishes everything, then names the state, 'exists' when the name is taken; no name: it is called by its moment. */
  snapshot(name: string | undefined, onProgress: OnProgress): Promise<{ readonly name: string; readonly moment: MomentReport }>
  /** What retention keeps, newest first. */
  retained(onItems: OnItems<RetainedReport>): Promise<{ readonly policy: PolicyReport }>
  /** Newest first; of everything that ever had this path. */
  versions(path: string, onItems: OnItems<VersionReport>): Promise<void>
  differences(order: { readonly from: When; readonly to: When; readonly path: string }, onItems: OnItems<DifferenceReport>): Promise<{ readonly from: MomentReport; readonly to: MomentReport }>
  find(order: { readonly pattern: string; readonly limit: number }, onItems: OnItems<FoundReport>): Promise<void>
  /** What is replaced or removed was published before. */
  restore(order: RestoreOrder, onItems: OnItems<RestoreStep>): Promise<RestoreReport>
  /** Rejects 'not-found' for a name to drop that is none; nothing is let go of then. */
  forget(order: ForgetOrder): Promise<ForgetReport>
}
