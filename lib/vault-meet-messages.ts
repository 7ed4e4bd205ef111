// What passes between whoever meets or looks at nodes and the thread that does it. No key does: the key page is shared.
import type { KnownPeer } from './format/peer-list.js'
import type { PeerHealth } from './store/peer-port.js'
import type { PostedError } from './terms/posted-error.js'

export interface PairOrder {
  readonly kind: 'pair'
  readonly code: string
  /** Of the vault's id. */
  readonly salt: Uint8Array
  /** This device's member record. */
  readonly member: Uint8Array
  readonly recovery: Uint8Array | undefined
  readonly header: Uint8Array | undefined
  readonly name: string | undefined
}

export interface ProbeOrder {
  readonly kind: 'probe'
  readonly peers: readonly KnownPeer[]
  readonly recovery: Uint8Array | undefined
}

export interface MeetSetup {
  readonly vaultId: Uint8Array
  readonly ownerPublicKey: Uint8Array
  readonly keyPage: SharedArrayBuffer
  readonly order: PairOrder | ProbeOrder
}

/** What peer/probe.ts finds, named here so that nobody but the thread knows that file; an error travels as what it says. */
export interface ProbedNode {
  readonly places: readonly ({ readonly place: string; readonly ms: number } | { readonly place: string; readonly step: 'name' | 'connection' | 'tls' | 'key'; readonly reason: string })[]
  readonly latencyMs?: number
  readonly health?: PeerHealth
  readonly clockSec?: number
  readonly recovery?: 'known' | 'sent' | 'missing'
  readonly failed?: { readonly step: 'connecting' | 'health' | 'lists' | 'recovery'; readonly error: PostedError }
}

export type MeetReply =
  | { readonly kind: 'met'; readonly peer: KnownPeer }
  | { readonly kind: 'probed'; readonly nodes: readonly ProbedNode[] }
  | { readonly kind: 'failed'; readonly error: PostedError }
