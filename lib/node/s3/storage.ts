// A node's storage in a bucket of an S3-compatible store. It keeps nothing of its own, so any number of processes may serve
// one bucket at a time. What lies where, and why that is safe: S3.md.
import { framesByReading } from '../frames-by-reading.js'
import type { ChainEntry, NodeStorage, VaultStorage } from '../node-storage.js'
import { hex, type BlobId, type DeviceId, type ManifestHash, type VaultId } from '../../terms/bytes.js'
import type { Clock } from '../../terms/clock.js'
import type { Entropy } from '../../terms/entropy.js'
import type { Logger } from '../../terms/log.js'
import type { SealedBlob } from '../../wire/blob-frames.js'
import { S3Blobs } from './blobs.js'
import { S3Chains } from './chains.js'
import { readS3Credentials } from './credentials.js'
import { S3Engine, type S3Patience } from './engine.js'
import { parseS3Place } from './place.js'
import { S3Records } from './records.js'
import { testEngine } from './self-test.js'

export interface S3StorageOptions {
  /** `s3://bucket/prefix?endpoint=…`, see place.ts. */
  readonly blobs: string
  /** File of mode 0600, see credentials.ts. */
  readonly credentialsPath: string
  /** 'look': for commands beside a node that runs, which has tested the engine. */
  readonly use: 'serve' | 'look'
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  /** For tests. */
  readonly patience?: S3Patience
}

/** After so long blobs are counted again: other processes put some too. */
const countedMs = 10 * 60_000

/** Tests the engine before it serves. Rejects 'denied', 'offline', 'deadline', 'unsupported' or 'usage', in words for who runs the node. */
export async function openS3Storage({ blobs, credentialsPath, use, ...options }: S3StorageOptions): Promise<S3Storage> {
  const place = parseS3Place(blobs)
  const engine = new S3Engine({ ...options, place, credentials: await readS3Credentials(credentialsPath) })
  const prefix = place.prefix === '' ? '' : `${place.prefix}/`
  if (use === 'look') return new S3Storage(engine, prefix, options)
  try {
    await testEngine(engine, prefix, options.entropy)
  } catch (error) {
    await engine.close()
    throw error
  }
  if (place.endpoint.startsWith('http:')) options.logger.log('warn', 'the object store is spoken to without TLS: who listens sees which blobs come and go', { endpoint: place.endpoint })
  engine.serve()
  return new S3Storage(engine, prefix, options)
}

export class S3Storage implements NodeStorage {
  readonly records: S3Records
  readonly #engine: S3Engine
  readonly #prefix: string
  readonly #sources: { readonly clock: Clock; readonly entropy: Entropy }
  readonly #vaults = new Map<string, S3VaultStorage>()

  constructor(engine: S3Engine, prefix: string, sources: { readonly clock: Clock; readonly entropy: Entropy }) {
    this.#engine = engine
    this.#prefix = prefix
    this.#sources = sources
    this.records = new S3Records(engine, `${prefix}records/`, sources)
  }

  vault(vaultId: VaultId): S3VaultStorage {
    const name = hex(vaultId)
    let vault = this.#vaults.get(name)
    if (vault === undefined) this.#vaults.set(name, vault = new S3VaultStorage(this.#engine, `${this.#prefix}vaults/${name}/`, this.#sources))
    return vault
  }

  /** Nothing of it can end by itself. */
  async alive(): Promise<void> {}

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

class S3VaultStorage implements VaultStorage {
  readonly isShared = true
  readonly records: S3Records
  readonly #blobs: S3Blobs
  readonly #chains: S3Chains
  readonly #clock: Clock
  /** Of all that was counted, and what we put and removed since. */
  #total: { blobs: number; bytes: number; ms: number } | undefined
  /** Put since the last count began. */
  #since = { blobs: 0, bytes: 0 }
  #counting: Promise<void> | undefined

  constructor(engine: S3Engine, prefix: string, sources: { readonly clock: Clock; readonly entropy: Entropy }) {
    this.records = new S3Records(engine, `${prefix}records/`, sources)
    this.#blobs = new S3Blobs(engine, `${prefix}blobs/`)
    this.#chains = new S3Chains(engine, `${prefix}chains/`, sources.entropy)
    this.#clock = sources.clock
  }

  async lengths(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    return await this.#blobs.lengths(blobIds, this.#total?.blobs ?? Infinity)
  }

  async put(blobs: readonly SealedBlob[]): Promise<readonly boolean[]> {
    const areNew = await this.#blobs.put(blobs)
    for (const [index, { sealed }] of blobs.entries()) if (areNew[index] === true) this.#add(1, sealed.byteLength)
    return areNew
  }

  async read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Promise<Uint8Array> {
    return await this.#blobs.read(blobId, range)
  }

  async readFrames(blobIds: readonly BlobId[], into: Uint8Array<SharedArrayBuffer>): Promise<number> {
    return await framesByReading(blobIds, into, (blobId) => this.#blobs.read(blobId))
  }

  async storedSec(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    return await this.#blobs.storedSec(blobIds)
  }

  async inventory(after: Uint8Array, limit: number): Promise<{ readonly isLast: boolean; readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[] }> {
    return await this.#blobs.inventory(after, limit)
  }

  async remove(blobIds: readonly BlobId[]): Promise<void> {
    const lengths = await this.lengths(blobIds)
    await this.#blobs.remove(blobIds)
    for (const length of lengths) if (length !== undefined) this.#add(-1, -length)
  }

  /** What is known, and the first time a count; an old count is answered while it is counted anew. */
  async statistics(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    if (this.#total === undefined || this.#clock.monotonicMs() - this.#total.ms > countedMs) {
      this.#counting ??= this.#count().finally(() => { this.#counting = undefined })
      if (this.#total === undefined) await this.#counting
      else this.#counting.catch(() => undefined)
    }
    const { blobs = 0, bytes = 0 } = this.#total ?? {}
    return { blobs, bytes }
  }

  async heads(): Promise<Awaited<ReturnType<VaultStorage['heads']>>> {
    return await this.#chains.heads()
  }

  async append(deviceId: DeviceId, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean> {
    return await this.#chains.append(deviceId, expected, entries)
  }

  async readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    return await this.#chains.readEntries(deviceId, after, bytesMax)
  }

  /** What is put while it is counted may be counted twice, until the next time: rather that than room that is not there. */
  async #count(): Promise<void> {
    const ms = this.#clock.monotonicMs()
    this.#since = { blobs: 0, bytes: 0 }
    const { blobs, bytes } = await this.#blobs.count()
    this.#total = { blobs: blobs + this.#since.blobs, bytes: bytes + this.#since.bytes, ms }
  }

  #add(blobs: number, bytes: number): void {
    if (blobs > 0) {
      this.#since.blobs += blobs
      this.#since.bytes += bytes
    }
    if (this.#total === undefined) return
    this.#total.blobs = Math.max(this.#total.blobs + blobs, 0)
    this.#total.bytes = Math.max(this.#total.bytes + bytes, 0)
  }
}
