// Looks at a node step by step, so that what is wrong can be told apart: an address, the line, the key, whether it knows us,
// what it says of itself, and whether it signs with the key that it was met with.
import type { KnownPeer } from '../format/peer-list.js'
import type { PeerHealth } from '../store/peer-port.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import type { TlsIdentity } from '../wire/certificate.js'
import type { VaultOwner } from '../wire/owner-records.js'
import { ConnectFailure, connectToPlace, type ConnectStep } from './connection.js'
import { HttpPeer } from './http-peer.js'
import { patienceDefault, type Patience } from './patience.js'
import { tellRecovery } from './recovery-record.js'

export interface Probing {
  readonly owner: VaultOwner
  readonly tls: TlsIdentity
  readonly clock: Clock
  /** Sent when the node does not have it. */
  readonly recovery: Uint8Array | undefined
  readonly patience?: Patience
  readonly signal?: AbortSignal
}

export type ProbedPlace =
  | { readonly place: string; readonly ms: number }
  | { readonly place: string; readonly step: ConnectStep; readonly reason: string }

export interface Probed {
  readonly places: readonly ProbedPlace[]
  readonly latencyMs?: number
  readonly health?: PeerHealth
  /** Its clock before ours (positive) or behind. */
  readonly clockSec?: number
  readonly recovery?: 'known' | 'sent' | 'missing'
  readonly failed?: { readonly step: 'connecting' | 'health' | 'lists' | 'recovery'; readonly error: VaultError }
}

/** Never rejects for what is wrong with the node. */
export async function probeNode(known: KnownPeer, { owner, tls, clock, recovery, patience = patienceDefault, signal }: Probing): Promise<Probed> {
  const places: ProbedPlace[] = []
  for (const place of known.places) places.push(await probedPlace(place, { name: known.name, pin: known.pin, tls, connectMs: patience.connectMs, signal }, clock))
  const reached = places.flatMap((one) => ('ms' in one ? [one.place] : []))
  const peer = new HttpPeer({ ...known, places: reached.length === 0 ? known.places : reached }, { vaultId: owner.vaultId, tls, patience })
  const end = (): void => { void peer.close() }
  signal?.addEventListener('abort', end)
  if (signal?.aborted === true) end()
  try {
    return { places, ...await probedPeer(peer, { owner, clock, recovery, isReached: reached.length > 0 }) }
  } finally {
    signal?.removeEventListener('abort', end)
    await peer.close()
  }
}

async function probedPlace(place: string, destination: Parameters<typeof connectToPlace>[1], clock: Clock): Promise<ProbedPlace> {
  const began = clock.monotonicMs()
  try {
    const socket = await connectToPlace(place, destination)
    const ms = clock.monotonicMs() - began
    socket.destroy()
    return { place, ms }
  } catch (error) {
    if (error instanceof ConnectFailure) return { place, step: error.step, reason: error.message }
    throw error
  }
}

interface Asking {
  readonly owner: VaultOwner
  readonly clock: Clock
  readonly recovery: Uint8Array | undefined
  readonly isReached: boolean
}

async function probedPeer(peer: HttpPeer, { owner, clock, recovery, isReached }: Asking): Promise<Omit<Probed, 'places'>> {
  let step: NonNullable<Probed['failed']>['step'] = isReached ? 'health' : 'connecting'
  let found: Omit<Probed, 'places'> = {}
  try {
    await peer.health()
    step = 'health'
    const began = clock.monotonicMs()
    const health = await peer.health()
    const latencyMs = clock.monotonicMs() - began
    found = { health, latencyMs, clockSec: health.time - clock.now().sec }
    step = 'lists'
    await peer.heads()
    step = 'recovery'
    return { ...found, recovery: await tellRecovery(peer, recovery, owner) }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return { ...found, failed: { step, error } }
  }
}
