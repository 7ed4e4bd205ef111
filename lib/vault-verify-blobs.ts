// The part of verifying that reads every blob once, whole, in the order in which they lie on the disk: its SHA-256
// against its id, and against each reference to it table, segments, AEAD and the ChunkId of the plaintext.
import type { CacheInventory, InventoryRow } from './cache/inventory.js'
import { blobIdOf } from './crypto/blob-id.js'
import { chunkIdOf } from './crypto/chunk-id.js'
import type { KeyRing } from './crypto/key-ring.js'
import { openWhole } from './crypto/open.js'
import type { BlobReference } from './format/blob-reference.js'
import type { BlobLocation } from './store/blob-cache-port.js'
import { equalBytes, hex, type BlobId } from './terms/bytes.js'
import { limits } from './terms/limits.js'
import { blobDamageOf, damageOf, finding, rebuildNext, type VerifyContext } from './vault-verify-context.js'
import type { BlobLedger } from './vault-verify-ledger.js'

const unneededNext = 'No file needs it. Later writes of the same bytes would be taken for it: put the folder "cache" of the store back from a copy.'
const missing = 'is not in the cache'

export class BlobCheck {
  readonly #context: VerifyContext
  readonly #ledger: BlobLedger
  readonly #keys: KeyRing
  readonly #inventory: CacheInventory
  #plain = new Uint8Array(0)
  blobs = 0
  bytes = 0
  unnamed = 0

  constructor(context: VerifyContext, { ledger, keys, inventory }: { readonly ledger: BlobLedger; readonly keys: KeyRing; readonly inventory: CacheInventory }) {
    this.#context = context
    this.#ledger = ledger
    this.#keys = keys
    this.#inventory = inventory
  }

  async run(): Promise<void> {
    try {
      await this.#listed()
    } catch (error) {
      await this.#context.found(finding({ kind: 'cache', subject: 'cache/cache.db', message: damageOf(error), next: rebuildNext }))
    }
    await this.#named()
  }

  /** As the index lists them. */
  async #listed(): Promise<void> {
    const { newest, bytes } = this.#inventory.totals()
    for (let after = 0; ;) {
      const rows = this.#inventory.batch(after, newest, limits.verifyBlobsBatch)
      if (rows.length === 0) return
      for (const row of rows) await this.#look(row, Math.max(bytes, this.bytes))
      after = rows.at(-1)?.position ?? Infinity
    }
  }

  /** What was not listed by now: a damaged index may lead to it all the same; else it is not there. */
  async #named(): Promise<void> {
    for (let unmet = this.#ledger.unmet(limits.verifyBlobsBatch); unmet.length > 0; unmet = this.#ledger.unmet(limits.verifyBlobsBatch)) {
      for (const blob of unmet) {
        const blobId = blob as Uint8Array as BlobId
        const location = this.#locate(blobId)
        if (location !== undefined) await this.#look({ position: 0, blobId, location }, this.bytes)
        else for (const reference of this.#ledger.referencesOf(blobId)) this.#ledger.met(reference, `blob ${hex(blobId)} ${missing}`)
      }
    }
  }

  /** After the contents had their say: damage that touches none of them. */
  async tellUnneeded(): Promise<void> {
    for (let after = new Uint8Array(0); ;) {
      const damaged = this.#ledger.unneeded(after, limits.verifyBlobsBatch)
      if (damaged.length === 0) return
      for (const { blob, damage } of damaged) await this.#tell(blob, damage)
      after = new Uint8Array(damaged.at(-1)?.blob ?? [])
    }
  }

  async #look({ blobId, location }: InventoryRow, total: number): Promise<void> {
    const references = this.#ledger.referencesOf(blobId)
    if (references.length === 0) this.unnamed++
    const found = this.#locate(blobId) !== undefined ? this.#damage(blobId, location, references) : references.map(() => `blob ${hex(blobId)}: the index of the cache does not lead to it`)
    const damages = found.some((each) => each !== undefined) ? this.#again(blobId, location, references) ?? found : found
    references.forEach((reference, at) => { this.#ledger.met(reference, damages[at]) })
    if (references.length === 0 && damages[0] !== undefined) await this.#tell(blobId, damages[0])
    this.blobs++
    this.bytes += location.length
    await this.#context.step('blobs', this.bytes, total)
  }

  /** Whoever reads it asks the index by its name, not in the order of the rows. Undefined: that does not lead to it. */
  #locate(blobId: BlobId): BlobLocation | undefined {
    try {
      return this.#inventory.reader.locate(blobId)
    } catch (error) {
      damageOf(error)
      return undefined
    }
  }

  /** It may have been moved, or deleted, since we asked where it is. Undefined: it was not. */
  #again(blobId: BlobId, before: BlobLocation, references: readonly BlobReference[]): (string | undefined)[] | undefined {
    const now = this.#locate(blobId)
    if (now === undefined) return references.length === 0 ? [undefined] : references.map(() => `blob ${hex(blobId)} ${missing}`)
    if (now.segment === before.segment && now.offset === before.offset) return undefined
    return this.#damage(blobId, now, references)
  }

  /** For each reference what is wrong; where there is none, one answer for the blob. */
  #damage(blobId: BlobId, location: BlobLocation, references: readonly BlobReference[]): (string | undefined)[] {
    const name = `blob ${hex(blobId)}`
    const everywhere = (damage: string | undefined): (string | undefined)[] => (references.length === 0 ? [damage] : references.map(() => damage))
    let sealed: Uint8Array
    try {
      sealed = this.#inventory.reader.scan(blobId, location, 0, location.length)
    } catch (error) {
      return everywhere(damageOf(error))
    }
    // Table and segments tell more exactly where it is damaged.
    const opened = references.map((reference) => this.#opened(reference, sealed, name))
    if (opened.some((damage) => damage !== undefined)) return opened
    // What opens whole is, byte for byte, what was sealed: only whether it lies under its name is left to ask.
    const isNamed = (this.#context.setup.isFresh && references.length > 0) || equalBytes(blobIdOf(sealed), blobId)
    if (isNamed) return references.length === 0 ? [undefined] : opened
    return everywhere(`${name}: its bytes are others than its name says`)
  }

  #opened(reference: BlobReference, sealed: Uint8Array, name: string): string | undefined {
    if (reference.sealedLength !== sealed.byteLength) return `${name} has another length than what refers to it says`
    if (this.#plain.byteLength < reference.plainLength) this.#plain = new Uint8Array(reference.plainLength)
    const plain = this.#plain.subarray(0, reference.plainLength)
    try {
      openWhole({ reference, keys: this.#keys, read: (offset, length) => sealed.subarray(offset, offset + length) }, plain)
    } catch (error) {
      return blobDamageOf(error)
    }
    if (equalBytes(chunkIdOf(plain, this.#keys.idHasher(reference.kind)), reference.chunkId)) return undefined
    return `${name} opens, but to other bytes than what refers to it says`
  }

  async #tell(blob: Uint8Array, damage: string): Promise<void> {
    await this.#context.found(finding({ kind: 'blob', subject: `blob ${hex(blob)}`, message: damage, next: unneededNext }))
  }
}
