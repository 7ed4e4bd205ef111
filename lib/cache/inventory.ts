// Every blob of the cache once, in the order in which they came and so about as they lie on the disk: for a thread that
// reads all of them. Its connection is its own, and no transaction lasts longer than a batch.
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import type { BlobLocation } from '../store/blob-cache-port.js'
import type { BlobId } from '../terms/bytes.js'
import { CacheReader } from './reader.js'
import { databaseName } from './segment-files.js'

export interface InventoryRow {
  /** Where the inventory goes on. */
  readonly position: number
  readonly blobId: BlobId
  readonly location: BlobLocation
}

interface Row extends BlobLocation {
  readonly position: number
  readonly id: Buffer
}

export class CacheInventory {
  readonly reader: CacheReader
  readonly #database: Database
  readonly #batch: Statement<[number, number, number], Row>
  readonly #newest: Statement<[], number | null>
  readonly #find: Statement<[Uint8Array], Row>

  /** The keeper has opened the cache before. */
  constructor(directory: string) {
    this.#database = openPlain(join(directory, databaseName), { readOnly: true })
    this.#batch = this.#database.prepare('SELECT position, id, segment, offset, length FROM blobs WHERE position > ? AND position <= ? ORDER BY position LIMIT ?')
    this.#newest = this.#database.prepare('SELECT max(position) FROM blobs', 'first')
    this.#find = this.#database.prepare('SELECT position, id, segment, offset, length FROM blobs WHERE id = ?')
    this.reader = new CacheReader(directory)
  }

  /** The greatest position; 0: there are none. */
  newest(): number {
    return this.#newest.get() ?? 0
  }

  find(blobId: BlobId): InventoryRow | undefined {
    const row = this.#find.get(blobId)
    return row === undefined ? undefined : inventoryRow(row)
  }

  totals(): { readonly blobs: number; readonly bytes: number; readonly newest: number } {
    const found = this.#database.prepare<[], { blobs: number; bytes: number | null; newest: number | null }>(
      'SELECT count(*) AS blobs, sum(length) AS bytes, max(position) AS newest FROM blobs',
    ).get()
    return { blobs: found?.blobs ?? 0, bytes: found?.bytes ?? 0, newest: found?.newest ?? 0 }
  }

  /** Those above `after`, up to and including `through`. */
  batch(after: number, through: number, limit: number): InventoryRow[] {
    return this.#batch.all(after, through, limit).map(inventoryRow)
  }

  close(): void {
    this.reader.close()
    this.#database.close()
  }
}

function inventoryRow({ position, id, segment, offset, length }: Row): InventoryRow {
  return { position, blobId: id as Uint8Array as BlobId, location: { segment, offset, length } }
}
