// A node's storage on its own disk: two threads, one that writes and syncs, one that reads, so that nobody who speaks with
// clients waits for a disk. Who only looks (commands beside a node that runs) opens no vault for writing.
import { hex, type BlobId, type DeviceId, type ManifestHash, type VaultId } from '../../terms/bytes.js'
import type { Clock } from '../../terms/clock.js'
import { invariant, VaultError } from '../../terms/errors.js'
import type { Logger } from '../../terms/log.js'
import { encodeIds, type SealedBlob } from '../../wire/blob-frames.js'
import type { DeviceHead } from '../../wire/signed-lists.js'
import { recordBytesMax, type ChainEntry, type NodeStorage, type RecordStorage, type VaultStorage } from '../node-storage.js'
import { unpackIds, type DiskSetup, type ReaderCalls, type WriterCalls } from './disk-calls.js'
import { openNodeDatabase } from './node-database.js'
import { ThreadLink } from '../thread-link.js'

const entry = new URL('./storage-thread.js', import.meta.url)

export interface DiskStorageOptions {
  /** Exists; nobody else serves from it ('serve') while it is open. */
  readonly directory: string
  readonly use: 'serve' | 'look'
  readonly clock: Clock
  readonly logger: Logger
  /** A thread ended by itself: nothing can be kept from here on. */
  readonly onBroken?: ((error: VaultError) => void) | undefined
}

export class DiskStorage implements NodeStorage {
  readonly records: RecordStorage
  readonly #options: DiskStorageOptions
  readonly #vaults = new Map<string, DiskVault>()
  readonly #threads: DiskThreads

  constructor(options: DiskStorageOptions) {
    // Made by this thread, so that two threads never make it at once, and what is wrong with it is said at once.
    openNodeDatabase(options.directory).database.close()
    this.#options = options
    this.#threads = new DiskThreads(options)
    this.records = new DiskRecords(this.#threads, '', async () => undefined)
  }

  vault(vaultId: VaultId): VaultStorage {
    const name = hex(vaultId)
    const known = this.#vaults.get(name) ?? new DiskVault(this.#threads, name, this.#options)
    this.#vaults.set(name, known)
    return known
  }

  async alive(): Promise<void> {
    await this.#threads.alive()
  }

  async close(): Promise<void> {
    await this.#threads.close()
  }
}

/** Each begun when it is needed first. */
class DiskThreads {
  readonly #options: DiskStorageOptions
  #writer: ThreadLink<WriterCalls> | undefined
  #reader: ThreadLink<ReaderCalls> | undefined
  #closed = false

  constructor(options: DiskStorageOptions) {
    this.#options = options
  }

  get writer(): ThreadLink<WriterCalls> {
    this.#writer ??= this.#begin<WriterCalls>('writer')
    return this.#writer
  }

  get reader(): ThreadLink<ReaderCalls> {
    this.#reader ??= this.#begin<ReaderCalls>('reader')
    return this.#reader
  }

