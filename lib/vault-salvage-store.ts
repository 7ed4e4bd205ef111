// Opens what is left of a store for salvaging, without a byte written to it: the databases as copies in a folder of ours,
// manifest, log and segments where they lie, for reading. Says what is missing, and what the present is taken from: the
// catalog where it is sound (it lacks nothing but what is only in the log), else what can be read of the manifest.
import { closeSync, constants, copyFileSync, existsSync, mkdirSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { openSealed } from '../native-deps/sqlite.js'
import { SavedBlobs } from './cache/saved-blobs.js'
import { Catalog } from './catalog/catalog.js'
import { KeyRing } from './crypto/key-ring.js'
import type { KeyPage } from './crypto/key-page.js'
import { CurrentRows } from './history/current-rows.js'
import { SavedPast, scanChains, type ChainGap } from './history/saved-past.js'
import { segmentName, segmentOfName } from './log/disk.js'
import { saveLog, type SavedLog } from './log/log-salvage.js'
import { openNodeDisk } from './log/node-disk.js'
import { deviceOfChainName, type SavedChain } from './manifest/chain-salvage.js'
import { hex, type DeviceId, type VaultId } from './terms/bytes.js'
import type { Clock } from './terms/clock.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { decodeAttributes } from './tree/entry-codec.js'
import { rootIno, type Moment } from './tree/entry.js'
import { writeCatalog } from './vault-rebuild.js'
import { MendedBlobs } from './vault-salvage-blobs.js'
import type { SalvageHooks, SalvageProblem } from './vault-salvage-report.js'
import { goesWith, SavedPresent } from './vault-salvage-present.js'
import type { ContentReaders } from './vault-salvage-content.js'
import { damageOf } from './vault-verify-context.js'
import { BlobOpener } from './workers/blob-opener.js'
import { LogOpener } from './workers/log-opener.js'

export interface OpenSaved {
  readonly store: string
  /** A folder of ours, empty, on a disk with room for the store's databases. */
  readonly scratch: string
  readonly page: KeyPage
  readonly vaultId: VaultId
  readonly clock: Clock
  /** Whether the past is asked for as well. */
  readonly wantsPast: boolean
  readonly hooks: SalvageHooks
}

export interface SavedStore {
  readonly present: SavedPresent
  readonly source: 'catalog' | 'manifest'
  readonly past: SavedPast | undefined
  readonly readers: ContentReaders
  /** Something of the store is lost: entries may have lost their place. */
  readonly isHurt: boolean
  close(): void
}

export async function openSaved(options: OpenSaved): Promise<SavedStore> {
  const opening = new Opening(options)
  try {
    return await opening.open()
  } catch (error) {
    opening.close()
    throw error
  }
}

class Opening {
  readonly #options: OpenSaved
  readonly #closing: (() => void)[] = []
  #isHurt = false

  constructor(options: OpenSaved) {
    this.#options = options
  }

  close(): void {
    for (const close of this.#closing.splice(0).reverse()) close()
  }

  async open(): Promise<SavedStore> {
    const { scratch, wantsPast } = this.#options
    const { chains, gaps } = await scanChains(this.#folding(''))
    this.#closing.push(() => { for (const chain of chains) chain.close() })
    if (chains.every(({ places }) => places.length === 0)) this.#tell('note', 'no entry of the manifest can be read')
    const log = this.#log()
    const stored = this.#storedCatalog()
    const isCatalogSound = stored !== undefined
    const needsPast = wantsPast || stored === undefined || !goesWith(log, stored.marks().appliedLsn)
    const past = needsPast ? await this.#past(chains, gaps, isCatalogSound) : undefined
    if (!needsPast) this.#tellGaps(gaps, true)
    const catalog = stored ?? await this.#catalogOf(past, join(scratch, 'made.db'))
    const present = new SavedPresent({ catalog, log, isStored: isCatalogSound, publishedTime: timesIn(past) })
    this.#tellLog(log, present)
    const readers = this.#readers(log)
    if (readers.blobs.indexFault !== undefined) this.#tell('note', `the index of the cache is not used (${readers.blobs.indexFault}): blobs are looked for in the segments`)
    return { present, source: isCatalogSound ? 'catalog' : 'manifest', past, readers, isHurt: this.#isHurt, close: () => { this.close() } }
  }

  #tell(kind: SalvageProblem['kind'], message: string): void {
    if (kind === 'store') this.#isHurt = true
    this.#options.hooks.onProblem({ kind, path: null, message })
  }

  readonly #step = async (done: number, total: number): Promise<void> => {
    const { onProgress, signal } = this.#options.hooks
    signal.throwIfAborted()
    onProgress({ phase: 'manifest', done, total })
    await Promise.resolve()
  }

  #folding(path: string): Parameters<typeof scanChains>[0] {
    const { store, vaultId, page } = this.#options
    return { path, manifestDirectory: join(store, 'manifest'), vaultId, page, step: this.#step }
  }

  /** Undefined: there is none that is sound. */
  #storedCatalog(): Catalog | undefined {
    const path = this.#copy('catalog.db')
    if (path === undefined) {
      this.#tell('note', 'the catalog is missing: the present is made of the manifest and the log')
      return undefined
    }
    const fault = this.#fault(path, 'catalog')
    const catalog = fault === undefined ? this.#openCatalog(path) : undefined
    if (catalog?.entry(rootIno) !== undefined) return catalog
    this.#tell('note', `the catalog is not used (${fault ?? 'there is nothing in it'}): the present is made of the manifest and the log`)
    return undefined
  }

  #openCatalog(path: string): Catalog {
    const { page, clock } = this.#options
    const catalog = new Catalog({
      path, key: page.key('catalog'), cacheBytes: limits.catalogCacheBytes, sliceMs: limits.catalogSliceMs,
      monotonicMs: () => clock.monotonicMs(), breathe: () => new Promise((resolve) => setImmediate(resolve)),
    })
    this.#closing.push(() => { catalog.close() })
    return catalog
  }

  /** What is wrong with a copy of a sealed database; undefined: nothing. */
  #fault(path: string, key: 'catalog' | 'history'): string | undefined {
    try {
      const database = openSealed(path, this.#options.page.key(key))
      try {
        const answer = String(database.pragma('integrity_check(1)'))
        return answer === 'ok' ? undefined : answer.replaceAll('\n', ' ')
      } finally {
        database.close()
      }
    } catch (error) {
      return damageOf(error)
    }
  }

  async #past(chains: readonly SavedChain[], gaps: readonly ChainGap[], isCatalogSound: boolean): Promise<SavedPast> {
    const { scratch } = this.#options
    const copy = gaps.length === 0 ? undefined : this.#copy('history.db')
    const isCovered = copy !== undefined && this.#fault(copy, 'history') === undefined && coversGaps(copy, this.#options.page, gaps)
    const past = await SavedPast.fold(this.#folding(isCovered ? copy : join(scratch, 'past.db')), chains, gaps.length === 0)
    this.#closing.push(() => { past.close() })
    if (isCovered) this.#tell('note', `entries ${gapsText(gaps)} of the manifest can't be read; what they said is in the database of the past`)
    else this.#tellGaps(gaps, isCatalogSound && !this.#options.wantsPast)
    return past
  }

  #tellGaps(gaps: readonly ChainGap[], isHarmless: boolean): void {
    if (gaps.length === 0) return
    if (isHarmless) this.#tell('note', `entries ${gapsText(gaps)} of the manifest can't be read: of the present nothing is lost by it, since the catalog has it`)
    else this.#tell('store', `entries ${gapsText(gaps)} of the manifest can't be read: what they said is missing, so that files may be older than they were, in another place, or not there`)
  }

  async #catalogOf(past: SavedPast | undefined, path: string): Promise<Catalog> {
    const { page, clock } = this.#options
    if (past !== undefined) await writeCatalog({ page, clock, others: 0 }, path, new CurrentRows(past.database), () => undefined)
    return this.#openCatalog(path)
  }

  #log(): SavedLog {
    const { store, vaultId, page } = this.#options
    const directory = join(store, 'log')
    const owners = devicesOf(store).map((device) => ({ vault: vaultId, device }))
    if (!existsSync(directory) || owners.length === 0) {
      const device = owners[0]?.device ?? new Uint8Array(16) as Uint8Array as DeviceId
      return { records: [], gaps: [], firstLsn: 0, lastLsn: 0, headless: [], owner: { vault: vaultId, device } }
    }
    const disk = openNodeDisk({ directory, readOnly: true })
    try {
      return saveLog(disk, owners, page.key('log'))
    } finally {
      disk.close()
    }
  }

  #tellLog(log: SavedLog, present: SavedPresent): void {
    if (log.headless.length > 0) this.#tell('note', `log/${log.headless.join(', log/')}: the header can't be read, the records behind it can`)
    if (log.gaps.length > 0) {
      this.#tell('store', `records ${log.gaps.map(({ from, to }) => rangeText(from, to)).join(', ')} of the log can't be read: what was written and named with them is missing, in whichever files that was`)
    }
    if (!present.isComplete) this.#tell('store', 'the log is lost or older than the catalog: what was written last, and not published, may be missing')
    if (present.leftOut > 0) this.#tell('store', `${present.leftOut} records of the log make no sense without what is lost and were left out`)
  }

  #readers(log: SavedLog): ContentReaders {
    const { store, scratch, page } = this.#options
    const index = this.#copy(join('cache', 'cache.db'))
    const saved = new SavedBlobs({ directory: join(store, 'cache'), found: join(scratch, 'found.db'), ...(index === undefined ? {} : { index }) })
    const blobs = new MendedBlobs(saved, (note) => { this.#tell('note', note) })
    const keys = new KeyRing(page)
    const opener = new BlobOpener(blobs, keys, { tables: 64, frames: 16 })
    const opened = new LogOpener({ owner: log.owner, key: page.key('log'), pathOf: (segment) => join(store, 'log', segmentName(segment)), extentsMax: 16 })
    this.#closing.push(() => {
      opener.close()
      keys.wipe()
      opened.close()
      blobs.close()
    })
    return { blobs, opener, log: opened }
  }

  /** With what SQLite has not put into it yet. Undefined: it is not there, or the disk does not give it. */
  #copy(name: string): string | undefined {
    const { store, scratch } = this.#options
    const target = join(scratch, name)
    mkdirSync(join(target, '..'), { recursive: true })
    try {
      copyFileSync(join(store, name), target, constants.COPYFILE_FICLONE)
      const ahead = join(store, `${name}-wal`)
      if (existsSync(ahead)) copyFileSync(ahead, `${target}-wal`, constants.COPYFILE_FICLONE)
      return target
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'EIO') return undefined
      throw error
    }
  }
}

