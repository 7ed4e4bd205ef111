// What a mounted vault says of its nodes: how far they are while somebody waits for them, and what is only here.
import type { PeerStatus } from '../lib/store/sync-port.js'
import { onlyHereOf, peersOf } from '../lib/vault-copies.js'
import type { VaultSync } from '../lib/vault-sync.js'
import type { Vault } from '../lib/vault.js'

export interface Standing {
  readonly onlyHere: { readonly blobs: number; readonly bytes: number }
  readonly peers: readonly PeerStatus[]
  readonly damagedHere: number
}

export interface Sending {
  readonly phase: 'sending'
  readonly entries: number
  readonly bytes: number
  readonly peers: readonly Pick<PeerStatus, 'name' | 'state' | 'blobsLeft' | 'bytesLeft'>[]
}

const progressMs = 250

/** As far as it is known now. */
export function standingOf(vault: Vault, sync: VaultSync | undefined): Standing {
  const { blobs, blobBytes } = vault.parts.pool.statistics()
  const total = { blobs, bytes: blobBytes }
  const told = sync?.report()
  return { onlyHere: onlyHereOf(total, told), peers: peersOf(total, told), damagedHere: told?.damagedHere ?? 0 }
}

/** Resolves true when all nodes that can be expected to have everything, false when nothing moves any more. */
export async function waitForNodes(vault: Vault, sync: VaultSync, { stallMs, onProgress }: { readonly stallMs: number; readonly onProgress: (progress: Sending) => void }): Promise<boolean> {
  const timer = setInterval(() => { onProgress(sendingOf(standingOf(vault, sync))) }, progressMs)
  try {
    return await sync.wait({ stallMs })
  } finally {
    clearInterval(timer)
  }
}

function sendingOf({ peers }: Standing): Sending {
  return {
    phase: 'sending', entries: peers.reduce((sum, { blobsLeft }) => sum + blobsLeft, 0), bytes: peers.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0),
    peers: peers.map(({ name, state, blobsLeft, bytesLeft }) => ({ name, state, blobsLeft, bytesLeft })),
  }
}
