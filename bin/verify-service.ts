// The part of the vault service that verifies: a mounted vault in its daemon, or one that is not mounted in the command
// itself, which opens the store for reading only.

import { availableParallelism } from 'node:os'
import type { Verify, VerifyEvent } from '../lib/control/verify-port.js'
import type { OnItems } from '../lib/control/past-port.js'
import type { Logger } from '../lib/terms/log.js'
import { retentionDefault } from '../lib/terms/retention.js'
import { VaultError } from '../lib/terms/errors.js'
import type { PeerPort } from '../lib/store/peer-port.js'
import { Nodes, type NodeNote } from '../lib/vault-nodes.js'
import { openStore, type OpenStore } from '../lib/vault-open.js'
import { repairBlobs, type RepairRequest } from '../lib/vault-repair.js'
import type { Verifier, VerifyHooks } from '../lib/vault-verify.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import { hardenProcess } from '../native-deps/secure.js'
import { openKeys } from './open-keys.js'
import type { Unlock } from './secrets.js'
import { systemClock, systemEntropy } from './system-sources.js'

export interface VerifyRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Where good copies are taken from: folders of other stores, and what they lack from the nodes that the store knows; absent: nothing is repaired. */
  readonly repairFrom?: readonly string[]
  /** What is wrong with a node. */
  readonly onNote?: (note: NodeNote) => void
}

/** The caller holds the store's lock. What was repaired is verified again: the answer is of what holds then. */
export async function verifyService(request: VerifyRequest, onEvents: OnItems<VerifyEvent>): Promise<VerifySummary> {
  const { store, unlock, logger, signal, repairFrom, onNote = () => undefined } = request
  hardenProcess()
  process.umask(0o077)
  const { opened: { page, header }, identity } = await openKeys({ store, unlock, logger, readOnly: true })
  let peers: readonly PeerPort[] = []
  try {
    const subject = { store, page, header, identity, logger, signal }
    if (repairFrom === undefined) return await verifyAndRepair(subject, undefined, onEvents)
    // Whatever speaks to nodes is loaded when there is something to repair: a daemon that mounts would wait for it.
    peers = await (await import('./node-connections.js')).storePeers(store, page, header.vaultId)
    if (repairFrom.length + peers.length === 0) {
      throw new VaultError('usage', 'there is nothing to repair with: the vault knows no node', { subject: store, next: 'give --from DIR, a copy of the store' })
    }
    return await verifyAndRepair(subject, { sources: repairFrom, ...(peers.length === 0 ? {} : { nodes: new Nodes(peers, onNote) }) }, onEvents)
  } finally {
    for (const peer of peers) await peer.close()
    page.wipe()
  }
}

export interface VerifiedStore extends Pick<OpenStore, 'store' | 'page' | 'header' | 'identity' | 'logger'> {
  readonly signal: AbortSignal
  /** See VerifyHooks. */
  readonly isFresh?: boolean
}

/** Of a store that nobody has open. `repair`: where blobs that are damaged or missing are taken from. */
export async function verifyAndRepair(subject: VerifiedStore, repair: Pick<RepairRequest, 'sources' | 'nodes'> | undefined, onEvents: OnItems<VerifyEvent>): Promise<VerifySummary> {
  const { signal, isFresh = false } = subject
  const verify = async (onDamaged?: VerifyHooks['onDamaged']): Promise<VerifySummary> => {
    const opened = await openStore({
      ...subject, readOnly: true, bulkThreads: availableParallelism(), bulkStartsLate: true, retention: { ...retentionDefault, offsetMin: 0 },
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock: systemClock, entropy: systemEntropy,
    })
    try {
      return await verifyOver(opened.verifier, { signal, isAlone: true, isFresh, ...(onDamaged === undefined ? {} : { onDamaged }) })(onEvents)
    } finally {
      await opened.close()
    }
  }
  if (repair === undefined) return await verify()
  const damaged: Uint8Array[] = []
  const before = await verify((references) => { damaged.push(...references) })
  if (damaged.length === 0) return before
  const { store, page, logger } = subject
  const outcome = await repairBlobs({
    ...repair, store, page, damaged, logger, signal, onProgress: (done, total) => { void onEvents([{ repairing: { done, total } }]) },
  })
  await onEvents([{ repaired: outcome }])
  return outcome.repaired === 0 ? before : await verify()
}

/** Ends when whoever listens is gone, or when the signal says so. */
export function verifyOver(verifier: Pick<Verifier, 'verify'>, { signal, onDamaged, isAlone = false, isFresh = false }: Partial<Pick<VerifyHooks, 'signal' | 'onDamaged' | 'isAlone' | 'isFresh'>> = {}): Verify {
  return async (onEvents) => {
    const gone = new AbortController()
    const send = async (event: VerifyEvent): Promise<void> => {
      try {
        await onEvents([event])
      } catch (error) {
        gone.abort(error)
        throw error
      }
    }
    let isTelling = false
    return await verifier.verify({
      signal: AbortSignal.any([gone.signal, ...(signal === undefined ? [] : [signal])]),
      isAlone, isFresh,
      ...(onDamaged === undefined ? {} : { onDamaged }),
      onFinding: (finding) => send({ finding }),
      onProgress: (progress) => {
        // Who reads slowly hears of it less often.
        if (isTelling) return
        isTelling = true
        void send({ progress }).catch(() => undefined).finally(() => { isTelling = false })
      },
    })
  }
}
