// The local, sealed, rebuildable database of the tree. The main thread reads it and is its only writer; what a batch
// brings is committed as one, in slices, so that the kernel never waits for long.
import { openSealed, type Database, type Statement } from '../../native-deps/sqlite.js'
import { decodeBlobReference, encodeBlobReference, type BlobReference } from '../format/blob-reference.js'
import type { CatalogBatch, CatalogDirent, CatalogEntry, CatalogListed, CatalogMarks, CatalogPort, CatalogRow, CatalogWriter } from '../store/catalog-port.js'
import { VaultError } from '../terms/errors.js'
import { prepareSchema } from './schema.js'
import { Warming } from './warming.js'

export interface CatalogOptions {
  readonly path: string
  readonly key: Uint8Array
  readonly cacheBytes: number
  /** How much of its file the system is to read at once, from its beginning; absent: nothing. See warming.ts. */
  readonly warmBytes?: number
  /** Milliseconds of work after which an apply gives the thread back. */
  readonly sliceMs: number
  readonly monotonicMs: () => number
  /** Called between slices; resolves when the thread may go on. */
  readonly breathe: () => Promise<void>
}

interface Statements {
  readonly entry: Statement<[number], CatalogEntry>
  readonly lookup: Statement<[number, string], CatalogDirent>
  readonly list: Statement<[number, number, number, number], CatalogDirent>
  readonly listWithEntries: Statement<[number, number, number, number], CatalogListed>
  readonly lookupFrom: Statement<[number, string, number], CatalogListed>
  readonly chunk: Statement<[Uint8Array], Buffer>
  readonly marks: Statement<[], [string, number]>
  readonly orphans: Statement<[], number>
  readonly putEntry: Statement<[number, Uint8Array, number, Uint8Array, Uint8Array | null, Uint8Array | null], never>
  readonly removeEntry: Statement<[number], never>
  readonly putDirent: Statement<[number, string, number, number], never>
  readonly removeDirent: Statement<[number, string], never>
  readonly putChunk: Statement<[Uint8Array, Uint8Array], never>
  readonly putMark: Statement<[string, number], never>
}

export class Catalog implements CatalogPort, CatalogWriter {
  readonly #database: Database
  readonly #options: CatalogOptions
  readonly #statements: Statements
  readonly #warming: Warming | undefined

  constructor(options: CatalogOptions) {
    this.#options = options
    this.#database = open(options)
    this.#statements = prepareStatements(this.#database)
    if (options.warmBytes === undefined) return
    this.#warming = new Warming(options.path)
    this.#warming.run(options.warmBytes).catch(() => undefined)
  }

  entry(ino: number): CatalogEntry | undefined {
    return this.#read(() => this.#statements.entry.get(ino))
  }

  lookup(parent: number, name: string): CatalogDirent | undefined {
    return this.#read(() => this.#statements.lookup.get(parent, name))
  }

  list(parent: number, after: number, before: number, limit: number): readonly CatalogDirent[] {
    return this.#read(() => this.#statements.list.all(parent, after, before, limit))
  }

  listWithEntries(parent: number, after: number, before: number, limit: number): readonly CatalogListed[] {
    return this.#read(() => this.#statements.listWithEntries.all(parent, after, before, limit))
  }

  lookupFrom(parent: number, name: string, limit: number): readonly CatalogListed[] {
    return this.#read(() => this.#statements.lookupFrom.all(parent, name, limit))
  }

  chunk(chunkId: Uint8Array): BlobReference | undefined {
    const row = this.#read(() => this.#statements.chunk.get(chunkId))
    return row === undefined ? undefined : decodeBlobReference(row)
  }

