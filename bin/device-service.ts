// The devices of a vault, as its store and its nodes know them, and the owner's word that one of them counts no more. That
// takes the kit's words, which only the owner has. Works beside a daemon: nothing but the file `revocations` is written.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { verifyMember } from '../lib/crypto/identity.js'
import { readPeers } from '../lib/crypto/peers-file.js'
import { kitEntropy, ownerKeyPair } from '../lib/crypto/recovery-kit.js'
import { addRevocation, readRevocations } from '../lib/crypto/revocations-file.js'
import { verifyTagged } from '../lib/crypto/signature.js'
import { decodeEntry, entryHash, entryLengthAt } from '../lib/format/manifest-entry.js'
import type { Member } from '../lib/format/member-record.js'
import { chainMember } from '../lib/history/chain-source.js'
import { readOtherChains } from '../lib/history/other-chains.js'
import { openPeer } from '../lib/peer/open-peer.js'
import type { HttpPeer } from '../lib/peer/http-peer.js'
import { tellRevocations } from '../lib/peer/revocation-telling.js'
import { equalBytes, hex, type DeviceId } from '../lib/terms/bytes.js'
import { VaultError } from '../lib/terms/errors.js'
import { tlsIdentity } from '../lib/wire/certificate.js'
import { decodeRevocation, encodeRevocation, type VaultOwner } from '../lib/wire/owner-records.js'
import { hardenProcess } from '../native-deps/secure.js'
import { wipe } from '../native-deps/sodium.js'
import type { DeviceReport, DevicesRequest, NodeTold, RevokeOutcome, RevokeRequest } from './device-request.js'
import { openKeys } from './open-keys.js'
import { systemClock } from './system-sources.js'

export async function listDevices(request: DevicesRequest): Promise<readonly DeviceReport[]> {
  return await withDevices(request, (devices) => Promise.resolve(devices.report()))
}

/** Rejects 'not-found' for a device that nobody knows, 'denied' for this one. Durable here before any node is told. */
export async function revokeDevice(request: RevokeRequest): Promise<RevokeOutcome> {
  const kit = kitEntropy(request.words)
  try {
    return await withDevices({ ...request, unlock: { kind: 'recovery', words: request.words } }, (devices) => devices.revoke(request, kit))
  } finally {
    wipe(kit)
  }
}

async function withDevices<Result>({ store, unlock, logger }: DevicesRequest, work: (devices: Devices) => Promise<Result>): Promise<Result> {
  hardenProcess()
  process.umask(0o077)
  const { opened: { page, header }, identity } = await openKeys({ store, unlock, logger, readOnly: true })
  const peers: HttpPeer[] = []
  try {
    const { vaultId, ownerPublicKey } = header
    const known = await readPeers(store, page, vaultId)
    if (known.length > 0) {
      const tls = await tlsIdentity(page.key('device-tls'))
      peers.push(...known.map((each) => openPeer(each, { vaultId, tls })))
    }
    const devices = new Devices({ store, owner: { vaultId, ownerPublicKey }, own: identity.member, peers })
    const folder = { directory: join(store, 'manifest'), vaultId, ownerPublicKey, page }
    for (const name of readdirSync(folder.directory)) if (name.endsWith('.chain')) devices.add(chainMember(name, folder))
    devices.reached((await readOtherChains(folder, { deviceId: identity.member.deviceId, sequence: Infinity })).heads)
    await devices.ask()
    return await work(devices)
  } finally {
    for (const peer of peers) await peer.close()
    page.wipe()
  }
}

interface DevicesSetup {
  readonly store: string
  readonly owner: VaultOwner
  readonly own: Member
  readonly peers: readonly HttpPeer[]
}

class Devices {
  readonly #setup: DevicesSetup
  readonly #members = new Map<string, Member>()
  /** Entries that the store or a node has of each, the most. */
  readonly #entries = new Map<string, number>()
  readonly #revoked = new Map<string, number>()
  readonly #silent = new Map<HttpPeer, VaultError>()

  constructor(setup: DevicesSetup) {
    this.#setup = setup
    this.add(setup.own)
  }

  add(member: Member | undefined): void {
    if (member !== undefined) this.#members.set(hex(member.deviceId), member)
  }

  /** How far chains go: by the store, or a node. The longest counts. */
  reached(heads: readonly { readonly deviceId: DeviceId; readonly sequence: number }[]): void {
    for (const { deviceId, sequence } of heads) this.#entries.set(hex(deviceId), Math.max(sequence, this.#entries.get(hex(deviceId)) ?? 0))
  }

