// A store from nothing but nodes: chains, then blobs, and meanwhile what is derived from chains alone, then the rest of it. What is here already, of an attempt that was
// broken off, is gone on with. Neither the header nor keys are this file's business.
import type { DeviceIdentity } from './crypto/identity.js'
import { fetchChains } from './vault-fetch-chains.js'
import { fetchInventory, type FetchedInventory } from './vault-fetch-inventory.js'
import type { Nodes } from './vault-nodes.js'
import type { OpenStore } from './vault-open.js'
import { findBlobs, readManifest, type Rebuilt, type RebuildProgress } from './vault-rebuild.js'

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
  const failed = new AbortController()
  let isFetched = false
  const fetching = fetchInventory({
    store, nodes, logger, signal: AbortSignal.any([signal, failed.signal]), onProgress: (done, total) => { onProgress({ phase: 'blobs', done, total }) },
  }).finally(() => { isFetched = true })
  // Nobody is told of two things at once.
  const reading = readManifest(request, (progress) => { if (isFetched) onProgress(progress) })
  reading.catch(() => { failed.abort() })
  // Both have let go of the store before anybody hears of either's failure.
  const [fetched, read] = await Promise.allSettled([fetching, reading])
  if (read.status === 'rejected') throw read.reason
  if (fetched.status === 'rejected') throw fetched.reason
  return { manifestEntries: entries, devices, fetched: fetched.value, rebuilt: await findBlobs(request, read.value, onProgress) }
}
