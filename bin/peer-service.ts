// The nodes of a vault, for commands: what the store knows of them, meeting new ones, looking how they are. In the daemon of
// a mounted vault, or in the command itself, which then holds the store's lock. One change at a time, each read anew. No
// node is spoken with in this thread, which may be the one that the kernel waits for.
import { errorMessageOf } from '../lib/control/messages.js'
import type { PeerAdded, PeerReport, PeersPort, PeerTest } from '../lib/control/peer-port.js'
import { headerForNodes } from '../lib/crypto/header-for-nodes.js'
import { readHeaders } from '../lib/crypto/header-store.js'
import type { DeviceIdentity } from '../lib/crypto/identity.js'
import { readPeers, writePeers } from '../lib/crypto/peers-file.js'
import { readRecoveryFile } from '../lib/crypto/recovery-file.js'
import { openWithMaster, type OpenedVault } from '../lib/crypto/vault-keys.js'
import type { KnownPeer } from '../lib/format/peer-list.js'
import { equalBytes } from '../lib/terms/bytes.js'
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import { errorOf } from '../lib/terms/posted-error.js'
import { Meeting } from '../lib/vault-meet.js'
import { decodeInvitation } from '../lib/wire/invitation.js'
import { decodeRecoveryRecord, type VaultOwner } from '../lib/wire/owner-records.js'
import { encodeAddress } from '../lib/wire/pin.js'
import { checkPeerName, freePeerName } from './peer-names.js'
import { systemEntropy } from './system-sources.js'

export interface PeerServiceOptions {
  readonly store: string
  readonly opened: Omit<OpenedVault, 'slotId'>
  readonly identity: DeviceIdentity
  /** Nothing is added, removed or renamed. */
  readonly readOnly: boolean
  /** The list is another one now, on the disk. */
  readonly onPeersChanged: () => void
}

export class PeerService implements PeersPort {
  readonly #options: PeerServiceOptions
  readonly #owner: VaultOwner
  readonly #ending = new AbortController()
  readonly #meeting: Meeting
  /** The last change; the next waits for it. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(options: PeerServiceOptions) {
    this.#options = options
    const { vaultId, ownerPublicKey } = options.opened.header
    this.#owner = { vaultId, ownerPublicKey }
    this.#meeting = new Meeting({ entry: new URL('./meet-thread.js', import.meta.url), page: options.opened.page, owner: this.#owner, signal: this.#ending.signal })
  }

  async list(): Promise<readonly PeerReport[]> {
    return (await this.#known()).map(reportOf)
  }

  add({ code, name }: { readonly code: string; readonly name: string | undefined }): Promise<PeerAdded> {
    return this.#change(async (peers) => {
      const { pin } = decodeInvitation(code)
      // Met once more, as when the node has lost what it knew: the same node under its old name.
      const before = peers.find((peer) => equalBytes(peer.pin, pin))
      const others = peers.filter((peer) => peer !== before)
      if (others.length >= limits.peersMax) throw new VaultError('too-many', `a store knows at most ${limits.peersMax} nodes`, { next: "'vaultfs peer remove' one" })
      if (name !== undefined) checkPeerName(name, others)
      const { store, identity } = this.#options
      const [recovery, header] = [await this.#recovery(), await this.#headerForNodes()]
      const { salt } = this.#options.opened.header
      this.#requireKeys()
      const met = await this.#meeting.pair({ code, salt, member: identity.record, recovery, header, name: name ?? before?.name })
      const peer: KnownPeer = { ...met, name: name ?? before?.name ?? freePeerName(met.name, others), ...(before === undefined ? {} : { peerId: before.peerId }) }
      await this.#write(store, [...others, peer])
      return { ...reportOf(peer), recovery: recovery === undefined ? 'missing' : 'sent', again: before !== undefined }
    })
  }

  remove(name: string): Promise<PeerReport> {
    return this.#change(async (peers) => {
      const peer = named(peers, name)
      await this.#write(this.#options.store, peers.filter((other) => other !== peer))
      return reportOf(peer)
    })
  }

  rename({ from, to }: { readonly from: string; readonly to: string }): Promise<PeerReport> {
    return this.#change(async (peers) => {
      const peer = named(peers, from)
      checkPeerName(to, peers.filter((other) => other !== peer))
      const renamed = { ...peer, name: to }
      await this.#write(this.#options.store, peers.map((other) => (other === peer ? renamed : other)))
      return reportOf(renamed)
    })
  }

  async test(name: string | undefined): Promise<readonly PeerTest[]> {
    const peers = await this.#known()
    const asked = name === undefined ? peers : [named(peers, name)]
    if (asked.length === 0) return []
    const recovery = await this.#recovery()
    this.#requireKeys()
    const nodes = await this.#meeting.probe({ peers: asked, recovery })
    return nodes.map(({ failed, health, ...probed }, index) => ({
      name: asked[index]?.name ?? '', ...probed,
      ...(health === undefined ? {} : { health: { version: health.version, blobs: health.blobs, bytes: health.bytes, quota: health.quota } }),
      ...(failed === undefined ? {} : { failed: { step: failed.step, error: errorMessageOf(errorOf(failed.error)) } }),
    }))
  }

  /** The keys go: what is on its way is broken off, and nothing is sealed any more. */
  close(): void {
    this.#ending.abort()
  }

