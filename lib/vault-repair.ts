// Blobs that verifying found damaged or missing are put back from other stores of the same vault (copies, or those of
// other devices) and from nodes. A blob's name is the hash of its bytes, so a copy proves itself. The store is nobody
// else's meanwhile.
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BlobWriter } from './cache/blob-writer.js'
import { SavedBlobs } from './cache/saved-blobs.js'
import { forgetChunks } from './catalog/forget-chunks.js'
import { blobIdOf } from './crypto/blob-id.js'
import type { KeyPage } from './crypto/key-page.js'
import { decodeBlobReference, type BlobReference } from './format/blob-reference.js'
import { equalBytes, hex, type Sealed } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import type { Logger } from './terms/log.js'
import { BlobFetch } from './vault-fetch-blobs.js'
import type { Nodes } from './vault-nodes.js'

/** A folder for what is found in the segments of the sources; removed again. */
const scratchName = 'repair'

export interface RepairRequest {
  readonly store: string
  readonly page: KeyPage
  /** Encoded references to blobs that can't be read. */
  readonly damaged: readonly Uint8Array[]
  /** Folders of other stores, the first that has a blob whole gives it. */
  readonly sources: readonly string[]
  /** Asked for what no source has. */
  readonly nodes?: Nodes
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Of blobs. */
  readonly onProgress: (done: number, total: number) => void
}

export interface RepairOutcome {
  /** Put back, durable. */
  readonly repaired: number
  readonly repairedBytes: number
  /** Of these nobody who was asked has a whole copy. What is written anew with the same bytes is stored anew. */
  readonly missing: number
}

/**
 * Rejects 'usage' for a source that is none, before anything is changed; 'offline' when no node is left that answers;
 * 'cancelled' between two blobs. What is put back stays.
 */
export async function repairBlobs(request: RepairRequest): Promise<RepairOutcome> {
  const { store, page, damaged, signal, logger, onProgress, nodes } = request
  const blobs = new Map(damaged.map((bytes) => decodeBlobReference(bytes)).map((reference) => [hex(reference.blobId), reference]))
  const repair = new Repair(store, logger)
  let missing: BlobReference[] = []
  let done = 0
  const onDone = (): void => { onProgress(++done, blobs.size) }
  try {
    for (const path of request.sources) repair.addSource(path)
    for (const reference of blobs.values()) {
      if (signal.aborted) throw new VaultError('cancelled', 'repairing was broken off', { next: 'begin again when you like: what was put back stays' })
      if (!repair.putBack(reference)) missing.push(reference)
      else onDone()
      // Who asked may want to break it off.
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (nodes !== undefined && missing.length > 0) missing = await repair.bring(missing, { nodes, signal, onDone })
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
  readonly #writer: BlobWriter
  readonly #sources: SavedBlobs[] = []

  constructor(store: string, logger: Logger) {
    this.#store = store
    this.#scratch = join(store, scratchName)
    rmSync(this.#scratch, { recursive: true, force: true })
    mkdirSync(this.#scratch, { mode: 0o700 })
    this.#writer = new BlobWriter({ directory: join(store, 'cache'), logger, replaces: true })
  }

  get blobs(): number {
    return this.#writer.blobs
  }

  get bytes(): number {
    return this.#writer.bytes
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
      this.#writer.add(blobId, sealed as Uint8Array as Sealed)
      return true
    }
    return false
  }

  /** From nodes; answers those that none has. */
  async bring(wanted: readonly BlobReference[], { nodes, signal, onDone }: { readonly nodes: Nodes; readonly signal: AbortSignal; readonly onDone: () => void }): Promise<BlobReference[]> {
    nodes.requireOne()
    const fetch = new BlobFetch({ nodes, signal, take: async (blobs) => blobs.map(({ blobId, sealed }) => this.#writer.addIfWhole(blobId, sealed)), onDone })
    const from = nodes.present
    for (const { blobId, sealedLength } of wanted) await fetch.want({ blobId, length: sealedLength, from })
    await fetch.end()
    const missing = new Set(fetch.missing.map(({ blobId }) => hex(blobId)))
    // What was brought is put back, whoever is gone by now.
    this.flush()
    if (missing.size > 0) nodes.requireOne()
    return wanted.filter(({ blobId }) => missing.has(hex(blobId)))
  }

  /** The damaged copies go, the whole ones are durable when this returns. */
  flush(): void {
    this.#writer.flush()
  }

  close(): void {
    this.#writer.close()
    for (const source of this.#sources) source.close()
    rmSync(this.#scratch, { recursive: true, force: true })
  }
}
