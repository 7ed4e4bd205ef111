// Where each worker thread begins: marries the roles of lib/workers to cache, log and keys, which don't know each other.
// It says once whether it is ready; an error here is the pool's error at opening.
import { join } from 'node:path'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { discardPages, setThreadNice } from '../native-deps/system.js'
import { SegmentAppender } from './cache/appender.js'
import { CacheKeeper } from './cache/keeper.js'
import { CacheReader } from './cache/reader.js'
import { Chunker } from './chunk/chunker.js'
import { KeyPage } from './crypto/key-page.js'
import { KeyRing } from './crypto/key-ring.js'
import { segmentName } from './log/disk.js'
import { invariant } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'
import { postedError } from './terms/posted-error.js'
import { Assembler } from './workers/assembler.js'
import { BlobOpener } from './workers/blob-opener.js'
import { BulkRole } from './workers/bulk-role.js'
import { limitExternalMemory } from './workers/external-memory.js'
import { KeeperRole } from './workers/keeper-role.js'
import { LogOpener } from './workers/log-opener.js'
import type { PartialPlace } from './workers/messages.js'
import { ReaderRole } from './workers/reader-role.js'
import type { CommonSetup, WorkerSetup } from './workers/worker-setup.js'

type SetupOf<Role extends WorkerSetup['role']> = Extract<WorkerSetup, { role: Role }>

/** A little below the threads that answer the kernel. */
const bulkNice = 5

function startKeeper(port: MessagePort, setup: SetupOf<'keeper'>): void {
  const logger: Logger = { log: (level, message, fields = {}) => { port.postMessage({ kind: 'log', level, message, fields }) } }
  const keeper = new CacheKeeper({ directory: setup.cacheDirectory, logger, segmentBytesMax: setup.segmentBytesMax, indexCacheBytes: setup.indexCacheBytes })
  new KeeperRole({ port, writers: setup.writers, keeper })
  const partial = setup.writers.map(() => keeper.takePartial()).filter((place): place is PartialPlace => place !== undefined)
  port.postMessage({ kind: 'ready', statistics: keeper.statistics(), nextSegment: keeper.nextSegment(), partial })
}

interface Openers {
  readonly keys: KeyRing
  readonly page: KeyPage
  readonly blobs: BlobOpener
  readonly assembler: Assembler
  readonly close: () => void
}

function openersOf(setup: CommonSetup, kept: { readonly tables: number; readonly frames: number; readonly extents: number }): Openers {
  const page = KeyPage.attach(setup.keyPage)
  const keys = new KeyRing(page)
  const cache = new CacheReader(setup.cacheDirectory)
  const blobs = new BlobOpener(cache, keys, kept)
  const log = new LogOpener({
    owner: setup, key: page.key('log'), pathOf: (segment) => join(setup.logDirectory, segmentName(segment)), extentsMax: kept.extents,
  })
  const close = (): void => {
    blobs.close()
    log.close()
    cache.close()
    keys.wipe()
  }
  return { keys, page, blobs, assembler: new Assembler(new Uint8Array(setup.arena), log, blobs), close }
}

function startReader(port: MessagePort, setup: SetupOf<'reader'>): void {
  const openers = openersOf(setup, { tables: limits.blobTablesMax, frames: setup.openedFramesMax, extents: 64 })
  new ReaderRole({
    port, readSlots: setup.readSlots, smallSlots: setup.smallSlots, sealSlots: setup.sealSlots, arena: new Uint8Array(setup.arena),
    owner: setup, logKey: openers.page.key('log'), assembler: openers.assembler, blobs: openers.blobs, close: openers.close,
  })
  port.postMessage({ kind: 'ready' })
}

function startBulk(port: MessagePort, setup: SetupOf<'bulk'>): void {
  setThreadNice(bulkNice)
  // It reads old content from front to back: little is worth keeping.
  const openers = openersOf(setup, { tables: 64, frames: 2, extents: 2 })
  const chunker = new Chunker(openers.page.key('chunker'), setup.chunker)
  const appender = new SegmentAppender({
    directory: setup.cacheDirectory, nextSegment: new Int32Array(setup.nextSegment), partial: setup.partial, segmentBytesMax: setup.segmentBytesMax,
  })
  const role = new BulkRole({
    port, keeper: setup.keeper, assembler: openers.assembler, keys: openers.keys, appender,
    cut: (bytes, stretch) => chunker.cut(bytes, stretch), cutsShared: chunker.acceptsShared,
    close: () => {
      clearInterval(idle)
      appender.close()
      openers.close()
      chunker.wipe()
    },
  })
  const idle = setInterval(() => { role.releaseIdle(discardPages) }, limits.idleMemoryMs)
  port.postMessage({ kind: 'ready' })
}

function start(port: MessagePort, setup: WorkerSetup): void {
  try {
    if (setup.role === 'keeper') startKeeper(port, setup)
    else if (setup.role === 'reader') startReader(port, setup)
    else startBulk(port, setup)
    limitExternalMemory(port)
  } catch (error) {
    port.postMessage({ kind: 'unready', error: postedError(error) })
    port.close()
  }
}

invariant(parentPort !== null, 'vault-worker.js is a worker thread')
const port = parentPort
if (workerData === null || workerData === undefined) port.once('message', (setup: WorkerSetup) => { start(port, setup) })
else start(port, workerData as WorkerSetup)
