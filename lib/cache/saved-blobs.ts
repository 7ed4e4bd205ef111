// Blobs of a cache whose index may be lost, old or wrong: a copy of the index is asked first, then the frames of the
// segments, found by going through them once. Nothing here is verified, and nothing written but tables of our own.
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import type { BlobLocation, BlobReader } from '../store/blob-cache-port.js'
import { hex, type BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { frameBytes, getFrame, type Frame } from './frame.js'
import { OpenSegments, readFully, segmentNumbers, segmentPath, segmentsFolder } from './segment-files.js'
import { nextCandidate } from './segment-scan.js'
import { limits } from '../terms/limits.js'

export interface SavedBlobsOptions {
  /** The store's folder `cache`. */
  readonly directory: string
  /** A copy of its index; absent: there is none. */
  readonly index?: string
  /** A new database for what is found in the segments. */
  readonly found: string
}

export class SavedBlobs implements BlobReader {
  readonly #options: SavedBlobsOptions
  readonly #files: OpenSegments
  #index: Database | undefined
  #byId: Statement<[Uint8Array], BlobLocation> | undefined
  #found: Database | undefined
  #foundById: Statement<[Uint8Array], BlobLocation> | undefined
  /** Where the index leads to something else. */
  readonly #misled = new Set<string>()
  /** Why the index is not used; undefined: it is. */
  indexFault: string | undefined

  constructor(options: SavedBlobsOptions) {
    this.#options = options
    this.#files = new OpenSegments(options.directory, 'r', limits.segmentsOpenMax)
    if (options.index === undefined) this.indexFault = 'it is missing'
    else this.#openIndex(options.index)
  }

  locate(blobId: BlobId): BlobLocation | undefined {
    const indexed = this.#misled.has(hex(blobId)) ? undefined : this.#indexed(blobId)
    return indexed ?? this.#inSegments(blobId)
  }

  /** What was read where `locate` said is damaged: answers whether there is another place. */
  misled(blobId: BlobId): boolean {
    const [indexed, found] = [this.#indexed(blobId), this.#inSegments(blobId)]
    if (indexed === undefined || found === undefined || (indexed.segment === found.segment && indexed.offset === found.offset)) return false
    if (this.#misled.has(hex(blobId))) return false
    this.#misled.add(hex(blobId))
    return true
  }

  read(blobId: BlobId, location: BlobLocation, offset: number, into: Uint8Array): void {
    const subject = hex(blobId)
    const path = segmentPath(this.#options.directory, location.segment)
    let count = 0
    try {
      count = readFully(this.#files.fd(location.segment), into, location.offset + offset)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'too-many') throw error
      throw new VaultError('corrupt', `blob ${subject}: ${existsSync(path) ? 'the disk does not give it' : `segment ${location.segment} of the cache is gone`}`, { subject, cause: error })
    }
    if (offset + into.byteLength > location.length || count < into.byteLength) throw new VaultError('corrupt', `blob ${subject}: it ends too early`, { subject })
  }

  close(): void {
    this.#files.close()
    this.#index?.close()
    this.#found?.close()
  }

  #openIndex(path: string): void {
    try {
      this.#index = openPlain(path)
      this.#byId = this.#index.prepare('SELECT segment, offset, length FROM blobs WHERE id = ?')
    } catch (error) {
      this.#drop(error)
    }
  }

  #indexed(blobId: BlobId): BlobLocation | undefined {
    try {
      return this.#byId?.get(blobId)
    } catch (error) {
      this.#drop(error)
      return undefined
    }
  }

  #drop(error: unknown): void {
    if (!(error instanceof VaultError)) throw error
    this.indexFault = error.message
    this.#byId = undefined
  }

  #inSegments(blobId: BlobId): BlobLocation | undefined {
    this.#foundById ??= this.#scan()
    return this.#foundById.get(blobId)
  }

  #scan(): Statement<[Uint8Array], BlobLocation> {
    const { directory, found: path } = this.#options
    const database = openPlain(path, { synchronous: 'OFF' })
    this.#found = database
    database.exec('CREATE TABLE found (id BLOB PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID')
    const put = database.prepare<[Uint8Array, number, number, number]>('INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?)')
    for (const segment of existsSync(join(directory, segmentsFolder)) ? segmentNumbers(directory) : []) {
      database.transaction(() => {
        for (const { blobId, offset, length } of framesOf(segmentPath(directory, segment))) put.run(blobId, segment, offset, length)
      })
    }
    return database.prepare('SELECT segment, offset, length FROM found WHERE id = ?')
  }
}

/** Goes from frame to frame; where one does not lead to another, what lies behind its head is searched. */
function* framesOf(path: string): Generator<{ readonly blobId: BlobId; readonly offset: number; readonly length: number }> {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return
  }
  try {
    const { size } = fstatSync(fd)
    for (let at = 0; at + frameBytes <= size;) {
      const frame = frameAt(fd, at, size)
      if (frame?.live === true) yield { blobId: frame.blobId, offset: at + frameBytes, length: frame.length }
      const next = frame === undefined ? -1 : at + frameBytes + frame.length
      at = next === size || frameAt(fd, next, size) !== undefined ? next : nextCandidate(fd, at + 1, size)
    }
  } finally {
    closeSync(fd)
  }
}

function frameAt(fd: number, at: number, size: number): Frame | undefined {
  if (at < 0 || at + frameBytes > size) return undefined
  const head = new Uint8Array(frameBytes)
  return readFully(fd, head, at) === frameBytes ? getFrame(head, size - at - frameBytes) : undefined
}