  /** What the nodes that answer know, and what the store has of revocations. */
  async ask(): Promise<void> {
    const { store, owner, peers } = this.#setup
    const revocations = (await readRevocations(store)).map((record) => decodeRevocation(record, owner))
    await Promise.all(peers.map(async (peer) => {
      try {
        for (const record of await peer.members()) this.add(verifyMember(record, owner))
        await this.#reachedAt(peer)
        revocations.push(...(await peer.revocations()).map((record) => decodeRevocation(record, owner)))
      } catch (error) {
        if (!(error instanceof VaultError)) throw error
        this.#silent.set(peer, error)
      }
    }))
    for (const { deviceId, lastSequence } of revocations) {
      this.#revoked.set(hex(deviceId), Math.min(lastSequence, this.#revoked.get(hex(deviceId)) ?? lastSequence))
    }
  }

  /** A node's heads count as far as it shows their entries, signed by their devices: a revocation can't be taken back. */
  async #reachedAt(peer: HttpPeer): Promise<void> {
    for (const head of await peer.heads()) {
      const member = this.#members.get(hex(head.deviceId))
      if (head.sequence === 0 || member === undefined) continue
      const bytes = await peer.readEntries(head.deviceId, head.sequence - 1, 1)
      const { clear, signed, signature } = decodeEntry(bytes.subarray(0, entryLengthAt(bytes)))
      const isIts = equalBytes(clear.deviceId, head.deviceId) && clear.sequence === head.sequence && equalBytes(entryHash(signed), head.hash) && verifyTagged('entry/v1', signed, { signature, publicKey: member.signPublicKey })
      if (!isIts) throw new VaultError('corrupt', `node ${peer.name}: what it shows as entry ${head.sequence} of device "${member.name}" is not that`, { subject: peer.name, next: 'do not trust this node' })
      this.reached([head])
    }
  }

  report(): readonly DeviceReport[] {
    const { own } = this.#setup
    return [...this.#members].map(([id, { name, createdSec, deviceId }]) => ({
      id, name, createdSec, isThis: equalBytes(deviceId, own.deviceId), entries: this.#entries.get(id) ?? null, revokedAfter: this.#revoked.get(id) ?? null,
    })).toSorted((one, other) => one.createdSec - other.createdSec || one.id.localeCompare(other.id))
  }

  async revoke({ device: asked, after }: { readonly device: string; readonly after: number | undefined }, kit: Uint8Array): Promise<RevokeOutcome> {
    const { store, owner, own } = this.#setup
    const { deviceId, name } = this.#named(asked)
    const id = hex(deviceId)
    if (equalBytes(deviceId, own.deviceId)) {
      throw new VaultError('denied', `${asked} is this device, which would shut itself out`, { subject: asked, next: 'revoke it from another device of the vault, or from a machine that was brought back with "vaultfs recover"' })
    }
    const lastSequence = Math.min(after ?? this.#lastOf(id, asked), this.#revoked.get(id) ?? Infinity)
    const pair = ownerKeyPair(kit)
    try {
      await addRevocation(store, encodeRevocation({ vaultId: owner.vaultId, deviceId, lastSequence, sec: systemClock.now().sec }, pair.secretKey))
    } finally {
      wipe(pair.secretKey)
    }
    return { id, name, lastSequence, nodes: await this.#tell() }
  }

  /** What it said so far counts. Throws 'offline' while a node is silent: what only that one has would be left out for ever. */
  #lastOf(id: string, asked: string): number {
    const entries = this.#entries.get(id) ?? 0
    const [silent] = this.#silent.values()
    if (silent === undefined) return entries
    throw new VaultError('offline', `how far ${asked} went is not certain, and what a node has beyond entry ${entries} would count no more: ${silent.message}`, {
      subject: asked, next: `try again when that node can be reached; or say with --after ${entries} that what lies behind may be given up`,
    })
  }

  /** All that the store has: a node may have missed earlier ones. */
  async #tell(): Promise<readonly NodeTold[]> {
    const { store, owner, peers } = this.#setup
    const records = await readRevocations(store)
    return await Promise.all(peers.map(async (peer) => {
      try {
        await tellRevocations(peer, records, owner)
        return { node: peer.name, reason: null }
      } catch (error) {
        if (!(error instanceof VaultError)) throw error
        return { node: peer.name, reason: error.message }
      }
    }))
  }

  #named(asked: string): Member {
    const found = [...this.#members].filter(([id, { name }]) => name === asked || (asked.length >= 4 && id.startsWith(asked.toLowerCase()))).map(([, member]) => member)
    const [only, second] = found
    if (only !== undefined && second === undefined) return only
    const next = "'vaultfs device list' shows names and ids: the beginning of an id is enough"
    if (second !== undefined) throw new VaultError('usage', `several devices are called ${asked}`, { subject: asked, next })
    const [silent] = this.#silent.values()
    throw new VaultError('not-found', `no device is called ${asked}${silent === undefined ? '' : `, as far as is known (${silent.message})`}`, { subject: asked, next })
  }
}
