// Brings the chains of all devices from nodes into a store's folder `manifest`: the longest that verifies, entry by entry.
// A node that has an older or another one is named. Broken off and begun again it goes on.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { verifyMember } from './crypto/identity.js'
import type { Member } from './format/member-record.js'
import { ChainCopy } from './manifest/chain-copy.js'
import { openChainFile, type ChainFile } from './manifest/chain-file.js'
import { ChainFollower } from './manifest/chain-follower.js'
import type { PeerHead, PeerPort } from './store/peer-port.js'
import { equalBytes, hex, type DeviceId, type VaultId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import type { Nodes } from './vault-nodes.js'
import { decodeRevocation } from './wire/owner-records.js'

export interface FetchChains {
  readonly store: string
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  /** Its chain is its own business. */
  readonly ownDevice: DeviceId
  readonly nodes: Nodes
  readonly signal: AbortSignal
  /** Bytes. */
  readonly onProgress: (done: number, total: number) => void
}

interface Offer extends PeerHead {
  readonly peer: PeerPort
  /** What of it counts. */
  readonly through: number
}

const pieceBytes = 4 * 1024 * 1024

/** Answers how many entries there are now, of how many devices. Rejects 'offline' when no node is left to ask. */
export async function fetchChains(request: FetchChains): Promise<{ readonly entries: number; readonly devices: number }> {
  const { nodes } = request
  const directory = join(request.store, 'manifest')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const members = await membersOf(request)
  const revoked = await lastSequences(request)
  const offers = await offersOf(request, revoked)
  nodes.requireOne()
  const total = [...offers.values()].reduce((sum, [first]) => sum + (first?.bytes ?? 0), 0)
  let done = 0
  let entries = 0
  let devices = 0
  for (const [device, of] of offers) {
    const member = members.get(device)
    if (member === undefined) {
      for (const { peer } of of) nodes.note(peer, `it has a chain of device ${device}, for which there is no member record that the owner signed: it is left out`)
      continue
    }
    const copy = new DeviceCopy(request, directory, member)
    const { sequence, bytes } = await copy.bring(of, (brought) => { request.onProgress(done + brought, total) })
    done += bytes
    entries += sequence
    if (sequence > 0) devices++
  }
  nodes.requireOne()
  return { entries, devices }
}

async function membersOf({ nodes, vaultId, ownerPublicKey }: FetchChains): Promise<ReadonlyMap<string, Member>> {
  const members = new Map<string, Member>()
  for (const peer of nodes.present) {
    for (const record of await nodes.ask(peer, (each) => each.members()) ?? []) {
      try {
        const member = verifyMember(record, { vaultId, ownerPublicKey })
        members.set(hex(member.deviceId), member)
      } catch (error) {
        nodes.blame(peer, error)
      }
    }
  }
  return members
}

/** Of revoked devices, by their ids: what they say later counts no more, and no node can take that word back. */
async function lastSequences({ nodes, vaultId, ownerPublicKey }: FetchChains): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>()
  for (const peer of nodes.present) {
    for (const record of await nodes.ask(peer, (each) => each.revocations()) ?? []) {
      try {
        const { deviceId, lastSequence } = decodeRevocation(record, { vaultId, ownerPublicKey })
        last.set(hex(deviceId), Math.min(lastSequence, last.get(hex(deviceId)) ?? lastSequence))
      } catch (error) {
        nodes.blame(peer, error)
      }
    }
  }
  return last
}

