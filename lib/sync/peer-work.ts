// What all work with one node shares: who it is, what it acknowledged, and the two things that each request is preceded by.
import type { ChainFollower } from '../manifest/chain-follower.js'
import type { PeerPort } from '../store/peer-port.js'
import type { BlobId, DeviceId } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import type { Logger } from '../terms/log.js'
import type { BlobSource } from './blob-source.js'
import type { Copies } from './copies.js'
import type { SyncState } from './state.js'
import type { Throttle } from './throttle.js'

/** What nodes are given beside blobs and entries. */
export interface VaultKeys {
  /** This device's member record, as the owner signed it. */
  readonly member: Uint8Array
  /** The header as nodes keep it; undefined: it can't be told now. */
  readonly header: () => Promise<Uint8Array | undefined>
}

/** A chain of another device that lies in this store. */
export interface OtherChain {
  readonly deviceId: DeviceId
  /** Its member record: without it a node can't verify the chain. */
  readonly member: Uint8Array
  /** How far it goes; undefined: that has to be read. */
  readonly newest: { readonly sequence: number; readonly hash: Uint8Array } | undefined
  /** The caller's to close. */
  open(): ChainFollower
}

export interface PeerWork {
  readonly peer: PeerPort
  /** Its number in the state. */
  readonly number: number
  readonly state: SyncState
  readonly copies: Copies
  readonly source: BlobSource
  readonly throttle: Throttle
  readonly deviceId: DeviceId
  /** A reader of our own chain, its caller's to close. */
  readonly openChain: () => ChainFollower
  /** Chains of other devices that lie in this store. */
  readonly others: readonly OtherChain[]
  /** Of each of these, by its device in hexadecimal: how far it goes here, once the node was seen to have it. */
  readonly settled: Map<string, number>
  readonly keys: VaultKeys
  readonly clock: Clock
  readonly logger: Logger
  /** From 0 to below 1. */
  readonly random: () => number
  /** Before each request: waits for its turn; rejects when the vault is being closed, or the schedule says no. */
  readonly turn: () => Promise<void>
  /** Something was carried. */
  readonly moved: (blobs: number, bytes: number) => void
  /** A blob is not whole here. Answers whether it was looked at before, and long enough ago to be sure. */
  readonly damaged: (blobId: BlobId) => boolean
}

/** It told something that can't be true. */
export class Lie extends Error {}

export function secondsNow({ clock }: Pick<PeerWork, 'clock'>): number {
  return clock.now().sec
}
