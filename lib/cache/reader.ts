// One thread's way to the cached blobs: a read-only connection to the index and open segment files. Bytes come out as
// they lie on the disk; who opens them verifies.
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import type { BlobLocation, BlobReader } from '../store/blob-cache-port.js'
import { hex, type BlobId } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { DirectReading } from './direct-reading.js'
import { databaseName, OpenSegments, readFully } from './segment-files.js'

export class CacheReader implements BlobReader {
  readonly #database: Database
  readonly #byId: Statement<[Uint8Array], [number, number, number]>
  readonly #segments: OpenSegments
  readonly #direct: DirectReading
  #room = new Uint8Array(0)

  /** The keeper has opened the cache before. */
  constructor(directory: string) {
    this.#database = openPlain(join(directory, databaseName), { readOnly: true })
    this.#byId = this.#database.prepare('SELECT segment, offset, length FROM blobs WHERE id = ?', 'array')
    this.#segments = new OpenSegments(directory, 'r', limits.segmentsOpenMax)
    this.#direct = new DirectReading(directory, this.#segments)
  }

  locate(blobId: BlobId): BlobLocation | undefined {
    const row = this.#byId.get(blobId)
    return row === undefined ? undefined : { segment: row[0], offset: row[1], length: row[2] }
  }

  read(blobId: BlobId, location: BlobLocation, offset: number, into: Uint8Array): void {
    const subject = hex(blobId)
    if (offset + into.byteLength > location.length) throw damaged(subject, 'it is shorter than what refers to it says')
    let count: number
    try {
      count = readFully(this.#segments.fd(location.segment), into, location.offset + offset)
    } catch (error) {
      const failure = fromErrno(error, subject)
      if (failure.code === 'not-found') throw damaged(subject, `segment ${location.segment} of the cache is gone`, error)
      throw failure
    }
    if (count < into.byteLength) throw damaged(subject, `segment ${location.segment} of the cache ends too early`)
  }

  view(blobId: BlobId, location: BlobLocation, offset: number, length: number): Uint8Array {
    const isInside = offset + length <= location.length
    const direct = isInside ? this.#direct.read(location.segment, { offset: location.offset + offset, length }) : undefined
    if (direct !== undefined) return direct
    if (this.#room.byteLength < length) this.#room = new Uint8Array(length)
    const into = this.#room.subarray(0, length)
    this.read(blobId, location, offset, into)
    return into
  }

  close(): void {
    this.#direct.close()
    this.#segments.close()
    this.#database.close()
  }
}

function damaged(subject: string, what: string, cause?: unknown): VaultError {
  return new VaultError('corrupt', `blob ${subject}: ${what}`, { subject, next: "Put the folder \"cache\" of the store back from a copy; other files are not touched by it, 'vaultfs verify' names those that are.", cause })
}
