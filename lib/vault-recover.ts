// A store from nothing but nodes: chains, then blobs, then everything derived. What is here already, of an attempt that was
// broken off, is gone on with. Neither the header nor keys are this file's business.
import type { DeviceIdentity } from './crypto/identity.js'
import { fetchChains } from './vault-fetch-chains.js'
import { fetchInventory, type FetchedInventory } from './vault-fetch-inventory.js'
import type { Nodes } from './vault-nodes.js'
import type { OpenStore } from './vault-open.js'
import { rebuildStore, type Rebuilt, type RebuildProgress } from './vault-rebuild.js'

export interface RecoverProgress {
  /** 'chains' and 'blobs': bytes. */
  readonly phase: 'chains' | 'blobs' | RebuildProgress['phase']
  readonly done: number
  readonly total: number
}

export interface RecoverStore extends OpenStore {
  readonly identity: DeviceIdentity
  readonly nodes: Nodes
  readonly signal: AbortSignal
  readonly onProgress: (progress: RecoverProgress) => void
}

export interface RecoveredStore {
  readonly manifestEntries: number
  readonly devices: number
  readonly fetched: FetchedInventory
  readonly rebuilt: Rebuilt
}

/** The store is nobody else's meanwhile: the caller holds its lock. */
export async function recoverStore(request: RecoverStore): Promise<RecoveredStore> {
  const { store, header: { vaultId, ownerPublicKey }, identity, nodes, logger, signal, onProgress } = request
  const { entries, devices } = await fetchChains({
    store, vaultId, ownerPublicKey, ownDevice: identity.member.deviceId, nodes, signal,
    onProgress: (done, total) => { onProgress({ phase: 'chains', done, total }) },
  })
  const fetched = await fetchInventory({ store, nodes, logger, signal, onProgress: (done, total) => { onProgress({ phase: 'blobs', done, total }) } })
  const rebuilt = await rebuildStore({ ...request, blobs: 'indexed' }, onProgress)
  return { manifestEntries: entries, devices, fetched, rebuilt }
}
