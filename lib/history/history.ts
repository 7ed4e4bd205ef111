// The past of one vault: a database folded from the manifest, brought up to date entry by entry, and asked. Everything
// here is one thread's. What takes long goes in steps, between which others are answered; what is asked sees whole
// entries only, since it reads through a connection of its own.
import type { KeyPage } from '../crypto/key-page.js'
import { openSealed, type Database } from '../../native-deps/sqlite.js'
import type { DeviceId, VaultId } from '../terms/bytes.js'
import { equalBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { openChainSources, type ChainSource } from './chain-source.js'
import { Folding } from './folding.js'
import { Questions } from './questions.js'
import { openHistoryDatabase, removeHistoryDatabase } from './schema.js'

export interface OpenHistory {
  /** The database's file. */
  readonly path: string
  readonly manifestDirectory: string
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  /** This device: its chain is read only as far as it says. */
  readonly deviceId: DeviceId
  readonly page: KeyPage
  /** Pages of the database in memory, of each of its two connections. */
  readonly cacheBytes: number
  /** Gives the thread to others for a moment. */
  readonly breathe: () => Promise<void>
  readonly monotonicMs: () => number
}

export class History {
  readonly #options: OpenHistory
  #writer!: Database
  #reader!: Database
  #folding!: Folding
  questions!: Questions
  #sources: readonly ChainSource[] = []
  /** Sequence up to which our own chain is on the disk. */
  #durable = 0
  #running: Promise<void> | undefined
  #sliceBegan = 0
  #stopping = false
  /** All that the chains of others have is folded: they do not grow while the vault is open. */
  hasFolded = false

  constructor(options: OpenHistory) {
    this.#options = options
    this.#open()
  }

  /** Entries of our own chain up to here are on the disk. */
  durableThrough(sequence: number): void {
    if (sequence > this.#durable) this.#durable = sequence
  }

  /** Folds everything that is durable now. Joins the run under way, which takes what comes meanwhile along. */
  catchUp(): Promise<void> {
    this.#running ??= this.#catchUp().finally(() => { this.#running = undefined })
    return this.#running
  }

  /** Ends the folding under way behind its batch: the next opening goes on from there. */
  stop(): void {
    this.#stopping = true
  }

  /** Sequence of our own chain up to which everything is folded, and bytes of all chains read and to read. */
  get progress(): { readonly folded: number; readonly durable: number; readonly read: number; readonly size: number } {
    const own = this.#sources.find(({ deviceId }) => equalBytes(deviceId, this.#options.deviceId))
    const sum = this.#sources.map(({ progress }) => progress).reduce((all, one) => ({ read: all.read + one.read, size: all.size + one.size }), { read: 0, size: 0 })
    return { folded: own === undefined ? 0 : this.#foldedOf(own), durable: this.#durable, ...sum }
  }

  /** Operations that name what nobody created. */
  get complaints(): number {
    return this.#folding.fold.complaints
  }

  get database(): Database {
    return this.#reader
  }

  close(): void {
    for (const source of this.#sources) source.close()
    this.questions.close()
    this.#reader.close()
    this.#writer.checkpoint('TRUNCATE')
    this.#writer.close()
  }

  // folding

  async #catchUp(): Promise<void> {
    while (!this.#stopping) {
      // What became durable meanwhile is taken along.
      this.#follow()
      if (!this.#folding.isBehind) {
        this.hasFolded = true
        return
      }
      await this.#foldBatch()
      this.questions.changed()
      this.#writer.checkpoint('PASSIVE')
    }
  }

  /** One transaction: some thousand operations, or all there are. */
  async #foldBatch(): Promise<void> {
    this.#sliceBegan = this.#options.monotonicMs()
    this.#writer.begin()
    try {
      for (let operations = 0; operations < limits.historyBatchOperations;) {
        const step = this.#folding.step()
        let turn = step.next()
        for (; turn.done !== true; turn = step.next()) await this.#breatheWhenDue()
        if (turn.value === 0) break
        operations += turn.value
        await this.#breatheWhenDue()
      }
      this.#writer.commit()
    } catch (error) {
      this.#writer.rollback()
      // What the fold remembers of numbers may be ahead of the tables now.
      this.#folding = new Folding(this.#writer)
      this.#folding.follow(this.#sources)
      throw error
    }
  }

  async #breatheWhenDue(): Promise<void> {
    if (this.#options.monotonicMs() - this.#sliceBegan < limits.historySliceMs) return
    await this.#options.breathe()
    this.#sliceBegan = this.#options.monotonicMs()
  }

  /** Ours may have got its first entry since; it is read as far as it is durable. */
  #follow(): void {
    const { manifestDirectory, page, vaultId, ownerPublicKey, deviceId } = this.#options
    const lacksOwn = this.#durable > 0 && !this.#sources.some((source) => equalBytes(source.deviceId, deviceId))
    if (this.#sources.length === 0 || lacksOwn) {
      for (const source of this.#sources) source.close()
      this.#sources = openChainSources({ directory: manifestDirectory, page, vaultId, ownerPublicKey })
      if (!this.#folding.follow(this.#sources)) this.#beginAnew()
    }
    for (const source of this.#sources) if (equalBytes(source.deviceId, deviceId)) source.through = this.#durable
  }

  /** The database tells of entries that the chains don't have: it is older or newer than they are, so it counts for nothing. */
  #beginAnew(): void {
    this.#reader.close()
    this.#writer.close()
    removeHistoryDatabase(this.#options.path)
    this.#open()
    if (!this.#folding.follow(this.#sources)) throw new VaultError('chain-broken', 'The manifest can not be read from its beginning', { subject: 'manifest' })
  }

  #open(): void {
    const { path, page } = this.#options
    const key = page.key('history')
    this.#writer = openHistoryDatabase({ path, key, cacheBytes: this.#options.cacheBytes }).database
    this.#reader = openSealed(path, key, { synchronous: 'NORMAL', cacheBytes: this.#options.cacheBytes })
    this.#folding = new Folding(this.#writer)
    this.questions = new Questions(this.#reader, { page, breathe: this.#options.breathe, progress: () => this.progress })
  }

  #foldedOf({ deviceId }: ChainSource): number {
    return this.#reader.prepare<[Uint8Array], number>('SELECT sequence FROM device WHERE id = ?', 'first').get(deviceId) ?? 0
  }
}
