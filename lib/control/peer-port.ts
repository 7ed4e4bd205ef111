// What a vault says of the nodes that it knows, and what may be done about them: by the daemon of a mounted vault, or in the
// command itself. The shapes are the contract for scripts and are described in bin/CLI.md.
import type { ErrorMessage } from './messages.js'

export interface PeerReport {
  readonly name: string
  /** `host:port#PIN`: what belongs on the paper of the recovery kit. */
  readonly address: string
  /** All of its `host:port`, the likeliest first. */
  readonly places: readonly string[]
  /** Seconds since 1970. */
  readonly addedSec: number
}

/** Whether a node lets the recovery kit in: as it was, since now, or not, because this store does not have what says so. */
export type PeerRecovery = 'known' | 'sent' | 'missing'

export interface PeerAdded extends PeerReport {
  readonly recovery: PeerRecovery
  /** It was known, and is known anew. */
  readonly again: boolean
}

/** One of its addresses: how long connecting took, or at which step it failed. */
export type PeerPlaceReport =
  | { readonly place: string; readonly ms: number }
  | { readonly place: string; readonly step: 'name' | 'connection' | 'tls' | 'key'; readonly reason: string }

export interface PeerTest {
  readonly name: string
  readonly places: readonly PeerPlaceReport[]
  /** One request on an open connection. */
  readonly latencyMs?: number
  readonly health?: { readonly version: string; readonly blobs: number; readonly bytes: number; readonly quota: number | null }
  /** Its clock before ours (positive) or behind. */
  readonly clockSec?: number
  readonly recovery?: PeerRecovery
  /** At which step it failed, and why; absent: nothing did. */
  readonly failed?: { readonly step: 'connecting' | 'health' | 'lists' | 'recovery'; readonly error: ErrorMessage }
}

export interface PeersPort {
  list(): Promise<readonly PeerReport[]>
  /** Durable when it resolves. Without a name it is called as it calls itself. */
  add(order: { readonly code: string; readonly name: string | undefined }): Promise<PeerAdded>
  /** Forgets it here; the node keeps what it has. Rejects 'not-found'. */
  remove(name: string): Promise<PeerReport>
  rename(order: { readonly from: string; readonly to: string }): Promise<PeerReport>
  /** One, or all. Rejects 'not-found' only: what fails is in the answer. */
  test(name: string | undefined): Promise<readonly PeerTest[]>
}
