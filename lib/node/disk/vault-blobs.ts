// The blobs of one vault on the thread that writes: the cache of lib/cache, and when blobs came.
import { statfsSync } from 'node:fs'
import { sha256 } from '../../../native-deps/sodium.js'
import { SegmentAppender } from '../../cache/appender.js'
import { CacheKeeper } from '../../cache/keeper.js'
import { equalBytes, hex, type BlobId } from '../../terms/bytes.js'
import { invariant, VaultError } from '../../terms/errors.js'
import type { Logger } from '../../terms/log.js'
import type { SealedBlob } from '../../wire/blob-frames.js'
import { nodeLimits } from '../node-limits.js'
import { BlobIndex } from './blob-index.js'
import type { NodeDatabase } from './node-database.js'
import type { VaultFolder } from './vault-folder.js'

export class VaultBlobs {
  readonly #vault: string
  readonly #directory: string
  readonly #database: NodeDatabase
  readonly #keeper: CacheKeeper
  readonly #appender: SegmentAppender
  readonly #index: BlobIndex

  constructor({ vault, folder, database, logger }: { readonly vault: string; readonly folder: VaultFolder; readonly database: NodeDatabase; readonly logger: Logger }) {
    this.#vault = vault
    this.#database = database
    const directory = folder.cache
    this.#directory = directory
    this.#keeper = new CacheKeeper({ directory, logger, indexCacheBytes: nodeLimits.indexCacheBytes })
    const nextSegment = new Int32Array(new SharedArrayBuffer(4))
    nextSegment[0] = this.#keeper.nextSegment()
    this.#appender = new SegmentAppender({ directory, nextSegment, partial: this.#keeper.takePartial() })
    const index = BlobIndex.open(directory)
    invariant(index !== undefined, 'the keeper has made the index')
    this.#index = index
    // Made anew from the segments it numbers blobs anew, and what was known of the numbers is worth nothing.
    const newest = database.newestArrival.get(vault)
    if (newest !== undefined && newest.position > index.newest()) database.removeArrivals.run(vault)
  }

  /** Durable on return; of equal ones the first is the new one. Those that are here and damaged are replaced. */
  put(blobs: readonly SealedBlob[], nowSec: number): boolean[] {
    this.#noteArrivals(nowSec)
    const fresh = new Map<string, SealedBlob>()
    const isNew = blobs.map((blob) => {
      const name = hex(blob.blobId)
      if (fresh.has(name) || this.#isSound(blob.blobId)) return false
      fresh.set(name, blob)
      return true
    })
    if (fresh.size === 0) return isNew
    this.#requireRoom([...fresh.values()].reduce((sum, { sealed }) => sum + sealed.byteLength, 0))
    const appended = this.#appender.append([...fresh.values()])
    try {
      this.#keeper.commit(appended)
    } catch (error) {
      for (const { segment } of appended) this.#appender.abandon(segment)
      throw error
    }
    return isNew
  }

  remove(blobIds: readonly BlobId[]): void {
    this.#keeper.delete(blobIds)
  }

  storedSec(blobIds: readonly BlobId[], nowSec: number): number[] {
    this.#noteArrivals(nowSec)
    return blobIds.map((id) => {
      const position = this.#index.position(id)
      return position === undefined ? -1 : (this.#database.arrival.get(this.#vault, position)?.sec ?? nowSec)
    })
  }

  close(): void {
    this.#appender.close()
    this.#index.close()
    this.#keeper.close()
  }

  /** Now and then: all blobs so far were here by now. */
  #noteArrivals(nowSec: number): void {
    const known = this.#database.newestArrival.get(this.#vault)
    if (known !== undefined && nowSec - known.sec < nodeLimits.arrivalSec) return
    const newest = this.#index.newest()
    if (newest > (known?.position ?? 0)) this.#database.saveArrival.run(this.#vault, newest, nowSec)
  }

  #requireRoom(bytes: number): void {
    const { bavail, blocks, bsize } = statfsSync(this.#directory)
    const reserve = Math.min(nodeLimits.diskReserveBytes, blocks * bsize * nodeLimits.diskReserveShare)
    if (bavail * bsize - bytes < reserve) throw new VaultError('no-space', 'the disk of the node is full', { next: 'make room there, or give it a larger disk' })
  }

  #isSound(blobId: BlobId): boolean {
    if (this.#index.length(blobId) === undefined) return false
    try {
      return equalBytes(sha256(this.#index.read(blobId)), blobId)
    } catch (error) {
      // Cut short, or gone: what comes now takes its place.
      if (error instanceof VaultError && error.code === 'corrupt') return false
      throw error
    }
  }
}