/** By device, the longest chain first. */
async function offersOf({ nodes, ownDevice }: FetchChains, revoked: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, readonly Offer[]>> {
  const offers = new Map<string, Offer[]>()
  for (const peer of nodes.present) {
    for (const head of await nodes.ask(peer, (each) => each.heads()) ?? []) {
      if (head.sequence === 0 || equalBytes(head.deviceId, ownDevice)) continue
      const device = hex(head.deviceId)
      const last = revoked.get(device) ?? Infinity
      if (head.sequence > last) nodes.note(peer, `it has ${head.sequence - last} entries of device ${device} that came after the owner revoked it: they are left out`)
      offers.set(device, [...offers.get(device) ?? [], { ...head, peer, through: Math.min(head.sequence, last) }])
    }
  }
  for (const list of offers.values()) list.sort((one, other) => other.sequence - one.sequence)
  return offers
}

class DeviceCopy {
  readonly #request: FetchChains
  readonly #member: Member
  readonly #directory: string
  readonly #path: string

  constructor(request: FetchChains, directory: string, member: Member) {
    this.#request = request
    this.#member = member
    this.#directory = directory
    this.#path = join(directory, hex(member.deviceId))
  }

  async bring(offers: readonly Offer[], onBytes: (bytes: number) => void): Promise<{ readonly sequence: number; readonly bytes: number }> {
    const files: ChainFile[] = []
    const opened = async (end: string): Promise<ChainFile> => {
      const file = await openChainFile(`${this.#path}.${end}`, this.#directory)
      files.push(file)
      return file
    }
    const { sequence, hash, bytes } = await this.#copy({ entries: await opened('chain'), mark: await opened('mark') }, offers, onBytes).finally(async () => {
      for (const file of files) await file.close()
    })
    if (sequence === 0) for (const end of ['chain', 'mark']) rmSync(`${this.#path}.${end}`)
    this.#compare(offers, { sequence, hash })
    return { sequence, bytes }
  }

  async #copy(files: { readonly entries: ChainFile; readonly mark: ChainFile }, offers: readonly Offer[], onBytes: (bytes: number) => void): Promise<Pick<ChainCopy, 'sequence' | 'hash' | 'bytes'>> {
    const copy = await ChainCopy.open(this.#member, files)
    for (const offer of offers) await this.#take(copy, offer, onBytes)
    return copy
  }

  /** As much as the node has, and as verifies. */
  async #take(copy: ChainCopy, { peer, deviceId, sequence, through }: Offer, onBytes: (bytes: number) => void): Promise<void> {
    const { nodes, signal } = this.#request
    while (copy.sequence < through && nodes.isPresent(peer)) {
      if (signal.aborted) throw new VaultError('cancelled', 'it was broken off', { next: 'begin again when you like: what was brought stays' })
      const bytes = await nodes.ask(peer, (each) => each.readEntries(deviceId, copy.sequence, pieceBytes))
      if (bytes === undefined) return
      if (bytes.byteLength === 0) {
        nodes.note(peer, `it says that it has ${sequence} entries of ${this.#name}, and gives ${copy.sequence}`)
        return
      }
      try {
        await copy.append(bytes, through)
      } catch (error) {
        if (!(error instanceof VaultError) || error.code !== 'chain-broken') throw error
        nodes.note(peer, `${error.message}: what it gives of ${this.#name} is not used from there on`)
        return
      }
      onBytes(copy.bytes)
    }
  }

  /** Who has less than the others was rolled back, or is behind; who has something else lies, or the device was copied. */
  #compare(offers: readonly Offer[], brought: Pick<ChainCopy, 'sequence' | 'hash'>): void {
    const { nodes } = this.#request
    for (const peer of nodes.present) {
      const offer = offers.find((each) => each.peer === peer)
      if ((offer?.sequence ?? 0) < brought.sequence) nodes.note(peer, `it is behind: it has ${offer?.sequence ?? 0} of the ${brought.sequence} entries of ${this.#name}`)
    }
    const hashes = this.#hashesAt(new Set(offers.map(({ sequence }) => sequence).filter((sequence) => sequence < brought.sequence)))
    hashes.set(brought.sequence, brought.hash)
    for (const { peer, sequence, hash } of offers) {
      const expected = hashes.get(sequence)
      if (expected !== undefined && !equalBytes(expected, hash)) nodes.note(peer, `its entry ${sequence} of ${this.#name} is another one than other nodes have: the chain was forked`)
    }
  }

  #hashesAt(sequences: ReadonlySet<number>): Map<number, Uint8Array> {
    const hashes = new Map<number, Uint8Array>()
    if (sequences.size === 0) return hashes
    const follower = new ChainFollower(`${this.#path}.chain`, this.#member)
    try {
      while (follower.next() !== undefined) if (sequences.has(follower.sequence)) hashes.set(follower.sequence, follower.hash)
    } finally {
      follower.close()
    }
    return hashes
  }

  get #name(): string {
    return `device "${this.#member.name}"`
  }
}