  async #known(): Promise<readonly KnownPeer[]> {
    const { store, opened } = this.#options
    this.#requireKeys()
    return await readPeers(store, opened.page, this.#owner.vaultId)
  }

  #change<Result>(work: (peers: readonly KnownPeer[]) => Promise<Result>): Promise<Result> {
    const changed = this.#changing.catch(() => undefined).then(async () => {
      if (this.#options.readOnly) throw new VaultError('read-only', 'the vault is open for reading only, so its list of nodes stays as it is', { next: "'vaultfs status' says why" })
      return await work(await this.#known())
    })
    this.#changing = changed
    return changed
  }

  async #write(store: string, peers: readonly KnownPeer[]): Promise<void> {
    this.#requireKeys()
    await writePeers(store, this.#options.opened.page, this.#owner.vaultId, peers, systemEntropy)
    this.#options.onPeersChanged()
  }

  #requireKeys(): void {
    if (this.#ending.signal.aborted) throw new VaultError('cancelled', 'the vault is being unmounted', { next: 'try again when it is' })
  }

  /** Undefined: the kit was not at hand since this store keeps its record. */
  async #recovery(): Promise<Uint8Array | undefined> {
    try {
      const record = await readRecoveryFile(this.#options.store)
      if (record !== undefined) decodeRecoveryRecord(record, this.#owner)
      return record
    } catch (error) {
      // What is damaged is made anew where one that is missing is made.
      if (error instanceof VaultError && (error.code === 'corrupt' || error.code === 'format-unknown')) return undefined
      throw error
    }
  }

  /** Of the newest header on the disk: `vaultfs passwd` may have written it since this vault was opened. */
  async #headerForNodes(): Promise<Uint8Array> {
    const { store, opened } = this.#options
    this.#requireKeys()
    if (!opened.trusted) return headerForNodes({ ...opened, slotId: new Uint8Array(0) })
    const newest = openWithMaster((await readHeaders(store)).copies, opened.page.key('master'))
    try {
      return headerForNodes(newest)
    } finally {
      newest.page.wipe()
    }
  }
}

function named(peers: readonly KnownPeer[], name: string): KnownPeer {
  const peer = peers.find((one) => one.name === name)
  if (peer !== undefined) return peer
  throw new VaultError('not-found', `no node is called ${name}`, { subject: name, next: peers.length === 0 ? "this store knows none yet; 'vaultfs peer add' pairs with one" : `there is ${peers.map((one) => one.name).join(', ')}` })
}

function reportOf({ name, pin, places, addedSec }: KnownPeer): PeerReport {
  return { name, address: encodeAddress({ place: places[0] ?? '?', pin }), places, addedSec }
}
