// This device's manifest chain as publishing uses it: entries of this vault, in the store's folder `manifest`, each said to
// follow what is there of other devices. Their chains do not change while the vault is open.
import { join } from 'node:path'
import { equalBytes, hex } from './terms/bytes.js'
import type { Dependency, EntryBody } from './format/entry-body.js'
import { decodeEntry } from './format/manifest-entry.js'
import type { Operation } from './format/operations.js'
import { openChainFile, type ChainFile } from './manifest/chain-file.js'
import { ManifestChain, type EntryAuthor } from './manifest/chain.js'
import { openEntryBody, pageAuthor } from './manifest/entry-author.js'
import { manifestDamage } from './history/chain-source.js'
import { readOtherChains, type OtherChains } from './history/other-chains.js'
import type { ManifestPort } from './store/manifest-port.js'
import type { DeviceIdentity } from './crypto/identity.js'
import type { KeyPage } from './crypto/key-page.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'
import { VaultError } from './terms/errors.js'
import type { VaultHeader } from './format/vault-header.js'

export interface OpenChain {
  /** The store's folder. */
  readonly store: string
  readonly page: KeyPage
  readonly identity: DeviceIdentity
  readonly header: Pick<VaultHeader, 'ownerPublicKey'>
  readonly clock: Clock
  readonly entropy: Entropy
}

export class Chain implements ManifestPort {
  readonly #chain: ManifestChain
  readonly #author: EntryAuthor
  readonly #clock: Clock
  readonly #first: Operation
  readonly #deps: readonly Dependency[]
  /** Of the newest entry that is folded, whoever's it is. */
  #lamport: number
  /** Another number when another state of other devices' chains is in the folder; 0: there are none. */
  readonly others: number
  appendedBytes = 0
  #queue: Promise<unknown> = Promise.resolve()
  /** Told after each entry that is on the disk. */
  onAppended: () => void = () => undefined

  private constructor(chain: ManifestChain, options: OpenChain, { others, lamport }: { readonly others: OtherChains; readonly lamport: number }) {
    this.#chain = chain
    this.#author = pageAuthor(options.page, options.entropy)
    this.#clock = options.clock
    this.#deps = others.heads.map(({ deviceId, sequence, hash }) => ({ deviceId, sequence, hash }))
    this.#lamport = Math.max(lamport, ...others.heads.map((head) => head.lamport))
    this.others = others.digest
    this.#first = { kind: 'member', record: options.identity.record }
  }

  static async open(options: OpenChain): Promise<Chain> {
    const { store, identity: { member } } = options
    const directory = join(store, 'manifest')
    const name = hex(member.deviceId)
    const files: ChainFile[] = []
    const opened = async (end: string): Promise<ChainFile> => {
      const file = await openChainFile(join(directory, `${name}.${end}`), directory)
      files.push(file)
      return file
    }
    try {
      const chain = await ManifestChain.open({
        vaultId: member.vaultId, deviceId: member.deviceId, signPublicKey: member.signPublicKey, depth: 'tail',
        entries: await opened('chain'), mark: await opened('mark'),
      })
      const folder = { directory, page: options.page, vaultId: member.vaultId, ownerPublicKey: options.header.ownerPublicKey }
      const others = await readOtherChains(folder, { deviceId: member.deviceId, sequence: chain.head.sequence })
      const newest = await newestBody(chain, options)
      for (const dependency of newest?.deps ?? []) requireHere(dependency, others)
      return new Chain(chain, options, { others, lamport: newest?.lamport ?? 0 })
    } catch (error) {
      for (const file of files) await file.close().catch(() => undefined)
      throw error
    }
  }

  get hasOthers(): boolean {
    return this.others !== 0
  }

  get sequence(): number {
    return this.#chain.head.sequence
  }

  /** Of the newest entry, in hexadecimal. */
  get hash(): string {
    return hex(this.#chain.head.hash)
  }

  /** Calls are taken in order. */
  append(operations: readonly Operation[]): Promise<number> {
    const appended = this.#queue.then(() => this.#append(operations))
    this.#queue = appended.catch(() => undefined)
    return appended
  }

  /** The first entry of a chain also says whose it is. */
  async #append(operations: readonly Operation[]): Promise<number> {
    const { sec, nsec } = this.#clock.now()
    const { sequence } = this.#chain.head
    const all = sequence === 0 ? [this.#first, ...operations] : operations
    // With one device that is the sequence.
    const lamport = this.#lamport + 1
    const head = await this.#chain.append({ lamport, sec, nsec, deps: this.#deps, operations: all }, this.#author)
    this.#lamport = lamport
    this.appendedBytes += head.bytes.byteLength
    this.onAppended()
    return head.sequence
  }

  close(): Promise<void> {
    return this.#chain.close()
  }
}

async function newestBody(chain: ManifestChain, { page, identity: { member } }: OpenChain): Promise<EntryBody | undefined> {
  const bytes = await chain.newest()
  if (bytes === undefined) return undefined
  return manifestDamage(`manifest entry ${chain.head.sequence} of device ${hex(member.deviceId)}`, () => openEntryBody(decodeEntry(bytes), page))
}

/** What we have followed once is followed by all that we say: without it nothing of ours could be folded. */
function requireHere({ deviceId, sequence }: Dependency, { heads }: OtherChains): void {
  const head = heads.find((each) => equalBytes(each.deviceId, deviceId))
  if (head !== undefined && head.sequence >= sequence) return
  const subject = `manifest/${hex(deviceId)}.chain`
  throw new VaultError('chain-broken', `${subject}: it ends with entry ${head?.sequence ?? 0}, and this device has followed entry ${sequence}`, {
    subject, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
  })
}
