// The past as others ask for it: every published state of the vault, one after each manifest entry. All of it is folded
// from the manifest into a database of its own, in a thread of its own; nothing here waits for a network.
import type { EntryId } from '../terms/bytes.js'
import type { RetentionPolicy } from '../terms/retention.js'

/** The state after the manifest entry that was folded as number `position`, from 1 on; the larger, the later. 0: nothing yet. */
export type Position = number

/** A published state that can be looked into. */
export interface PublishedMoment {
  readonly position: Position
  /** When it was published, by the clock of the device that did. */
  readonly sec: number
  readonly nsec: number
  readonly device: Uint8Array
  /** Of the manifest entry in its device's chain. */
  readonly sequence: number
}

/** Why a moment stays: pinned by a name, chosen by the schedule, or younger than keep-within. The newest always stays. */
export type RetentionReason = 'named' | 'hourly' | 'daily' | 'weekly' | 'monthly' | 'recent' | 'latest'

export interface RetainedMoment extends PublishedMoment {
  readonly reasons: readonly RetentionReason[]
  /** Names given to it by `vaultfs snapshot`. */
  readonly names: readonly string[]
}

/** An entry as it was for a while. */
export interface PastEntry {
  readonly ino: number
  readonly id: EntryId
  /** Number of this version, of no other version of any entry; the same for as long as nothing of the entry changed. */
  readonly version: number
  readonly began: Position
  /** First position at which it was different, or gone; 0: it is so in the newest state. */
  readonly ended: Position
  /** As lib/tree/entry-codec.ts encodes them; `parent`, `nlink` and `children` are as its device knew them. */
  readonly attributes: Uint8Array
  readonly xattrs: Uint8Array | null
  readonly content: Uint8Array | null
}

export interface PastDirent {
  readonly name: string
  /** Where a listing goes on, > 0; a name keeps it for as long as it means the same entry. */
  readonly cookie: number
  readonly entry: PastEntry
}

/** One stretch of a file's history, as `vaultfs history` shows it. */
export interface EntryVersion {
  readonly entry: PastEntry
  readonly from: PublishedMoment
  /** Path from the root at that time, without a leading slash; undefined: it had no name. */
  readonly path: string | undefined
  /** What differs from the version before it. */
  readonly changes: readonly ('created' | 'content' | 'attributes' | 'renamed' | 'deleted')[]
}

/** A difference between two states, by path. */
export interface HistoryDifference {
  readonly kind: 'added' | 'removed' | 'content' | 'attributes' | 'renamed'
  readonly path: string
  /** Of 'renamed': the path before. */
  readonly from?: string
  readonly before?: PastEntry
  readonly after?: PastEntry
}

/** A name that was found in the whole history. */
export interface FoundName {
  /** Path at the time of `last`. */
  readonly path: string
  readonly ino: number
  readonly first: PublishedMoment
  /** The newest state in which the name is there: what to ask `.versions` for. */
  readonly last: PublishedMoment
  /** Whether it is there now. */
  readonly live: boolean
}

export interface SnapshotName {
  readonly name: string
  readonly moment: PublishedMoment
}

export interface HistoryStatus {
  /** Newest state that can be asked for. */
  readonly position: Position
  /** Manifest entries of this device that are folded, and those that there are: they differ while the past is read anew. */
  readonly folded: number
  readonly entries: number
  readonly moments: number
  readonly currentRows: number
  readonly pastRows: number
}

/** Where the pages of a state go on. */
export interface StateCursor {
  readonly folder: Uint8Array
  readonly name: string
  /** Not 0: names are through, entries without one follow. */
  readonly unnamed: number
}

export interface StatePart {
  readonly pages: readonly Uint8Array[]
  readonly records: number
  /** Undefined: that was all. */
  readonly next: StateCursor | undefined
}

/** The newest state that the manifest tells whole, and what came after it. */
export interface StateAge {
  /** Sequence of the entry that told it, in our chain; 0: none did. */
  readonly sequence: number
  /** Operations that were folded since. */
  readonly operations: number
  /** In the newest state. */
  readonly entries: number
}

/**
 * Asked from the main thread; answers come from the history thread. Everything that this device published before the
 * call is in the answer; when the past is still being read (a lost history database), it waits for at most
 * `limits.historyWaitMs` and rejects 'busy', saying how far it is. A position that retention has let go of: 'stale'.
 */
export interface HistoryPort {
  status(): Promise<HistoryStatus>
  /** The newest state published at or before the end of that second; undefined: before the vault's first. */
  at(sec: number): Promise<PublishedMoment | undefined>
  newest(): Promise<PublishedMoment | undefined>
  /** The oldest state that there is. */
  oldest(): Promise<PublishedMoment | undefined>
  /** What the policy keeps, newest first. */
  retained(policy: RetentionPolicy): Promise<readonly RetainedMoment[]>
  snapshots(): Promise<readonly SnapshotName[]>
  snapshot(name: string): Promise<SnapshotName | undefined>
  /** The entry as it was at the position; undefined: it was not (or had no name). */
  entry(position: Position, ino: number): Promise<PastEntry | undefined>
  /** A version by its number; undefined: pruned. */
  version(version: number): Promise<PastEntry | undefined>
  lookup(position: Position, parent: number, name: string): Promise<PastEntry | undefined>
  /** Names of a directory with a cookie above `after`, ascending, at most `limit`. */
  list(position: Position, parent: number, after: number, limit: number): Promise<readonly PastDirent[]>
  /** From the root, without a leading slash ('' is the root); undefined: it had no name then. */
  pathOf(position: Position, ino: number): Promise<string | undefined>
  /** All versions of an entry, newest first, from the one before `before` (0: the newest) on, at most `limit`. */
  versions(ino: number, before: Position, limit: number): Promise<readonly EntryVersion[]>
  /** What differs below a directory between two states; in batches, to `onBatch`, which may be slow. */
  differences(from: Position, to: Position, directory: number, onBatch: (batch: readonly HistoryDifference[]) => void): Promise<void>
  /** Names over all of history that match a glob (* ? [ ]), at most `limit`, the newest first of each directory and name. */
  findNames(pattern: string, limit: number): Promise<readonly FoundName[]>
  /** Contents of all versions that name blobs, by their numbers, those above `after`; `total`: how many there are. */
  contents(after: number, limit: number): Promise<{ readonly contents: readonly { readonly content: number; readonly bytes: Uint8Array }[]; readonly total: number }>
  /** Pages of the whole state at a position (FORMAT §7.6), from behind the cursor on. */
  statePart(position: Position, cursor: StateCursor | undefined): Promise<StatePart>
  /** Root over the ids of all lowest pages. */
  stateRoot(pageIds: readonly Uint8Array[], records: number): Promise<Uint8Array>
  stateAge(): Promise<StateAge>
  /** The newest entry of each device that the position holds. */
  cut(position: Position): Promise<readonly { readonly deviceId: Uint8Array; readonly sequence: number; readonly hash: Uint8Array }[]>
  /** How many moments and versions `forget` with this policy would let go of. */
  prunable(policy: RetentionPolicy, nowSec: number): Promise<{ readonly moments: number; readonly versions: number }>
}