  async alive(): Promise<void> {
    await Promise.all([this.#writer?.alive(), this.#reader?.alive()])
  }

  async close(): Promise<void> {
    this.#closed = true
    // The reader first: whose connection is the last one writes the log into the database.
    await this.#reader?.close()
    await this.#writer?.close()
  }

  #begin<Calls extends { readonly [Name in keyof Calls]: (...parameters: never[]) => unknown }>(role: DiskSetup['role']): ThreadLink<Calls> {
    invariant(!this.#closed, 'a storage that is open')
    const setup: DiskSetup = { role, directory: this.#options.directory }
    return new ThreadLink<Calls>({ entry, name: `vaultfs node ${role}`, setup, logger: this.#options.logger, onBroken: this.#options.onBroken })
  }
}

class DiskVault implements VaultStorage {
  readonly isShared = false
  readonly records: RecordStorage
  readonly #threads: DiskThreads
  readonly #name: string
  readonly #options: DiskStorageOptions
  #opened: Promise<void> | undefined

  constructor(threads: DiskThreads, name: string, options: DiskStorageOptions) {
    this.#threads = threads
    this.#name = name
    this.#options = options
    this.records = new DiskRecords(threads, name, () => this.#ready())
  }

  async lengths(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    await this.#ready()
    const lengths = await this.#threads.reader.call('lengths', this.#name, encodeIds(blobIds))
    return lengths.map((length) => (length < 0 ? undefined : length))
  }

  async put(blobs: readonly SealedBlob[]): Promise<readonly boolean[]> {
    await this.#writable()
    return this.#threads.writer.call('put', this.#name, blobs, this.#options.clock.now().sec)
  }

  async read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Promise<Uint8Array> {
    await this.#ready()
    return this.#threads.reader.call('read', this.#name, blobId, range)
  }

  async readFrames(blobIds: readonly BlobId[], into: Uint8Array<SharedArrayBuffer>): Promise<number> {
    await this.#ready()
    return this.#threads.reader.call('frames', this.#name, encodeIds(blobIds), into)
  }

  async inventory(after: Uint8Array, limit: number): Promise<{ readonly isLast: boolean; readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[] }> {
    await this.#ready()
    const { isLast, ids, lengths } = await this.#threads.reader.call('inventory', this.#name, after, limit)
    return { isLast, blobs: unpackIds<BlobId>(ids).map((blobId, index) => ({ blobId, length: lengths[index] ?? 0 })) }
  }

  async storedSec(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    await this.#writable()
    const secs = await this.#threads.writer.call('storedSec', this.#name, encodeIds(blobIds), this.#options.clock.now().sec)
    return secs.map((sec) => (sec < 0 ? undefined : sec))
  }

  async remove(blobIds: readonly BlobId[]): Promise<void> {
    await this.#writable()
    await this.#threads.writer.call('remove', this.#name, encodeIds(blobIds))
  }

  async statistics(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    await this.#ready()
    return this.#threads.reader.call('statistics', this.#name)
  }

  async heads(): Promise<readonly DeviceHead[]> {
    await this.#ready()
    return this.#threads.reader.call('heads', this.#name)
  }

  async append(deviceId: DeviceId, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean> {
    await this.#writable()
    return this.#threads.writer.call('append', this.#name, hex(deviceId), expected, entries)
  }

  async readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    await this.#ready()
    return this.#threads.reader.call('readEntries', this.#name, hex(deviceId), after, bytesMax)
  }

  /** What a crash left is looked for before anything is read. */
  async #ready(): Promise<void> {
    if (this.#options.use === 'look') return
    this.#opened ??= this.#threads.writer.call('open', this.#name).catch((error: unknown) => {
      // A disk that was full, or not mounted yet, may be well the next time.
      this.#opened = undefined
      throw error
    })
    await this.#opened
  }

  async #writable(): Promise<void> {
    if (this.#options.use === 'look') throw new VaultError('locked', 'this node was opened for looking only')
    await this.#ready()
  }
}

class DiskRecords implements RecordStorage {
  readonly #threads: DiskThreads
  readonly #scope: string
  readonly #ready: () => Promise<void>

  constructor(threads: DiskThreads, scope: string, ready: () => Promise<void>) {
    this.#threads = threads
    this.#scope = scope
    this.#ready = ready
  }

  async get(name: string): Promise<{ readonly version: number; readonly bytes: Uint8Array } | undefined> {
    await this.#ready()
    return this.#threads.reader.call('record', this.#scope, name)
  }

  async put(name: string, expected: number, bytes: Uint8Array): Promise<boolean> {
    if (bytes.byteLength > recordBytesMax) throw new VaultError('too-large', `${name}: a document of ${bytes.byteLength} bytes; ${recordBytesMax} are the most`)
    await this.#ready()
    return this.#threads.writer.call('putRecord', this.#scope, name, expected, bytes)
  }

  async remove(name: string): Promise<void> {
    await this.#ready()
    await this.#threads.writer.call('removeRecord', this.#scope, name)
  }

  async list(prefix: string): Promise<readonly string[]> {
    await this.#ready()
    return this.#threads.reader.call('recordNames', this.#scope, prefix)
  }
}
