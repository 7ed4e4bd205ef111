// Blobs of a cache whose index may be lost, old or wrong: a copy of the index is asked first, then the frames of the
// segments, found by going through them once, at last the hashes of what lies between frames, for one that is damaged
// itself. Bytes are not verified here, and nothing is written but tables of our own.
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../native-deps/sodium.js'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import type { BlobLocation, BlobReader } from '../store/blob-cache-port.js'
import { equalBytes, hex, type BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { paddedLength, sealedLengthOf } from '../format/blob-envelope.js'
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
  #isSifted = false
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
    return this.#misled.has(hex(blobId)) ? this.#inSegments(blobId) : this.#indexed(blobId) ?? this.#inSegments(blobId)
  }

  /** What was read where `locate` said is damaged, or not as long as it has to be: answers whether there is another place. */
  misled(blobId: BlobId, sealedLength: number): boolean {
    if (this.#misled.has(hex(blobId))) return false
    const before = this.locate(blobId)
    // Each segment is read for it, once: a frame that says a wrong length is no common thing.
    if (this.#inSegments(blobId)?.length !== sealedLength) this.#sift()
    const found = this.#inSegments(blobId)
    if (found?.length !== sealedLength || (found.segment === before?.segment && found.offset === before.offset && found.length === before.length)) return false
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
    const found = this.#foundById.get(blobId)
    if (found !== undefined || this.#isSifted) return found
    this.#sift()
    return this.#foundById.get(blobId)
  }

  #scan(): Statement<[Uint8Array], BlobLocation> {
    const database = openPlain(this.#options.found, { synchronous: 'OFF' })
    this.#found = database
    database.exec('CREATE TABLE found (id BLOB PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID')
    this.#eachStretch('IGNORE', ({ frame, at }) => (frame?.live === true ? { id: frame.blobId, offset: at + frameBytes, length: frame.length } : undefined))
    return database.prepare('SELECT segment, offset, length FROM found WHERE id = ?')
  }

  /** By what the bytes are, for frames whose magic, length or id is damaged. */
  #sift(): void {
    if (this.#isSifted) return
    this.#isSifted = true
    this.#eachStretch('REPLACE', ({ at, next, frame, fd }) => {
      const [offset, length] = [at + frameBytes, next - at - frameBytes]
      if (length < sealedBytesMin || length > sealedBytesMax) return undefined
      const bytes = new Uint8Array(length)
      if (readFully(fd, bytes, offset) < length) return undefined
      const id = sha256(bytes)
      return frame?.live === true && frame.length === length && equalBytes(id, frame.blobId) ? undefined : { id, offset, length }
    })
  }

  /** Puts what `blobOf` says of each stretch into the table. */
  #eachStretch(conflict: 'IGNORE' | 'REPLACE', blobOf: (stretch: Stretch) => { readonly id: Uint8Array; readonly offset: number; readonly length: number } | undefined): void {
    const { directory } = this.#options
    const put = this.#found?.prepare<[Uint8Array, number, number, number]>(`INSERT OR ${conflict} INTO found VALUES (?, ?, ?, ?)`)
    for (const segment of existsSync(join(directory, segmentsFolder)) ? segmentNumbers(directory) : []) {
      this.#found?.transaction(() => {
        for (const stretch of stretchesOf(segmentPath(directory, segment))) {
          const blob = blobOf(stretch)
          if (blob !== undefined) put?.run(blob.id, segment, blob.offset, blob.length)
        }
      })
    }
  }
}

const sealedBytesMin = sealedLengthOf(paddedLength(0))
const sealedBytesMax = sealedLengthOf(paddedLength(limits.blobPlainBytesMax))

/** From where a frame is or should be, up to the next one. */
interface Stretch {
  readonly fd: number
  readonly at: number
  readonly next: number
  readonly frame: Frame | undefined
}

/** Goes from frame to frame; where one does not lead to another, what lies behind its head is searched. */
function* stretchesOf(path: string): Generator<Stretch> {
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
      const behind = frame === undefined ? -1 : at + frameBytes + frame.length
      const isLed = behind === size || frameAt(fd, behind, size) !== undefined
      const next = isLed ? behind : nextCandidate(fd, at + 1, size)
      yield { fd, at, next, frame }
      // Its length is wrong, or it is right and the next head is damaged.
      if (!isLed && behind > at && behind < next) yield { fd, at: behind, next, frame: undefined }
      at = next
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
