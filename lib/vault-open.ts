// Opens a vault's store: keys are in the page already; here log, catalog, cache and chain are opened, checked against
// each other, and the log is replayed. Nothing is changed on the disk when it rejects.
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Catalog } from './catalog/catalog.js'
import { Contents } from './content/contents.js'
import { abandonGroups } from './content/log-group.js'
import type { ContentContext } from './content/open-content.js'
import { PageStore } from './content/page-store.js'
import { Publisher } from './content/publisher.js'
import { Reading } from './content/reading.js'
import type { DeviceIdentity } from './crypto/identity.js'
import type { KeyPage } from './crypto/key-page.js'
import type { VaultHeader } from './format/vault-header.js'
import { openNodeDisk } from './log/node-disk.js'
import { openLog, type WriteAheadLog } from './log/write-ahead-log.js'
import { Arena } from './store/arena.js'
import { DirtyTable, type Handover } from './store/handover.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'
import type { EntryId } from './terms/bytes.js'
import { VaultError, invariant } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { usualMemory, type MemoryLimits } from './terms/memory.js'
import type { Logger } from './terms/log.js'
import { HistoryClient } from './history/history-client.js'
import { removeHistoryDatabase } from './history/schema.js'
import type { RetentionPolicy } from './terms/retention.js'
import { logMadeAnew } from './store/catalog-port.js'
import { CatalogFeed } from './tree/catalog-feed.js'
import { modeType, newEntry, rootIno } from './tree/entry.js'
import { Tree } from './tree/tree.js'
import { Unpublished } from './tree/unpublished.js'
import { Chain } from './vault-chain.js'
import { endReplay, replayRecord } from './vault-replay.js'
import { Upkeep } from './vault-upkeep.js'
import { Vault } from './vault.js'
import type { HeadMark } from './vault-head-mark.js'
import { openVaultSync, type SyncChoice, type VaultSync } from './vault-sync.js'
import { Verifier } from './vault-verify.js'
import { refoldName } from './vault-verify-messages.js'
import { discardPages, preallocate } from '../native-deps/system.js'
import { openWay } from './workers/folder-way.js'
import { beginPool, type Pool } from './workers/pool.js'
import type { SpareThreads } from './workers/spare-threads.js'

export interface OpenStore {
  readonly store: string
  readonly page: KeyPage
  readonly header: VaultHeader
  readonly identity: DeviceIdentity
  readonly readOnly: boolean
  /** How far the store was seen; absent: nobody remembers. */
  readonly headMark?: HeadMark
  /** A store that is behind that mark is taken as it is; else it is opened for reading only. */
  readonly acceptOlder?: boolean
  /** What of the past stays when the clock says that it is time to let go of some. */
  readonly retention: RetentionPolicy
  /** Threads that cut, hash and seal; at least one. They begin soon, or with the first work where nobody is going to write. */
  readonly bulkThreads: number
  readonly bulkStartsLate?: boolean
  readonly spare?: SpareThreads
  /** Room for data on its way; absent: the usual. */
  readonly memory?: MemoryLimits
  /** Who owns the root folder of a new vault. */
  readonly owner: { readonly uid: number; readonly gid: number }
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  /** Where dirty bytes lie, so that a daemon that takes over finds them; `memory.arenaBytes` of arena. */
  readonly handover?: Handover
  /** How nodes are sent to; absent: they are not. */
  readonly sync?: SyncChoice
}

export interface OpenedStore {
  /** Taken over: entries without a name that somebody may have open. Else they are gone by now. */
  readonly orphans: readonly number[]
  readonly vault: Vault
  readonly upkeep: Upkeep
  readonly verifier: Verifier
  /** Absent: nodes are not sent to. */
  readonly sync?: VaultSync
  /** What the store lacks of what this machine has seen of it, a sentence: then it only reads. */
  readonly lack: string | undefined
  /** Publishes nothing: what is logged stays logged. Lets go of every file. */
  close(): Promise<void>
}

