// An open vault: its parts, married here, and the few operations that need more than one of them. Decides nothing about
// names or permissions (mount/ops) and nothing about when to publish (vault-upkeep.ts).
import { statfsSync, type StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Catalog } from './catalog/catalog.js'
import type { Contents } from './content/contents.js'
import type { OpenContent } from './content/open-content.js'
import type { Publisher } from './content/publisher.js'
import type { Reading } from './content/reading.js'
import { clear, copyRange, resize, type CopyRange } from './content/splicing.js'
import type { HistoryPort } from './store/history-port.js'
import type { RetentionPolicy } from './terms/retention.js'
import type { LogPort } from './store/log-port.js'
import { recordKind } from './store/log-port.js'
import type { ManifestPort } from './store/manifest-port.js'
import type { PoolPort } from './store/pool-port.js'
import type { EntryId } from './terms/bytes.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'
import { VaultError, fromErrno } from './terms/errors.js'
import type { Logger } from './terms/log.js'
import type { CatalogFeed } from './tree/catalog-feed.js'
import { Change } from './tree/change.js'
import type { Moment } from './tree/entry.js'
import { EntryIds } from './tree/entry-ids.js'
import type { Tree } from './tree/tree.js'
import type { Unpublished } from './tree/unpublished.js'
import { DamageMet } from './vault-damage-met.js'
import { StoreHome } from './vault-home.js'
import { pathNow } from './vault-path-now.js'

export interface VaultParts {
  readonly store: string
  readonly tree: Tree
  readonly unpublished: Unpublished
  readonly contents: Contents
  readonly reading: Reading
  readonly publisher: Publisher
  readonly feed: CatalogFeed
  readonly catalog: Catalog
  readonly log: LogPort
  readonly pool: PoolPort
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  readonly readOnly: boolean
  readonly manifest: ManifestPort
  readonly history: HistoryPort
  readonly retention: RetentionPolicy
}

export interface Space {
  readonly blocks: number
  readonly blocksFree: number
  readonly blocksAvailable: number
  readonly files: number
  readonly filesFree: number
  readonly blockSize: number
  readonly nameLengthMax: number
}


export class Vault {
  readonly #parts: VaultParts
  /** The log can't take more (a full or failing disk): changes are refused until a flush works again. */
  #refusal: VaultError | undefined
  /** An invariant broke: reads only, nothing is published any more. */
  #failsafe: VaultError | undefined
  #isDown = false
  readonly #home: StoreHome
  #away: VaultError | undefined
  /** Each is used once; drawn many at a time because each draw is a system call. */
  #entryIds: EntryIds | undefined
  /** Since the vault was opened. */
  writtenBytes = 0
  /** The disk has no room for what was asked last (vault-room.ts); what gives some back is allowed. */
  short: VaultError | undefined
  /** Told after each manifest entry of ours. */
  onPublished: () => void = () => undefined
  /** Told when retention has let go of something. */
  onForgotten: () => void = () => undefined

  /** What was asked for and can't be read. */
  readonly damageMet: DamageMet

  constructor(parts: VaultParts) {
    this.#parts = parts
    this.#home = new StoreHome(parts.store)
    this.damageMet = new DamageMet({ logger: parts.logger, pathOf: (ino) => pathNow(parts, ino) })
  }

  get tree(): Tree {
    return this.#parts.tree
  }

  get contents(): Contents {
    return this.#parts.contents
  }

  get reading(): Reading {
    return this.#parts.reading
  }

  get parts(): VaultParts {
    return this.#parts
  }

  get failsafe(): VaultError | undefined {
    return this.#failsafe
  }

  /** Why nothing may be changed now; undefined: it may. */
  get refusal(): VaultError | undefined {
    return this.#failsafe ?? (this.#parts.readOnly ? readOnlyError : this.#away ?? this.#refusal)
  }

  /** The store was moved away, when it was looked at last: what is logged is in it, nothing more is done by its path. */
  get away(): VaultError | undefined {
    return this.#away
  }

