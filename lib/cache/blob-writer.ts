// Puts blobs that come from elsewhere into the cache of a store that nobody has open: in one thread, batch by batch.
import { sha256 } from '../../native-deps/sodium.js'
import type { BlobLocation } from '../store/blob-cache-port.js'
import { equalBytes, type BlobId, type Sealed } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import { SegmentAppender } from './appender.js'
import { CacheKeeper } from './keeper.js'
import { CacheReader } from './reader.js'

export interface BlobWriterOptions {
  /** The store's folder `cache`; made when it is missing. */
  readonly directory: string
  readonly logger: Logger
  /** What the index has of the same name is damaged, and goes. */
  readonly replaces: boolean
  /** Bytes that are made durable together; absent: a few MiB; Infinity: the caller flushes. */
  readonly flushBytes?: number
}

export class BlobWriter {
  readonly #replaces: boolean
  readonly #flushBytes: number
  readonly #keeper: CacheKeeper
  readonly #appender: SegmentAppender
  readonly #reader: CacheReader
  #gathered: { readonly blobId: BlobId; readonly sealed: Sealed }[] = []
  /** Of what is not flushed yet. */
  gatheredBytes = 0
  /** Durable. */
  blobs = 0
  bytes = 0

  constructor({ directory, logger, replaces, flushBytes = limits.appendBytesWished }: BlobWriterOptions) {
    this.#replaces = replaces
    this.#flushBytes = flushBytes
    this.#keeper = new CacheKeeper({ directory, logger })
    this.#appender = new SegmentAppender({ directory, nextSegment: Int32Array.of(this.#keeper.nextSegment()), partial: this.#keeper.takePartial() })
    this.#reader = new CacheReader(directory)
  }

  /** Where the index says that it is; undefined: not here. */
  locate(blobId: BlobId): BlobLocation | undefined {
    return this.#reader.locate(blobId)
  }

  /** Answers false, and takes nothing, when the bytes are not those of the name. */
  addIfWhole(blobId: BlobId, sealed: Sealed): boolean {
    const isWhole = equalBytes(sha256(sealed), blobId)
    if (isWhole) this.add(blobId, sealed)
    return isWhole
  }

  /** The caller has compared the bytes with the name. They are not copied, and needed until they are flushed. */
  add(blobId: BlobId, sealed: Sealed): void {
    this.#gathered.push({ blobId, sealed })
    this.gatheredBytes += sealed.byteLength
    if (this.gatheredBytes >= this.#flushBytes) this.flush()
  }

  /** Everything that was added is durable when this returns. */
  flush(): void {
    if (this.#gathered.length === 0) return
    if (this.#replaces) this.#keeper.delete(this.#gathered.map(({ blobId }) => blobId))
    this.#keeper.commit(this.#appender.append(this.#gathered))
    this.blobs += this.#gathered.length
    this.bytes += this.gatheredBytes
    this.#gathered = []
    this.gatheredBytes = 0
  }

  /** What was not flushed is not there. */
  close(): void {
    this.#appender.close()
    this.#reader.close()
    this.#keeper.close()
  }
}
