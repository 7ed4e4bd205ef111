// What carries a vault to its nodes, as who asks it for its state sees it. Nothing here waits for a network but `wait`.
import type { BlobId } from '../terms/bytes.js'

/**
 * connecting: not spoken with since the mount. safe: it has everything that is published. syncing: it is being sent what
 * it lacks. offline: it can't be reached, or asked us to come back. refused: it does not know us, or not any more. full:
 * it takes no more. failing: it answers with errors. paused: by the schedule, or the vault is only read. distrusted: it
 * told something that can't be; nothing is sent until the user has looked.
 */
export const peerStates = ['connecting', 'safe', 'syncing', 'offline', 'refused', 'full', 'failing', 'paused', 'distrusted'] as const
export type PeerState = (typeof peerStates)[number]

export interface PeerStatus {
  readonly name: string
  readonly state: PeerState
  /** What is here and, as far as it is known, not there. */
  readonly blobsLeft: number
  readonly bytesLeft: number
  /** Entries of our chain that it has not acknowledged. */
  readonly entriesLeft: number
  /** Seconds since 1970 of its last answer; null: none yet. */
  readonly lastContact: number | null
  /** What went wrong last; null: nothing, or it was put right. */
  readonly error: string | null
  /** What it did that no node should, made good since as far as that can be; null: nothing, or the user has looked. */
  readonly fault: string | null
  /** Blobs that it had acknowledged and lost, ever. */
  readonly lost: number
  /** Since the mount. */
  readonly sentBlobs: number
  readonly sentBytes: number
}

export interface SyncReport {
  readonly peers: readonly PeerStatus[]
  /** Of the blobs of the cache that were counted: how many at least one node holds that is not distrusted. */
  readonly countedBlobs: number
  readonly countedBytes: number
  readonly safeBlobs: number
  readonly safeBytes: number
  /** Blobs that can't be read here and that no node has; they could not be sent. */
  readonly damagedHere: number
}

/** How many nodes there are, and how many of them have all of something. */
export interface CopyCount {
  readonly nodes: number
  readonly complete: number
}

export interface SyncPort {
  /** The newest that is known; cheap. */
  report(): SyncReport
  /** Something new is published: entries up to `sequence` are durable. */
  published(sequence: number): void
  /** What is true now, or the newest that is known when the thread does not answer in time. */
  reportNow(): Promise<SyncReport>
  /**
   * Tries all nodes at once, and resolves true when each that is neither distrusted nor paused has everything that was
   * published before the call; false when nothing has moved for `stallMs`, and at once when all that one of them lacks is
   * damaged here (`damagedHere` of the report).
   */
  wait(options: { readonly stallMs: number }): Promise<boolean>
  /** How many nodes have all these blobs and the entries up to `sequence`. Rejects 'deadline' when that takes too long. */
  copies(blobIds: readonly BlobId[], sequence: number): Promise<CopyCount>
  /** The user has looked: what the node of that name says is taken anew. Rejects 'not-found'. */
  trust(name: string): Promise<void>
  /** The file of peers has changed. */
  reload(): Promise<void>
}
