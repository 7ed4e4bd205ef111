// The worker threads from the main thread's side: readers at normal priority, bulk threads at low priority, one keeper
// that waits for the disk. A thread that dies takes the pool with it: everything rejects, now and later, because what
// was lost with it can't be known.
import { availableParallelism } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import { preferLargePages } from '../../native-deps/system.js'
import { encodeBlobReference, type BlobReference } from '../format/blob-reference.js'
import { extentOverheadBytes } from '../format/log-record.js'
import type { ChunkerParameters } from '../format/vault-header.js'
import type { BlobStatistics } from '../store/blob-cache-port.js'
import type { Piece } from '../store/content-piece.js'
import type { SealedExtent } from '../store/log-port.js'
import type { Cut, CutRequest, Lease, PoolPort, PoolStatistics } from '../store/pool-port.js'
import type { BlobId } from '../terms/bytes.js'
import { invariant, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { usualMemory, type MemoryLimits } from '../terms/memory.js'
import type { Logger } from '../terms/log.js'
import { CutQueue } from './cut-queue.js'
import { openWay, type FolderWay } from './folder-way.js'
import type { Answer, BulkJob, KeeperJob, ReaderJob } from './messages.js'
import { PendingJobs } from './pending-jobs.js'
import { encodePieces } from './piece-codec.js'
import { placeExtents, type ExtentToSeal } from './seal-places.js'
import { affinityOf, ReaderGroup, readersMax } from './reader-group.js'
import { leaseOf, Slots } from './slots.js'
import { threadEntry, type SpareThreads } from './spare-threads.js'
import { WorkerLink } from './worker-link.js'
import type { CommonSetup, WorkerSetup } from './worker-setup.js'

export interface PoolOptions extends CommonSetup {
  /** Of the vault's header. */
  readonly chunker: ChunkerParameters
  readonly logger: Logger
  /** Threads that cut and seal, at least one; by default one for each processor. `startsLate`: they, and a second reader, begin with the first work. */
  readonly bulkThreads?: number
  readonly startsLate?: boolean
  readonly segmentBytesMax?: number
  /** Room for answers and for what readers keep; absent: the usual. */
  readonly memory?: MemoryLimits
  /** The compiled entry of the threads; another one in tests only. */
  readonly entry?: URL
  /** Threads that wait already are taken first. */
  readonly spare?: SpareThreads
}

const mebibyte = 1024 * 1024
const smallSlotBytes = limits.readAroundBytesMax

/** A second reader begins so long after the first threads: a mount shall be quick. */
const secondReaderMs = 500
/** And threads that cut and seal with the first write, or then: whoever mounts to read shall not share the processor with their beginning. */
const bulkMs = 5000

interface Links { readonly readers: ReaderGroup; readonly keeper: WorkerLink<KeeperJob> }

/** Starts the threads; resolves when it can read. Rejects with what kept a thread from starting; none is left then. */
export function openPool(options: PoolOptions): Promise<Pool> {
  const { pool, started } = beginPool(options)
  return started.then(() => pool)
}

/** As openPool, and the pool is there at once: it refuses work until it has `started`. */
export function beginPool(options: PoolOptions): { readonly pool: Pool; readonly started: Promise<void> } {
  const pool = new Pool(options.logger, options.memory ?? usualMemory)
  const started = pool.start(options).catch(async (error: unknown) => {
    await pool.abort()
    throw error
  })
  return { pool, started }
}

export class Pool implements PoolPort {
  readonly #logger: Logger
  readonly #pending = new PendingJobs()
  readonly #memory: MemoryLimits
  readonly #large: Slots
  readonly #small: Slots
  readonly #seal: Slots
  readonly #started: { terminate(): Promise<void> }[] = []
  /** Also those that are not ready yet. */
  readonly #readerLinks: WorkerLink<ReaderJob>[] = []
  #links: Links | undefined
  #bulk: readonly WorkerLink<BulkJob>[] = []
  #cuts: CutQueue | undefined
  /** Undefined when the pool is not open, or they were. */
  #startBulk: (() => void) | undefined
  #blobs: BlobStatistics = { blobs: 0, bytes: 0 }
  #storedBytes = 0
  #failure: VaultError | undefined
  #spare: SpareThreads | undefined
  /** To the cache. */
  #way: FolderWay | undefined

  constructor(logger: Logger, memory: MemoryLimits) {
    this.#logger = logger
    this.#memory = memory
    this.#large = new Slots(memory.readSlots, mebibyte)
    preferLargePages(new Uint8Array(this.#large.shared))
    this.#small = new Slots(memory.smallReadSlots, smallSlotBytes)
    this.#seal = new Slots(memory.sealSlots, mebibyte)
  }

  /** Once, by beginPool. */
  async start(options: PoolOptions): Promise<void> {
    const { entry = threadEntry, bulkThreads = availableParallelism(), segmentBytesMax = limits.blobSegmentBytesMax, chunker } = options
    invariant(bulkThreads >= 1, 'at least one bulk thread')
    this.#spare = options.spare
    const setup: CommonSetup = {
      cacheDirectory: options.cacheDirectory, logDirectory: options.logDirectory, keyPage: options.keyPage, arena: options.arena,
      vault: new Uint8Array(options.vault), device: new Uint8Array(options.device),
    }
    const channels = Array.from({ length: bulkThreads }, () => new MessageChannel())
    const writers = channels.map(({ port1 }) => port1)
    const keeper = this.#link<KeeperJob>(entry, { role: 'keeper', cacheDirectory: setup.cacheDirectory, writers, segmentBytesMax, indexCacheBytes: this.#memory.indexCacheBytes }, writers)
    // It makes the index that the others open, and knows which segments have room.
    const opened = await keeper.ready
    this.#way = openWay(setup.cacheDirectory)
    const common: CommonSetup = { ...setup, cacheDirectory: this.#way.path }
    this.#blobs = opened.statistics ?? this.#blobs
    const nextSegment = new SharedArrayBuffer(4)
    new Int32Array(nextSegment)[0] = opened.nextSegment ?? 1
    const slots = { readSlots: this.#large.shared, smallSlots: this.#small.shared, sealSlots: this.#seal.shared }
    const startReader = (isExtra = false): WorkerLink<ReaderJob> => {
      const link = this.#link<ReaderJob>(entry, { ...common, role: 'reader', ...slots, openedFramesMax: this.#memory.openedFramesMax }, [], isExtra)
      this.#readerLinks.push(link)
      return link
    }
    const reader = startReader()
    await reader.ready
    const readers = new ReaderGroup()
    readers.add(reader)
    this.#links = { readers, keeper }
    const startAnother = (count: number): void => {
      if (count > readersMax() || this.#links === undefined) return
      const another = startReader(true)
      another.ready.then(() => {
        readers.add(another)
        readers.whenCrowded(() => { startAnother(count + 1) })
      }, (error: unknown) => { this.#logger.log('warn', 'another thread that reads could not begin', { reason: String(error) }) })
    }
    this.#startBulk = () => {
      this.#startBulk = undefined
      this.#useBulk(channels.map(({ port2 }, index) => this.#link<BulkJob>(
        entry, { ...common, role: 'bulk', chunker, keeper: port2, nextSegment, partial: opened.partial?.[index], segmentBytesMax }, [port2],
      )))
      if (options.startsLate === true) startAnother(2)
    }
    if (options.startsLate === true) return
    setTimeout(startAnother, secondReaderMs, 2).unref()
    setTimeout(() => { this.#startBulk?.() }, bulkMs).unref()
  }

  #useBulk(bulk: readonly WorkerLink<BulkJob>[]): void {
    for (const { ready } of bulk) ready.catch((error: unknown) => { this.#fail(error) })
    this.#bulk = bulk
    this.#cuts = new CutQueue(bulk, this.#pending, (references) => {
      for (const { sealedLength } of references) this.#storedBytes += sealedLength
    })
  }

  async read(pieces: readonly Piece[]): Promise<Lease> {
    const { readers } = this.#open()
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (length > limits.readBytesMax) throw new VaultError('too-large', `a read of ${length} bytes (at most ${limits.readBytesMax})`)
    const slots = length <= smallSlotBytes ? this.#small : this.#large
    const encoded = encodePieces(pieces)
    const slot = slots.takeNow() ?? (await slots.take(1))[0] ?? 0
    try {
      await readers.use(slots === this.#small ? affinityOf(pieces) : undefined, (link) => this.#pending.run((id) => {
        link.post({ kind: 'read', id, slot: slots === this.#small ? -1 - slot : slot, length, pieces: encoded })
      }))
    } catch (error) {
      slots.give([slot])
      throw error
    }
    return leaseOf(new Uint8Array(slots.shared, slot, length), () => { slots.give([slot]) })
  }

  prepare(): void {
    this.#startBulk?.()
  }

  async cut(requests: readonly CutRequest[]): Promise<readonly Cut[]> {
    this.#open()
    return this.#cutQueue().cut(requests)
  }

  async sealExtents(extents: readonly ExtentToSeal[], generation: number): Promise<{ readonly extents: readonly SealedExtent[]; release(): void }> {
    const { readers } = this.#open()
    const { slots: count, place } = placeExtents(extents, this.#seal.slotBytes)
    if (count > this.#seal.count) throw new VaultError('too-large', `${extents.length} extents to seal need ${count} MiB (at most ${this.#seal.count})`)
    const slots = await this.#seal.take(count)
    const { places, fields } = place(slots)
    try {
      await readers.use(undefined, (link) => this.#pending.run((id) => { link.post({ kind: 'seal', id, generation, extents: fields }) }))
    } catch (error) {
      this.#seal.give(slots)
      throw error
    }
    const sealed = extents.map(({ ino, offset, length }, index) => ({
      ino, offset, length, sealed: new Uint8Array(this.#seal.shared, places[index] ?? 0, length + extentOverheadBytes),
    }))
    const lease = leaseOf(new Uint8Array(0), () => { this.#seal.give(slots) })
    return { extents: sealed, release: () => { lease.release() } }
  }

  async storePages(pages: readonly Uint8Array[]): Promise<readonly BlobReference[]> {
    this.#open()
    return this.#cutQueue().storePages(pages)
  }

  async readPage(reference: BlobReference): Promise<Uint8Array> {
    const { readers } = this.#open()
    const encoded = encodeBlobReference(reference)
    const { value } = await readers.use(reference.blobId[0], (link) => this.#pending.run((id) => { link.post({ kind: 'page', id, reference: encoded }) }))
    invariant(value instanceof Uint8Array, 'a page comes back')
    return value
  }

  /**
   * Forgets blobs and frees their bytes; unknown ones are skipped. The caller has durably dropped the last reference to
   * each, and no store of the same bytes is under way.
   */
  async deleteBlobs(blobIds: readonly BlobId[]): Promise<void> {
    const { keeper } = this.#open()
    const packed = new Uint8Array(blobIds.length * 32)
    blobIds.forEach((blobId, index) => { packed.set(blobId, index * 32) })
    await this.#pending.run((id) => { keeper.post({ kind: 'delete', id, blobIds: packed }) })
  }

  statistics(): PoolStatistics {
    const waiting = (this.#cuts?.waiting ?? 0) + this.#large.waiting + this.#small.waiting + this.#seal.waiting
    return { queuedJobs: this.#pending.size + waiting, blobs: this.#blobs.blobs, blobBytes: this.#blobs.bytes, storedBytes: this.#storedBytes }
  }

  /** Waits for what is under way; what waits in line, and what comes later, is turned away. */
  async close(): Promise<void> {
    const links = this.#links
    if (links === undefined) return
    this.#links = undefined
    this.#startBulk = undefined
    this.#refuse(new VaultError('cancelled', 'the worker threads are closed'))
    await this.#pending.idle()
    if (this.#failure !== undefined) return this.abort()
    await Promise.all([...this.#readerLinks, ...this.#bulk].map((link) => link.close()))
    await links.keeper.close()
    this.#way?.close()
  }

  async abort(): Promise<void> {
    this.#links = undefined
    this.#startBulk = undefined
    await Promise.all(this.#started.map((link) => link.terminate()))
    this.#way?.close()
  }

  #open(): Links {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#links === undefined) throw new VaultError('cancelled', 'the worker threads are closed')
    return this.#links
  }

  #cutQueue(): CutQueue {
    this.#startBulk?.()
    invariant(this.#cuts !== undefined, 'the pool was started')
    return this.#cuts
  }

  #link<Job extends { readonly kind: string }>(entry: URL, setup: WorkerSetup, transfer: ConstructorParameters<typeof WorkerLink>[0]['transfer'], isExtra = false): WorkerLink<Job> {
    const link = new WorkerLink<Job>({
      entry, setup, transfer, isExtra, thread: this.#spare?.take(setup.role),
      onAnswer: (answer) => { this.#answered(answer) },
      onDeath: (error) => { this.#fail(error) },
    })
    this.#started.push(link)
    return link
  }

  #answered(answer: Answer): void {
    if (answer.kind === 'ready') return
    if (answer.kind === 'log') return this.#logger.log(answer.level, answer.message, answer.fields)
    if (answer.kind === 'done' && answer.statistics !== undefined) this.#blobs = answer.statistics
    this.#pending.settle(answer.kind === 'failed' && this.#way !== undefined ? { ...answer, error: this.#way.named(answer.error) } : answer)
  }

  #fail(cause: unknown): void {
    const error = cause instanceof VaultError ? cause : new VaultError('broken-invariant', String(cause), { cause })
    this.#failure ??= error
    this.#refuse(error)
    this.#pending.rejectAll(error)
  }

  #refuse(error: Error): void {
    for (const slots of [this.#large, this.#small, this.#seal]) slots.refuse(error)
    this.#cuts?.refuse(error)
  }
}
