// What is only here, and what nodes lack, of all that the cache has: what the sync thread has not counted yet is taken to
// be on no node, so that nothing is ever called safe too early.
import type { PeerStatus, SyncReport } from './store/sync-port.js'

export interface Amount {
  readonly blobs: number
  readonly bytes: number
}

/** Of `total`, the cache. */
export function onlyHereOf(total: Amount, told: SyncReport | undefined): Amount {
  if (told === undefined) return total
  return { blobs: Math.max(0, total.blobs - told.safeBlobs), bytes: Math.max(0, total.bytes - told.safeBytes) }
}

export function peersOf(total: Amount, told: SyncReport | undefined): readonly PeerStatus[] {
  if (told === undefined) return []
  const blobs = Math.max(0, total.blobs - told.countedBlobs)
  const bytes = Math.max(0, total.bytes - told.countedBytes)
  return told.peers.map((peer) => ({
    ...peer, state: peer.state === 'safe' && blobs + peer.entriesLeft > 0 ? 'syncing' : peer.state,
    blobsLeft: peer.blobsLeft + blobs, bytesLeft: peer.bytesLeft + bytes,
  }))
}