export async function openStore(options: OpenStore): Promise<OpenedStore> {
  const { store, page, clock, memory = usualMemory } = options
  const at = (name: string): string => join(store, name)
  for (const name of ['log', 'cache', 'manifest']) await mkdir(at(name), { recursive: true, mode: 0o700 })
  // Left by a crash while the vault was verified.
  removeHistoryDatabase(at(refoldName))
  const arena = new Arena(memory.arenaBytes, options.handover?.arena)
  const idle = setInterval(() => { arena.releaseIdle(discardPages) }, limits.idleMemoryMs)
  const opened: { close(): unknown }[] = [{ close: () => { clearInterval(idle) } }]
  try {
    const chain = await Chain.open(options)
    opened.push(chain)
    const history = openHistory(options, chain)
    opened.push(history)
    const catalog = new Catalog({
      path: at('catalog.db'), key: page.key('catalog'), cacheBytes: memory.catalogCacheBytes, warmBytes: limits.catalogWarmBytes, sliceMs: limits.catalogSliceMs,
      monotonicMs: () => clock.monotonicMs(), breathe: () => new Promise((resolve) => setImmediate(resolve)),
    })
    opened.push(catalog)
    const logWay = openWay(at('log'))
    opened.push(logWay)
    // Its threads begin while the log is read.
    const { pool, started } = beginPool({
      bulkThreads: options.bulkThreads, startsLate: options.bulkStartsLate === true, memory, chunker: options.header.chunker, logger: options.logger,
      keyPage: page.shared, arena: arena.shared, logDirectory: logWay.path, cacheDirectory: at('cache'),
      vault: options.header.vaultId, device: options.identity.member.deviceId, ...(options.spare && { spare: options.spare }),
    })
    started.catch(() => undefined)
    opened.push({ close: () => started.then(() => pool.close(), () => undefined) })
    const { vault, log, lack } = await openParts(options, { catalog, pool, chain, arena, history })
    const note = (lastLsn: number): void => {
      if (!vault.parts.readOnly) options.headMark?.note({ sequence: chain.sequence, hash: chain.hash, lastLsn })
    }
    opened.push({ close: () => log.close().then(() => { note(log.syncedLsn) }) })
    await started
    note(log.syncedLsn)
    const sync = await openVaultSync(options, vault.parts.readOnly, () => chain.sequence)
    if (sync !== undefined) opened.push(sync)
    chain.onAppended = () => {
      history.published()
      sync?.published(chain.sequence)
      vault.onPublished()
      note(log.syncedLsn)
    }
    const upkeep = new Upkeep(vault, at('catalog.db'), page)
    const orphans = prepareTree(vault, options)
    // Before the first write is taken: the disk may be full.
    if (!vault.parts.readOnly) await upkeep.room.look()
    const verifier = new Verifier({ vault, page, header: options.header, identity: options.identity, sequence: () => chain.sequence })
    opened.push(verifier)
    return { vault, upkeep, verifier, ...(sync && { sync }), orphans, lack, close: () => closeAll(opened) }
  } catch (error) {
    await closeAll(opened).catch(() => undefined)
    throw error
  }
}

/** Its thread begins with the first question, or with what is published next: a mount does not wait for it. */
function openHistory({ store, page, header, identity, clock, logger, memory = usualMemory }: OpenStore, chain: Chain): HistoryClient {
  const setup = {
    path: join(store, 'history.db'), manifestDirectory: join(store, 'manifest'), vaultId: header.vaultId,
    ownerPublicKey: header.ownerPublicKey, deviceId: identity.member.deviceId, keyPage: page.shared,
    cacheBytes: memory.historyCacheBytes,
  }
  return new HistoryClient({ setup, sequence: () => chain.sequence, clock, logger })
}

async function closeAll(opened: { close(): unknown }[]): Promise<void> {
  for (const part of opened.splice(0).reverse()) await part.close()
}

interface Stores {
  readonly catalog: Catalog
  readonly pool: Pool
  readonly chain: Chain
  readonly arena: Arena
  readonly history: HistoryClient
}

async function openParts(options: OpenStore, { catalog, pool, chain, arena, history }: Stores): Promise<{ vault: Vault; log: WriteAheadLog; lack: string | undefined }> {
  const { store, page, clock, entropy, logger, memory = usualMemory } = options
  const tree = new Tree(catalog, { ...limits, ...memory })
  const unpublished = new Unpublished()
  let log: WriteAheadLog | undefined
  let replayed = false
  const dirtyTable = options.handover === undefined ? undefined : new DirtyTable(options.handover.tables)
  const context: ContentContext = {
    tree, unpublished, pool, arena, ...(dirtyTable === undefined ? {} : { dirtyTable }), pages: new PageStore(pool, memory.pagesCachedMax),
    get log() {
      invariant(log !== undefined, 'the log is used while it is replayed')
      return log
    },
    now: () => clock.now(), nowMs: () => clock.monotonicMs(),
  }
  const contents = new Contents(context)
  const { appliedLsn, others = 0 } = catalog.marks()
  const madeAnew = appliedLsn === logMadeAnew
  const target = { tree, unpublished, contents, appliedLsn, renumber: madeAnew, held: new Map(), nowMs: () => clock.monotonicMs() }
  log = await openLog({
    disk: openNodeDisk({ directory: join(store, 'log'), preallocate: (fd, length) => { preallocate(fd, { offset: 0, length }) } }), key: page.key('log'), vault: options.header.vaultId,
    device: options.identity.member.deviceId, entropy, logger, segmentBytes: await segmentBytesFor(store),
  }, (record) => {
    if (!replayed && madeAnew) target.appliedLsn = record.lsn - 1
    else if (!replayed && record.lsn > appliedLsn + 1) throw orderBroken(store, `begins at ${record.lsn}`, appliedLsn)
    replayed = true
    replayRecord(record, target)
  })
  const takesOver = options.handover !== undefined && options.handover.inherited !== 'nothing' && !options.readOnly
  const unended = endReplay(target, takesOver ? 'go on' : 'drop')
  if (!replayed && madeAnew) target.appliedLsn = log.lastLsn
  if (log.lastLsn < target.appliedLsn || (!replayed && log.lastLsn > target.appliedLsn)) {
    await log.close()
    throw orderBroken(store, `ends at ${log.lastLsn}`, appliedLsn)
  }
  if (tree.get(rootIno) === undefined && chain.sequence + chain.others > 0) {
    await log.close()
    throw catalogLost(store)
  }
  if (others !== chain.others) {
    await log.close()
    throw othersChanged(store)
  }
  if (takesOver && dirtyTable !== undefined) takeOver(contents, dirtyTable, log.lastLsn)
  const lack = options.acceptOlder === true ? undefined : options.headMark?.lackOf({ sequence: chain.sequence, hash: chain.hash, lastLsn: log.lastLsn })
  if (!takesOver && !options.readOnly && lack === undefined) abandonGroups(unended, context)
  const vault = new Vault({
    store, tree, unpublished, contents, reading: new Reading(context), publisher: new Publisher(contents, chain, (ino, error) => {
      logger.log('error', 'a file is not published, since its content is damaged', { entry: ino, reason: error.message })
    }),
    feed: new CatalogFeed(tree, catalog, log, target.appliedLsn), catalog, log, pool, clock, entropy, logger, readOnly: options.readOnly || lack !== undefined,
    manifest: chain, history, retention: options.retention,
  })
  return { vault, log, lack }
}