function coversGaps(path: string, page: KeyPage, gaps: readonly ChainGap[]): boolean {
  const database = openSealed(path, page.key('history'))
  try {
    const reach = database.prepare<[Uint8Array], number>('SELECT sequence FROM device WHERE id = ?', 'first')
    return gaps.every(({ device, to }) => (reach.get(Buffer.from(device, 'hex')) ?? 0) >= to)
  } catch (error) {
    if (error instanceof VaultError) return false
    throw error
  } finally {
    database.close()
  }
}

/** When each file's published content was changed. */
function timesIn(past: SavedPast | undefined): (ino: number) => Moment | undefined {
  if (past === undefined) return () => undefined
  const rows = new CurrentRows(past.database)
  return (ino) => {
    const record = rows.entry(ino)?.record
    if (record === undefined) return undefined
    const { entry: { mtimeSec, mtimeNsec } } = decodeAttributes(record, 0, ino)
    return { sec: mtimeSec, nsec: mtimeNsec }
  }
}

/** Whose the log may be: the store's own device, all that have a chain, and those that segments say (each may be damaged). */
function devicesOf(store: string): DeviceId[] {
  const listed = (folder: string): string[] => (existsSync(join(store, folder)) ? readdirSync(join(store, folder)) : [])
  const found = [
    // Magic and vault, then the device. FORMAT §6.2
    headOf(join(store, 'device')).subarray(40, 56), ...listed('manifest').map(deviceOfChainName).filter((device) => device !== undefined),
    // LOG.md §2
    ...listed('log').filter((name) => segmentOfName(name) !== undefined).map((name) => headOf(join(store, 'log', name)).subarray(48, 64)),
  ].filter((device) => device.byteLength === 16)
  return [...new Map(found.map((device) => [hex(device), Uint8Array.from(device) as Uint8Array as DeviceId])).values()]
}

/** Fewer bytes where there are none. */
function headOf(path: string): Uint8Array {
  try {
    const fd = openSync(path, 'r')
    try {
      const head = new Uint8Array(64)
      return head.subarray(0, readSync(fd, head, 0, head.byteLength, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return new Uint8Array(0)
  }
}

function gapsText(gaps: readonly ChainGap[]): string {
  return gaps.map(({ from, to }) => rangeText(from, to)).join(', ')
}

function rangeText(from: number, to: number): string {
  return from === to ? String(from) : `${from} to ${to}`
}
