// Blobs that verifying found damaged or missing are put back from other stores of the same vault: copies, or those of
// other devices. A blob's name is the hash of its bytes, so a copy proves itself. The store is nobody else's meanwhile.
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SegmentAppender } from './cache/appender.js'
import { SavedBlobs } from './cache/saved-blobs.js'
import { CacheKeeper } from './cache/keeper.js'
import { forgetChunks } from './catalog/forget-chunks.js'
import { blobIdOf } from './crypto/blob-id.js'
import type { KeyPage } from './crypto/key-page.js'
import { decodeBlobReference, type BlobReference } from './format/blob-reference.js'
import { equalBytes, hex, type Sealed } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'

/** A folder for what is found in the segments of the sources; removed again. */
const scratchName = 'repair'

export interface RepairRequest {
  readonly store: string
  readonly page: KeyPage
  /** Encoded references to blobs that can't be read. */
  readonly damaged: readonly Uint8Array[]
  /** Folders of other stores, the first that has a blob whole gives it. */
  readonly sources: readonly string[]
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Of blobs. */
  readonly onProgress: (done: number, total: number) => void
}

export interface RepairOutcome {
  /** Put back, durable. */
  readonly repaired: number
  readonly repairedBytes: number
  /** Of these no source has a whole copy. What is written anew with the same bytes is stored anew. */
  readonly missing: number
}

/** Rejects 'usage' for a source that is none, before anything is changed; 'cancelled' between two blobs: what is put back stays. */
export async function repairBlobs(request: RepairRequest): Promise<RepairOutcome> {
  const { store, page, damaged, signal, logger, onProgress } = request
  const blobs = new Map(damaged.map((bytes) => decodeBlobReference(bytes)).map((reference) => [hex(reference.blobId), reference]))
  const repair = new Repair(store, logger)
  const missing: BlobReference[] = []
  let done = 0
  try {
    for (const path of request.sources) repair.addSource(path)
    for (const reference of blobs.values()) {
      if (signal.aborted) throw new VaultError('cancelled', 'repairing was broken off', { next: 'begin again when you like: what was put back stays' })
      if (!repair.putBack(reference)) missing.push(reference)
      onProgress(++done, blobs.size)
      // Who asked may want to break it off.
      await new Promise((resolve) => setImmediate(resolve))
    }
    repair.flush()
  } finally {
    repair.close()
  }
  const catalog = join(store, 'catalog.db')
  if (existsSync(catalog)) forgetChunks(catalog, page.key('catalog'), missing)
  return { repaired: repair.blobs, repairedBytes: repair.bytes, missing: missing.length }
}

class Repair {
  readonly #store: string
  readonly #scratch: string
  readonly #keeper: CacheKeeper
  readonly #appender: SegmentAppender
  readonly #sources: SavedBlobs[] = []
  #gathered: { readonly blobId: BlobReference['blobId']; readonly sealed: Sealed }[] = []
  #gatheredBytes = 0
  blobs = 0
  bytes = 0

  constructor(store: string, logger: Logger) {
    this.#store = store
    this.#scratch = join(store, scratchName)
    rmSync(this.#scratch, { recursive: true, force: true })
    mkdirSync(this.#scratch, { mode: 0o700 })
    const directory = join(store, 'cache')
    this.#keeper = new CacheKeeper({ directory, logger })
    this.#appender = new SegmentAppender({ directory, nextSegment: Int32Array.of(this.#keeper.nextSegment()), partial: this.#keeper.takePartial() })
  }

  addSource(path: string): void {
    const directory = join(path, 'cache')
    if (!existsSync(directory)) throw new VaultError('usage', `${path} is not a store of a vault`, { subject: path, next: 'name the folder that has "cache" and "manifest" in it' })
    if (realpathSync(path) === realpathSync(this.#store)) throw new VaultError('usage', `${path} is the store that is to be repaired`, { subject: path, next: 'name a copy of it, or the store of another device' })
    this.#sources.push(new SavedBlobs({ directory, found: join(this.#scratch, `${String(this.#sources.length)}.db`) }))
  }

  /** Answers whether there was a whole copy. */
  putBack({ blobId, sealedLength }: BlobReference): boolean {
    for (const source of this.#sources) {
      const location = source.locate(blobId)
      if (location?.length !== sealedLength) continue
      const sealed = new Uint8Array(sealedLength)
      try {
        source.read(blobId, location, 0, sealed)
      } catch (error) {
        // The copy is damaged there as well: another may not be.
        if (error instanceof VaultError && (error.code === 'corrupt' || error.code === 'io')) continue
        throw error
      }
      if (!equalBytes(blobIdOf(sealed), blobId)) continue
      this.#gathered.push({ blobId, sealed: sealed as Uint8Array as Sealed })
      this.#gatheredBytes += sealedLength
      if (this.#gatheredBytes >= limits.appendBytesWished) this.flush()
      return true
    }
    return false
  }

  /** The damaged copies go, the whole ones are durable when this returns. */
  flush(): void {
    if (this.#gathered.length === 0) return
    this.#keeper.delete(this.#gathered.map(({ blobId }) => blobId))
    this.#keeper.commit(this.#appender.append(this.#gathered))
    this.blobs += this.#gathered.length
    this.bytes += this.#gatheredBytes
    this.#gathered = []
    this.#gatheredBytes = 0
  }

  close(): void {
    this.#appender.close()
    this.#keeper.close()
    for (const source of this.#sources) source.close()
    rmSync(this.#scratch, { recursive: true, force: true })
  }
}
