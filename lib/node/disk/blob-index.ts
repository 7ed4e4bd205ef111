// The index of a vault's blobs, asked in ways that a vault itself never needs: by order of ids, and by when they came.
// A reading connection; the keeper writes.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../../native-deps/sqlite.js'
import { CacheReader } from '../../cache/reader.js'
import { databaseName } from '../../cache/segment-files.js'
import { hex, type BlobId } from '../../terms/bytes.js'
import { VaultError } from '../../terms/errors.js'
import { nodeLimits } from '../node-limits.js'

export class BlobIndex {
  readonly #reader: CacheReader
  readonly #database: Database
  readonly #behind: Statement<[Uint8Array, number], [Uint8Array, number]>
  readonly #position: Statement<[Uint8Array], number>
  readonly #newest: Statement<[], number | null>
  readonly #sums: Statement<[], [number | null, number | null]>

  private constructor(directory: string) {
    this.#reader = new CacheReader(directory)
    this.#database = openPlain(join(directory, databaseName), { readOnly: true, cacheBytes: nodeLimits.indexCacheBytes })
    this.#behind = this.#database.prepare('SELECT id, length FROM blobs WHERE id > ? ORDER BY id LIMIT ?', 'array')
    this.#position = this.#database.prepare('SELECT position FROM blobs WHERE id = ?', 'first')
    this.#newest = this.#database.prepare('SELECT max(position) FROM blobs', 'first')
    this.#sums = this.#database.prepare('SELECT sum(blobs), sum(bytes) FROM segments', 'array')
  }

  /** Undefined: the vault never had a blob. */
  static open(directory: string): BlobIndex | undefined {
    return existsSync(join(directory, databaseName)) ? new BlobIndex(directory) : undefined
  }

  length(blobId: BlobId): number | undefined {
    return this.#reader.locate(blobId)?.length
  }

  read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Uint8Array {
    const location = this.#reader.locate(blobId)
    if (location === undefined) throw blobNotHere(blobId)
    const start = Math.min(range?.start ?? 0, location.length)
    const into = new Uint8Array(Math.min(range?.length ?? location.length, location.length - start))
    this.#reader.read(blobId, location, start, into)
    return into
  }

  /** To the beginning of `into`; answers its length. Undefined: not here, or not whole, or longer than that. */
  readWhole(blobId: BlobId, into: Uint8Array): number | undefined {
    const location = this.#reader.locate(blobId)
    if (location === undefined || location.length > into.byteLength) return undefined
    try {
      this.#reader.read(blobId, location, 0, into.subarray(0, location.length))
      return location.length
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') return undefined
      throw error
    }
  }

  inventory(after: Uint8Array, limit: number): { readonly isLast: boolean; readonly blobs: { readonly blobId: BlobId; readonly length: number }[] } {
    const rows = this.#behind.all(after, limit + 1)
    return { isLast: rows.length <= limit, blobs: rows.slice(0, limit).map(([id, length]) => ({ blobId: id as BlobId, length })) }
  }

  /** Its place in the order in which blobs came. */
  position(blobId: BlobId): number | undefined {
    return this.#position.get(blobId)
  }

  newest(): number {
    return this.#newest.get() ?? 0
  }

  statistics(): { readonly blobs: number; readonly bytes: number } {
    const [blobs, bytes] = this.#sums.get() ?? [0, 0]
    return { blobs: blobs ?? 0, bytes: bytes ?? 0 }
  }

  close(): void {
    this.#reader.close()
    this.#database.close()
  }
}

export function blobNotHere(blobId: BlobId): VaultError {
  return new VaultError('not-found', `blob ${hex(blobId)} is not here`, { subject: hex(blobId) })
}
