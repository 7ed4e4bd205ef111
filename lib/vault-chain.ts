// This device's manifest chain as publishing uses it: entries of this vault, in the store's folder `manifest`.
import { join } from 'node:path'
import { hex } from './terms/bytes.js'
import type { Operation } from './format/operations.js'
import { openChainFile, type ChainFile } from './manifest/chain-file.js'
import { ManifestChain, type EntryAuthor } from './manifest/chain.js'
import { pageAuthor } from './manifest/entry-author.js'
import type { ManifestPort } from './store/manifest-port.js'
import type { DeviceIdentity } from './crypto/identity.js'
import type { KeyPage } from './crypto/key-page.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'

export interface OpenChain {
  /** The store's folder. */
  readonly store: string
  readonly page: KeyPage
  readonly identity: DeviceIdentity
  readonly clock: Clock
  readonly entropy: Entropy
}

export class Chain implements ManifestPort {
  readonly #chain: ManifestChain
  readonly #author: EntryAuthor
  readonly #clock: Clock
  readonly #first: Operation
  appendedBytes = 0
  #queue: Promise<unknown> = Promise.resolve()
  /** Told after each entry that is on the disk. */
  onAppended: () => void = () => undefined

  private constructor(chain: ManifestChain, options: OpenChain) {
    this.#chain = chain
    this.#author = pageAuthor(options.page, options.entropy)
    this.#clock = options.clock
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
      return new Chain(chain, options)
    } catch (error) {
      for (const file of files) await file.close().catch(() => undefined)
      throw error
    }
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
    // One device: lamport time is the sequence.
    const head = await this.#chain.append({ lamport: sequence + 1, sec, nsec, deps: [], operations: all }, this.#author)
    this.appendedBytes += head.bytes.byteLength
    this.onAppended()
    return head.sequence
  }

  close(): Promise<void> {
    return this.#chain.close()
  }
}