/** On a small disk the log is cut into smaller pieces: what is set aside for it is gone for everything else. */
async function segmentBytesFor(store: string): Promise<number> {
  const { blocks, bsize } = await statfs(store)
  return Math.min(limits.logSegmentBytes, Math.max(limits.logSegmentBytesMin, Math.round(blocks * bsize * limits.logSegmentShare)))
}

/** What the daemon before had in memory only, and numbers of which none was ever shown to the kernel for another entry. */
function takeOver(contents: Contents, dirtyTable: DirtyTable, lastLsn: number): void {
  const { tree } = contents.context
  tree.nextIno += limits.inosSkipped
  for (const row of dirtyTable.left(lastLsn, contents.context.arena.bytes)) {
    const entry = tree.get(row.ino)
    if (entry === undefined) dirtyTable.free(row.row)
    else contents.adopt(entry, row)
  }
  contents.adoptGroups()
}

/**
 * A catalog never is ahead of its log, and the log goes back at least to where the catalog ends: else one of them was
 * lost or exchanged, and a replay would leave out what is missing.
 */
function orderBroken(store: string, theLog: string, appliedLsn: number): VaultError {
  if (appliedLsn === 0) return catalogLost(store)
  return new VaultError('corrupt', `${store}: the catalog ends at log record ${appliedLsn}, the log ${theLog}`, {
    subject: store, next: "Put back the catalog and the log folder that belong together; or run 'vaultfs rebuild', which makes the catalog anew from the manifest, and uses the log when that is not the older one ('vaultfs salvage' before saves what is only in it).",
  })
}

/** We would say that we have followed what the catalog does not show. */
function othersChanged(store: string): VaultError {
  return new VaultError('corrupt', `${store}: the chains of other devices in the folder "manifest" are not those that the catalog was made of`, {
    subject: store, next: "Run 'vaultfs rebuild': it makes the catalog anew from manifest, blobs and log.",
  })
}

function catalogLost(store: string): VaultError {
  return new VaultError('corrupt', `${store}: the catalog is missing, and the log does not hold all of it`, {
    subject: store, next: "Run 'vaultfs rebuild': it makes the catalog anew from manifest, blobs and log.",
  })
}

/** The root of a new vault; and the end of files that were unlinked, but open, when the vault was last left. */
function prepareTree(vault: Vault, { owner, handover }: OpenStore): readonly number[] {
  const { tree, catalog, clock, readOnly } = vault.parts
  const orphans = [...new Set([...catalog.orphans(), ...tree.orphansOfActive()])].filter((ino) => tree.get(ino)?.nlink === 0)
  if (readOnly || handover?.inherited === 'mount') return orphans
  const change = vault.change()
  if (tree.get(rootIno) === undefined) {
    const root = newEntry({ ino: rootIno, id: rootId(), mode: modeType.directory | 0o755, uid: owner.uid, gid: owner.gid, rdev: 0, now: clock.now() })
    root.parent = rootIno
    change.create(root)
  }
  for (const ino of orphans) {
    const entry = tree.get(ino)
    if (entry === undefined) continue
    change.remove(ino, entry.id)
    vault.contents.discard(ino)
  }
  if (change.isEmpty) return []
  change.commit()
  vault.flushLog()
  return []
}

/** The same on every device: fifteen zero bytes and a one. */
function rootId(): EntryId {
  return new Uint8Array(16).fill(1, 15) as Uint8Array as EntryId
}
