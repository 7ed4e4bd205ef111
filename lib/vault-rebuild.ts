// Makes everything anew that is derived: the database of the past from the manifest, the catalog from that, the index of
// the cache from its segments; then the log is replayed over it, as at every mount. The old catalog stays in its place
// until the new one is whole. Whatever breaks this off, it can be begun again.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Catalog } from './catalog/catalog.js'
import { decodeContent, type Run } from './content/content-reference.js'
import { runsOf } from './content/content-tree.js'
import type { BlobReference } from './format/blob-reference.js'
import { CurrentRows } from './history/current-rows.js'
import { History } from './history/history.js'
import { ownInoBase } from './history/rows.js'
import { removeHistoryDatabase } from './history/schema.js'
import { logMadeAnew, type CatalogBatch, type CatalogRow } from './store/catalog-port.js'
import { VaultError, fromErrno } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { decodeAttributes, encodeAttributes, encodedAttributesBytes } from './tree/entry-codec.js'
import { isDirectory, isFile, rootIno } from './tree/entry.js'
import { Chain } from './vault-chain.js'
import { openStore, type OpenStore } from './vault-open.js'
import { setStaleLogAside } from './vault-stale-log.js'
import type { Vault } from './vault.js'

export interface RebuildProgress {
  /** 'manifest': bytes read of it; 'catalog': entries and names; 'contents': versions of files looked through for their chunks. */
  readonly phase: 'manifest' | 'catalog' | 'contents'
  readonly done: number
  readonly total: number
}

export interface Rebuilt {
  readonly entries: number
  /** Published states that can be looked into. */
  readonly moments: number
  readonly pastRows: number
  readonly blobs: number
  /** Contents of which pages are missing or damaged: their bytes may be. */
  readonly damagedContents: number
  /** Manifest operations that name what nobody created. */
  readonly complaints: number
  /** Where the log was put that is older than the catalog was; null: it was used. */
  readonly logAside: string | null
}

const batchRows = 20_000

/** The store is nobody else's meanwhile: the caller holds its lock. Rejects with what is wrong with the manifest or the log. */
export async function rebuildStore(options: OpenStore, onProgress: (progress: RebuildProgress) => void): Promise<Rebuilt> {
  const read = await readManifest(options, onProgress)
  removeDatabase(join(options.store, 'cache', 'cache.db'))
  return await findBlobs(options, read, onProgress)
}

/** The past and the catalog, of which no blob is needed. The rest is `findBlobs`'s. */
export async function readManifest(options: OpenStore, onProgress: (progress: RebuildProgress) => void): Promise<ManifestRead> {
  const { store } = options
  const fresh = join(store, 'catalog.new')
  if (!existsSync(join(store, 'manifest'))) throw noManifest(store)
  // Takes up the chain, and with it what a crash left at its end.
  const chain = await Chain.open(options)
  await chain.close()
  removeDatabase(fresh)
  const logAside = await setStaleLogAside(options)
  const folded = await foldManifest({ ...options, others: chain.others }, fresh, onProgress)
  await putInPlace(fresh, join(store, 'catalog.db'), store)
  return { ...folded, logAside }
}

/** Which chunks the cache has; its index is made when there is none. */
export async function findBlobs(options: OpenStore, { moments, pastRows, complaints, logAside }: ManifestRead, onProgress: (progress: RebuildProgress) => void): Promise<Rebuilt> {
  const opened = await openStore(options)
  try {
    const damagedContents = await findChunks(opened.vault, onProgress)
    await opened.upkeep.apply()
    const { entries } = opened.vault.parts.catalog.counts()
    const { blobs } = opened.vault.parts.pool.statistics()
    return { entries, moments, pastRows, blobs, damagedContents, complaints, logAside }
  } finally {
    await opened.close()
  }
}

type Folded = Pick<Rebuilt, 'moments' | 'pastRows' | 'complaints'>
export type ManifestRead = Folded & Pick<Rebuilt, 'logAside'>

async function foldManifest(options: OpenStore & Pick<MadeOf, 'others'>, fresh: string, onProgress: (progress: RebuildProgress) => void): Promise<Folded> {
  const { store, page, header, identity, clock } = options
  const path = join(store, 'history.db')
  removeHistoryDatabase(path)
  const history = new History({
    path, manifestDirectory: join(store, 'manifest'), vaultId: header.vaultId, ownerPublicKey: header.ownerPublicKey,
    deviceId: identity.member.deviceId, page, cacheBytes: limits.historyRebuildCacheBytes, monotonicMs: () => clock.monotonicMs(),
    breathe: () => {
      const { read, size } = history.progress
      onProgress({ phase: 'manifest', done: read, total: size })
      return new Promise((resolve) => setImmediate(resolve))
    },
  })
  try {
    history.durableThrough(Infinity)
    await history.catchUp()
    const rows = new CurrentRows(history.database)
    if (rows.entries(0, 1)[0]?.ino !== rootIno) throw noManifest(store)
    await writeCatalog(options, fresh, rows, onProgress)
    const { moments, pastRows } = history.questions.status()
    return { moments, pastRows, complaints: history.complaints }
  } finally {
    history.close()
  }
}

