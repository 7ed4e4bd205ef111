// A node as who uses it sees it: a keeper of blobs and chains far away. Implemented in lib/peer over HTTP; tests bring
// others. Every call ends by itself (deadlines are the implementation's), rejects 'offline' or 'deadline' when the node
// can't be reached, 'busy' when it asks us to come back, 'denied' when it does not know us, and 'corrupt' when it said
// something that does not verify: then it lies, or something between does.
import type { BlobId, DeviceId, ManifestHash, Sealed } from '../terms/bytes.js'

export interface PeerBlob {
  readonly blobId: BlobId
  readonly sealed: Sealed
}

export interface PeerHead {
  readonly deviceId: DeviceId
  /** 0: it has no entry of that device. */
  readonly sequence: number
  readonly hash: ManifestHash
  /** Of the chain as a whole. */
  readonly bytes: number
}

export interface PeerHealth {
  readonly version: string
  readonly blobs: number
  readonly bytes: number
  /** Bytes that it will keep for this vault; null: no limit. */
  readonly quota: number | null
  /** Seconds since 1970 by its clock. */
  readonly time: number
  /** Ed25519 key with which it signs its lists: for who knows no more of it than an address. */
  readonly signing: Uint8Array
}

export interface PeerInventory {
  readonly isLast: boolean
  /** In the order of ids. */
  readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[]
}

export interface PeerPort {
  /** What the user calls it. */
  readonly name: string
  health(): Promise<PeerHealth>
  /** For each id whether it is there: 1 or 0. At most 4096. */
  has(blobIds: readonly BlobId[]): Promise<Uint8Array>
  /** All of them are durable there when it resolves. At most 32 MiB. `framed`: the same as a body, where they lie so in memory. */
  put(blobs: readonly PeerBlob[], framed?: Uint8Array): Promise<void>
  /**
   * Verified by hash, or `compared` 'by-caller': who keeps them does that, on a thread of its own. Undefined: not there. Any
   * number: asked for in pieces. Memory of the caller's own, of which several may be views; those that fit into `into` may be
   * views of that.
   */
  get(blobIds: readonly BlobId[], compared?: 'by-caller', into?: Uint8Array): Promise<readonly (Sealed | undefined)[]>
  /** Bytes of a blob, not verified: who opens them does. Rejects 'not-found'. */
  range(blobId: BlobId, start: number, length: number): Promise<Uint8Array>
  /** A page behind `after`; undefined: from the beginning. Signed by the node. */
  inventory(after?: BlobId): Promise<PeerInventory>
  /** Signed by the node. */
  heads(): Promise<readonly PeerHead[]>
  /** Whole entries that follow the node's head; durable there when it resolves. Rejects 'chain-broken' or 'forked' when they do not. */
  appendEntries(deviceId: DeviceId, entries: Uint8Array): Promise<PeerHead>
  /** Whole entries behind `after`, at least one if there is one, about `bytesMax` else; empty: no more. Not verified. */
  readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array>
  /** Undefined: it has none. Not verified. */
  header(): Promise<Uint8Array | undefined>
  putHeader(header: Uint8Array): Promise<void>
  /** Member records, not verified. */
  members(): Promise<readonly Uint8Array[]>
  putMember(record: Uint8Array): Promise<void>
  /** Revocations, not verified. */
  revocations(): Promise<readonly Uint8Array[]>
  /** BLAKE2b of each blob keyed with the nonce; undefined: it says that it does not have it. At most 256. */
  challenge(nonce: Uint8Array, blobIds: readonly BlobId[]): Promise<readonly (Uint8Array | undefined)[]>
  close(): Promise<void>
}