  marks(): CatalogMarks {
    const marks = new Map(this.#read(() => this.#statements.marks.all()))
    return { appliedLsn: marks.get('appliedLsn') ?? 0, nextIno: marks.get('nextIno') ?? 1, nextCookie: marks.get('nextCookie') ?? 16, others: marks.get('others') ?? 0 }
  }

  orphans(): readonly number[] {
    return this.#read(() => this.#statements.orphans.all())
  }

  counts(): { entries: number; chunks: number } {
    const count = (table: string): number => this.#database.prepare<[], number>(`SELECT count(*) FROM ${table}`, 'first').get() ?? 0
    return { entries: count('entry'), chunks: count('chunk') }
  }

  async apply(batch: CatalogBatch): Promise<void> {
    this.#endReading()
    this.#database.begin()
    this.#inTransaction = true
    try {
      for (const step of this.#steps(batch)) {
        step()
        if (this.#options.monotonicMs() - this.#sliceBegan >= this.#options.sliceMs) {
          await this.#options.breathe()
          this.#sliceBegan = this.#options.monotonicMs()
        }
      }
      this.#database.commit()
    } catch (error) {
      this.#database.rollback()
      throw error
    } finally {
      this.#inTransaction = false
    }
  }

  #read<Value>(read: () => Value): Value {
    try {
      if (!this.#inTransaction) this.#beginReading()
      return read()
    } catch (error) {
      throw damaged(error, this.#options.path)
    }
  }

  /** Up to the end of this turn. Within one nobody but we change anything, and we end it before that. */
  #beginReading(): void {
    this.#database.beginReading()
    this.#inTransaction = this.#isReading = true
    queueMicrotask(this.#endReading)
  }

  readonly #endReading = (): void => {
    if (!this.#isReading) return
    this.#inTransaction = this.#isReading = false
    // An error may have ended it.
    if (this.#database.inTransaction) this.#database.commit()
  }

  #sliceBegan = 0
  /** Ours that applies, or one that reads. */
  #inTransaction = false
  #isReading = false

  /** Copies the write-ahead part into the database file. Blocks for as long as that takes: at close, or when it is short. */
  checkpoint(): void {
    this.#endReading()
    this.#database.checkpoint('PASSIVE')
  }

  close(): void {
    this.#endReading()
    this.#database.checkpoint('TRUNCATE')
    this.#database.close()
    this.#warming?.close()
  }

  *#steps(batch: CatalogBatch): IterableIterator<() => void> {
    this.#sliceBegan = this.#options.monotonicMs()
    const { removeEntry, putEntry, removeDirent, putDirent, putChunk, putMark } = this.#statements
    const { appliedLsn, nextIno, nextCookie, others } = batch.marks
    for (const ino of batch.gone) yield () => void removeEntry.run(ino)
    for (const row of batch.entries) yield () => this.#putRow(putEntry, row)
    for (const { parent, name, ino, cookie } of batch.dirents) {
      yield () => void (ino === 0 ? removeDirent.run(parent, name) : putDirent.run(parent, name, ino, cookie))
    }
    for (const reference of batch.chunks) yield () => void putChunk.run(reference.chunkId, encodeBlobReference(reference))
    yield () => {
      putMark.run('appliedLsn', appliedLsn)
      putMark.run('nextIno', nextIno)
      putMark.run('nextCookie', nextCookie)
      if (others !== undefined) putMark.run('others', others)
    }
  }

  #putRow(putEntry: Statements['putEntry'], row: CatalogRow): void {
    putEntry.run(row.ino, row.id, row.orphan ? 1 : 0, row.attributes, row.xattrs, row.content)
  }
}

function open({ path, key, cacheBytes }: CatalogOptions): Database {
  try {
    const database = openSealed(path, key, { synchronous: 'NORMAL', pageBytes: 4096, cacheBytes })
    prepareSchema(database)
    return database
  } catch (error) {
    throw damaged(error, path)
  }
}

/** With the next step, when it is damage. */
function damaged(error: unknown, path: string): unknown {
  if (!(error instanceof VaultError) || error.code !== 'corrupt') return error
  return new VaultError('corrupt', `The catalog is damaged: ${error.message}`, {
    subject: path, next: "Unmount, then run 'vaultfs rebuild': it makes the catalog anew from manifest, blobs and log.", cause: error,
  })
}

/** The join is by rowid: one descent for each name. */
const namesWithEntries = 'SELECT name, dirent.ino AS ino, cookie, attributes, xattrs, content FROM dirent LEFT JOIN entry ON entry.ino = dirent.ino'

function prepareStatements(database: Database): Statements {
  return {
    entry: database.prepare('SELECT attributes, xattrs, content FROM entry WHERE ino = ?'),
    lookup: database.prepare('SELECT name, ino, cookie FROM dirent WHERE parent = ? AND name = ?'),
    list: database.prepare('SELECT name, ino, cookie FROM dirent WHERE parent = ? AND cookie > ? AND cookie < ? ORDER BY cookie LIMIT ?'),
    listWithEntries: database.prepare(`${namesWithEntries} WHERE parent = ? AND cookie > ? AND cookie < ? ORDER BY cookie LIMIT ?`),
    lookupFrom: database.prepare(`${namesWithEntries} WHERE parent = ? AND name >= ? ORDER BY name LIMIT ?`),
    chunk: database.prepare('SELECT reference FROM chunk WHERE chunk_id = ?', 'first'),
    marks: database.prepare('SELECT name, value FROM mark', 'array'),
    orphans: database.prepare('SELECT ino FROM entry WHERE orphan = 1', 'first'),
    putEntry: database.prepare(`INSERT INTO entry (ino, id, orphan, attributes, xattrs, content) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (ino) DO UPDATE SET id = excluded.id, orphan = excluded.orphan, attributes = excluded.attributes,
      xattrs = excluded.xattrs, content = excluded.content`),
    removeEntry: database.prepare('DELETE FROM entry WHERE ino = ?'),
    // Takes away the row of a name whose place it got as well: that one is in the same batch, removed or at another place.
    putDirent: database.prepare('INSERT OR REPLACE INTO dirent (parent, name, ino, cookie) VALUES (?, ?, ?, ?)'),
    removeDirent: database.prepare('DELETE FROM dirent WHERE parent = ? AND name = ?'),
    putChunk: database.prepare('INSERT OR IGNORE INTO chunk (chunk_id, reference) VALUES (?, ?)'),
    putMark: database.prepare('INSERT INTO mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
  }
}