interface MadeOf extends Pick<OpenStore, 'page' | 'clock'> {
  /** Which state of other devices' chains was folded. */
  readonly others: number
}

/** A new one at `path`, of what the folded manifest says of the present. */
export async function writeCatalog(options: MadeOf, path: string, rows: CurrentRows, onProgress: (progress: RebuildProgress) => void): Promise<void> {
  const catalog = new Catalog({
    path, key: options.page.key('catalog'), cacheBytes: limits.catalogCacheBytes, sliceMs: limits.catalogSliceMs,
    monotonicMs: () => options.clock.monotonicMs(), breathe: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const total = 2 * rows.count()
  let done = 0
  const put = async (batch: Partial<CatalogBatch>): Promise<void> => {
    const marks = { appliedLsn: logMadeAnew, nextIno: rows.largestIno(ownInoBase) + 1, nextCookie, others: options.others }
    await catalog.apply({ entries: [], gone: [], dirents: [], chunks: [], ...batch, marks })
    catalog.checkpoint()
    onProgress({ phase: 'catalog', done: Math.min(done, total), total })
  }
  let nextCookie = firstCookie
  try {
    for (let batch = rows.entries(0, batchRows); batch.length > 0; batch = rows.entries(batch.at(-1)?.ino ?? Infinity, batchRows)) {
      done += batch.length
      await put({ entries: batch.map((each) => catalogRow(each, rows)) })
    }
    for (let batch = rows.names(0, batchRows); batch.length > 0; batch = rows.names(batch.at(-1)?.cookie ?? Infinity, batchRows)) {
      done += batch.length
      const dirents = batch.map(({ parent, name, ino }) => ({ parent, name, ino, cookie: nextCookie++ }))
      await put({ dirents })
    }
    await put({})
  } finally {
    catalog.close()
  }
}

/** Below are the places of `.` and `..`. */
const firstCookie = 16

/** What the manifest tells of counts may be older than the names that it tells. */
function catalogRow({ ino, id, record, content }: ReturnType<CurrentRows['entries']>[number], rows: CurrentRows): CatalogRow {
  const { entry, end } = decodeAttributes(record, 0, ino)
  if (isDirectory(entry)) {
    const { names, folders } = rows.children(ino)
    const parent = ino === rootIno ? rootIno : rows.parentOf(ino)
    Object.assign(entry, { children: names, nlink: parent === undefined ? 0 : 2 + folders, parent: parent ?? 0 })
  } else {
    entry.nlink = rows.linkCount(ino)
  }
  if (isFile(entry)) entry.blocks = Math.ceil(decodeContent(content ?? new Uint8Array(0)).allocated / 512)
  const attributes = Buffer.allocUnsafe(encodedAttributesBytes(entry))
  encodeAttributes(entry, attributes, 0)
  return {
    ino, id, orphan: entry.nlink === 0, attributes, xattrs: end === record.byteLength ? null : record.subarray(end),
    content: content === null || content.byteLength === 0 ? null : content,
  }
}

/** Which chunks are here already: without it everything would be cut and sealed again, to the same blobs. */
async function findChunks(vault: Vault, onProgress: (progress: RebuildProgress) => void): Promise<number> {
  const { tree, history, feed } = vault.parts
  let damaged = 0
  let done = 0
  for (let after = 0; ;) {
    const { contents, total } = await history.contents(after, limits.historyListMax)
    if (contents.length === 0) return damaged
    for (const { content, bytes } of contents) {
      after = content
      const references = await chunksOf(vault, bytes).catch((error: unknown) => {
        if (!(error instanceof VaultError) || error.code !== 'corrupt') throw error
        damaged++
        return []
      })
      for (const reference of references) {
        if (tree.chunk(reference.chunkId) === undefined) tree.addChunk(reference)
      }
    }
    done += contents.length
    if (tree.changes >= limits.generationChanges) await feed.apply()
    onProgress({ phase: 'contents', done, total })
  }
}

async function chunksOf({ contents }: Vault, bytes: Uint8Array): Promise<BlobReference[]> {
  const reference = decodeContent(bytes)
  if (reference.body.form === 'inline') return []
  const runs = await runsOf(reference, 0, reference.length, contents.context.pages)
  return runs.filter((run): run is Extract<Run, { kind: 'chunk' }> => run.kind === 'chunk').map((run) => run.reference)
}

async function putInPlace(fresh: string, path: string, store: string): Promise<void> {
  try {
    const file = await open(fresh, 'r')
    await file.sync().finally(() => file.close())
    for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
    renameSync(fresh, path)
    const folder = await open(store, 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    throw fromErrno(error, path)
  }
}

function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) rmSync(path + end)
}

function noManifest(store: string): VaultError {
  return new VaultError('corrupt', `The manifest of ${store} tells of no root folder: there is nothing to make a catalog of`, {
    subject: store, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
  })
}
