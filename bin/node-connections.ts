// Connections to nodes: of a store that knows them, with this device's key; and of who has addresses and the kit's words
// and nothing else.

import { readPeers } from '../lib/crypto/peers-file.js'
import type { KeyPage } from '../lib/crypto/key-page.js'
import { recoveryTlsKeyPair } from '../lib/crypto/recovery-kit.js'
import { peerIdBytes, type KnownPeer } from '../lib/format/peer-list.js'
import { openPeer } from '../lib/peer/open-peer.js'
import type { PeerPort } from '../lib/store/peer-port.js'
import { equalBytes, type VaultId } from '../lib/terms/bytes.js'
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import type { NodeNote } from '../lib/vault-nodes.js'
import type { KeptOffer } from '../lib/vault-recover-header.js'
import { tlsIdentity, type TlsIdentity } from '../lib/wire/certificate.js'
import { splitPlace, type Address } from '../lib/wire/pin.js'
import { wipe } from '../native-deps/sodium.js'
import { systemClock, systemEntropy } from './system-sources.js'

/** Nodes that the store knows; none: []. To be closed. */
export async function storePeers(store: string, page: KeyPage, vaultId: VaultId): Promise<readonly PeerPort[]> {
  const known = await readPeers(store, page, vaultId)
  if (known.length === 0) return []
  const tls = await tlsIdentity(page.key('device-tls'))
  return known.map((each) => openPeer(each, { vaultId, tls }))
}

export interface MetNode {
  readonly known: KnownPeer
  /** What it has as the vault's header, not verified. */
  readonly header: Uint8Array | undefined
}

/** What lets in who has the kit. */
export async function recoveryIdentity(kit: Uint8Array): Promise<TlsIdentity> {
  const pair = recoveryTlsKeyPair(kit)
  try {
    return await tlsIdentity(pair.secretKey)
  } finally {
    wipe(pair.secretKey)
  }
}

/** Each node is asked who it is and which header it has. Those that don't answer are told of; rejects when none does. */
export async function meetNodes(addresses: readonly Address[], tls: TlsIdentity, onNote: (note: NodeNote) => void): Promise<readonly MetNode[]> {
  const met: MetNode[] = []
  const wrong: { readonly node: string; readonly error: VaultError }[] = []
  for (const stranger of strangers(addresses)) {
    try {
      met.push(await meet(stranger, tls))
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      wrong.push({ node: stranger.name, error: error.code === 'denied' ? notLetIn(stranger.name, error) : error })
    }
  }
  // The only thing that is wrong is the error.
  const [only] = wrong
  if (met.length === 0 && wrong.length === 1) throw only?.error
  for (const { node, error } of wrong) onNote({ node, message: error.message })
  if (met.length === 0) throw new VaultError('offline', 'none of the nodes lets us in', { next: 'see what is said of each above', cause: only?.error })
  return met
}

function notLetIn(node: string, cause: VaultError): VaultError {
  return new VaultError('denied', `node ${node} does not let these words in: they are of another vault's kit, or it was never told of the kit`, {
    subject: node, next: "compare the words with the paper, or name another node; where the vault still is, 'vaultfs recovery check' tells its nodes of the kit", cause,
  })
}

async function meet(stranger: KnownPeer, tls: TlsIdentity): Promise<MetNode> {
  // Neither lists nor the vault's id are needed for these two questions.
  const peer = openPeer(stranger, { vaultId: new Uint8Array(32) as Uint8Array as VaultId, tls })
  try {
    // Its pin vouches for what it says is its signing key.
    const { signing } = await peer.health()
    return { known: { ...stranger, signing }, header: await peer.header() }
  } finally {
    await peer.close()
  }
}

/** What they keep of the vault's headers beside the one that they hand out. A node that does not answer is told of. */
export async function keptHeaders(met: readonly MetNode[], tls: TlsIdentity, onNote: (note: NodeNote) => void): Promise<readonly KeptOffer[]> {
  const all: KeptOffer[] = []
  for (const { known } of met) {
    const peer = openPeer(known, { vaultId: new Uint8Array(32) as Uint8Array as VaultId, tls })
    try {
      for (const { sec, deviceId, bytes } of await peer.keptHeaders()) all.push({ node: known.name, sec, deviceId, bytes })
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      onNote({ node: known.name, message: error.message })
    } finally {
      await peer.close()
    }
  }
  return all
}

function strangers(addresses: readonly Address[]): readonly KnownPeer[] {
  const merged: { readonly pin: Uint8Array; readonly places: string[] }[] = []
  for (const { place, pin } of addresses) {
    const same = merged.find((each) => equalBytes(each.pin, pin))
    if (same === undefined) merged.push({ pin, places: [place] })
    else if (!same.places.includes(place)) same.places.push(place)
  }
  const names = new Set<string>()
  return merged.map(({ pin, places }) => ({
    peerId: systemEntropy.bytes(peerIdBytes), name: freeName(places[0] ?? '', names), pin, signing: new Uint8Array(32),
    places: places.slice(0, limits.peerPlacesMax), addedSec: systemClock.now().sec,
  }))
}

/** The host's, until the user calls it something else. */
function freeName(place: string, taken: Set<string>): string {
  const host = splitPlace(place).host.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^[-.]+|[-.]+$/g, '').slice(0, limits.peerNameBytesMax - 4) || 'node'
  let name = host
  for (let number = 2; taken.has(name); number++) name = `${host}-${number}`
  taken.add(name)
  return name
}
