// The chains in a store's folder `manifest` as folding reads them. Whose a chain is, its first entry says: with a member
// record that the vault's owner signed.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { verifyMember } from '../crypto/identity.js'
import type { KeyPage } from '../crypto/key-page.js'
import { decodeEntry, noPrevious, type ManifestEntry } from '../format/manifest-entry.js'
import type { Member } from '../format/member-record.js'
import { ChainFollower, readFirstEntry } from '../manifest/chain-follower.js'
import { openEntryBody } from '../manifest/entry-author.js'
import { hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { requireRecords } from './entry-records.js'
import type { FoldEntry } from './fold.js'
import type { EntrySource, FoldedEntry } from './folding.js'

export interface ManifestFolder {
  readonly directory: string
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  readonly page: KeyPage
}

export class ChainSource implements EntrySource {
  readonly deviceId: DeviceId
  readonly #follower: ChainFollower
  readonly #page: KeyPage
  #peeked: FoldEntry | undefined
  /** No entry beyond it is read: it may not be on the disk yet. */
  through = Infinity

  constructor(path: string, member: Member, page: KeyPage) {
    this.deviceId = member.deviceId
    this.#page = page
    this.#follower = new ChainFollower(path, member)
  }

  /** Bytes read, and bytes that there are. */
  get progress(): { readonly read: number; readonly size: number } {
    return this.#follower.progress
  }

  peek(): FoldEntry | undefined {
    if (this.#peeked !== undefined) return this.#peeked
    if (this.#follower.sequence >= this.through) return undefined
    const entry = this.#follower.next()
    if (entry !== undefined) this.#peeked = this.#opened(entry)
    return this.#peeked
  }

  take(): void {
    this.#peeked = undefined
  }

  goTo(folded: FoldedEntry | undefined): boolean {
    this.#peeked = undefined
    return this.#follower.skipTo(folded ?? { sequence: 0, start: 0, end: 0, hash: noPrevious })
  }

  close(): void {
    this.#follower.close()
  }

  #opened(entry: ManifestEntry): FoldEntry {
    const { sequence, hash, place } = this.#follower
    const { lamport, sec, nsec, deps, operations } = manifestDamage(`manifest entry ${sequence} of device ${hex(this.deviceId)}`, () => {
      const body = openEntryBody(entry, this.#page)
      requireRecords(body.operations)
      return body
    })
    return { deviceId: this.deviceId, sequence, hash, ...place, lamport, sec, nsec, deps, operations }
  }
}

/** All chains that the folder has and that have an entry. */
export function openChainSources(folder: ManifestFolder): ChainSource[] {
  const sources: ChainSource[] = []
  for (const name of readdirSync(folder.directory).sort()) {
    if (!name.endsWith('.chain')) continue
    const member = chainMember(name, folder)
    if (member !== undefined) sources.push(new ChainSource(join(folder.directory, name), member, folder.page))
  }
  return sources
}

/** Whose the chain is in the folder's file of that name; undefined: it has no entry yet. */
export function chainMember(name: string, folder: ManifestFolder): Member | undefined {
  return chainMembership(name, folder)?.member
}

export interface Membership {
  readonly member: Member
  /** As the owner signed it. */
  readonly record: Uint8Array
}

/** The same, with the record that says so. */
export function chainMembership(name: string, folder: ManifestFolder): Membership | undefined {
  const found = manifestDamage(`manifest entry 1 of device ${name.slice(0, -'.chain'.length)}`, () => membershipOf(join(folder.directory, name), folder))
  if (found !== undefined && `${hex(found.member.deviceId)}.chain` !== name) throw notIts(name)
  return found
}

/** Undefined: the chain has no entry yet. */
function membershipOf(path: string, { page, ...vault }: ManifestFolder): Membership | undefined {
  const bytes = readFirstEntry(path)
  if (bytes === undefined) return undefined
  const entry = decodeEntry(bytes)
  for (const operation of openEntryBody(entry, page).operations) {
    if (operation.kind === 'member') return { member: verifyMember(operation.record, vault), record: operation.record }
  }
  throw new VaultError('chain-broken', `${path}: its first entry does not say whose it is`, {
    subject: path, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
  })
}

/** Damage inside of an entry, with the entry's name. */
export function manifestDamage<Result>(subject: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'corrupt') throw error
    throw new VaultError('chain-broken', `${subject}: ${error.message}`, {
      subject, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.", cause: error,
    })
  }
}

function notIts(name: string): VaultError {
  return new VaultError('chain-broken', `manifest/${name} is the chain of another device`, {
    subject: name, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
  })
}