  /** Looks whether the store is where it was. */
  lookHome(): VaultError | undefined {
    const away = this.#home.elsewhere()
    if ((away === undefined) !== (this.#away === undefined)) this.#parts.logger.log('error', away === undefined ? 'the store is back' : 'changes are refused', { reason: (away ?? this.#away)?.message ?? '' })
    this.#away = away
    return away
  }

  now(): Moment {
    return this.#parts.clock.now()
  }

  newIno(): number {
    return this.#parts.tree.nextIno++
  }

  newEntryId(): EntryId {
    this.#entryIds ??= new EntryIds(this.#parts.entropy)
    return this.#entryIds.next()
  }

  change(): Change {
    const { tree, unpublished, log, clock } = this.#parts
    return new Change({ tree, unpublished, append: (body) => log.append(recordKind.images, body), nowMs: () => clock.monotonicMs() })
  }

  write(content: OpenContent, offset: number, data: Uint8Array): number | Promise<number> {
    this.writtenBytes += data.byteLength
    return this.#parts.contents.write(content, offset, data)
  }

  resize(content: OpenContent, size: number): Promise<void> | undefined {
    return this.#pinned(content, resize(content, size, this.#parts.contents.context))
  }

  clear(content: OpenContent, start: number, end: number, size: number): Promise<void> | undefined {
    return this.#pinned(content, clear(content, start, end, size, this.#parts.contents.context))
  }

  #pinned(content: OpenContent, work: Promise<void> | undefined): Promise<void> | undefined {
    return work === undefined ? undefined : this.#parts.contents.pinned(content, work)
  }

  copyRange(range: CopyRange): Promise<number> {
    const { contents } = this.#parts
    return contents.pinned(range.from, contents.pinned(range.to, copyRange(range, contents.context)))
  }

  /** Hands what was logged to the kernel. On a full disk the records stay queued, and changes are refused until it works. */
  flushLog(): void {
    try {
      this.#parts.log.flush()
      this.#parts.contents.flushed()
      this.#refusal = undefined
    } catch (error) {
      this.refuse(error)
      throw error
    }
  }

  refuse(error: unknown): void {
    const refusal = error instanceof VaultError ? error : fromErrno(error, this.#parts.store)
    if (refusal.code === 'broken-invariant') this.fail(refusal)
    if (this.#refusal?.code !== refusal.code) {
      this.#parts.logger.log('error', 'the log takes no more: changes are refused', { code: refusal.code, reason: refusal.message })
    }
    this.#refusal = refusal
  }

  /** A broken invariant seals the vault: what is on the disk stays as it is. */
  fail(error: VaultError): void {
    if (this.#failsafe !== undefined) return
    this.#failsafe = error
    this.#parts.logger.log('error', 'an invariant broke: the vault is read-only now', { reason: error.message })
  }

  /** Nothing may be asked of it any more: see `shutDown`. */
  get isDown(): boolean {
    return this.#isDown
  }

  /**
   * As if its process ended here: what is logged stays, what is in memory is lost, nothing is read or published any
   * more. May be called twice.
   */
  shutDown(): void {
    if (this.#isDown) return
    this.flushLog()
    this.#isDown = true
    this.#failsafe ??= new VaultError('io', 'The vault was shut down while it was mounted', { next: 'Unmount it and mount it again.' })
    this.#parts.logger.log('warn', 'the vault was shut down: nothing is answered until it is mounted again')
  }

  /** Everything that was logged is on the disk when it resolves. */
  async syncLog(): Promise<void> {
    this.flushLog()
    await this.#parts.log.sync()
  }

  /** Everything that was written before the call is published and on the disk when it resolves. */
  async publishAll(): Promise<void> {
    const { contents, publisher } = this.#parts
    if (this.#isDown && this.#failsafe !== undefined) throw this.#failsafe
    await contents.spillAll()
    this.flushLog()
    if (this.#failsafe !== undefined) throw this.#failsafe
    if (this.#parts.readOnly) return
    const away = this.lookHome()
    if (away !== undefined) throw away
    await publisher.round('all')
  }

  /** Of the disk below. */
  /** Of the store's disk, now: a question that a disk on this machine answers from memory. */
  spaceNow(): Space {
    try {
      return spaceFrom(statfsSync(this.#parts.store))
    } catch (error) {
      throw fromErrno(error, this.#parts.store)
    }
  }

  async space(): Promise<Space> {
    try {
      return spaceFrom(await statfs(this.#parts.store))
    } catch (error) {
      throw fromErrno(error, this.#parts.store)
    }
  }
}

function spaceFrom({ blocks, bfree, bavail, files, ffree, bsize }: StatsFs): Space {
  return { blocks, blocksFree: bfree, blocksAvailable: bavail, files, filesFree: ffree, blockSize: bsize, nameLengthMax: 255 }
}

const readOnlyError = new VaultError('read-only', 'The vault is mounted read-only', { next: 'Mount it without --read-only.' })
