// The catalog's rows in the order of their keys, for a thread that looks at all of them. Its connection is its own: pages
// come from the disk, not from the memory of whoever writes. No transaction lasts longer than a batch, so the main
// thread's checkpoints go on.
import { openSealed, type Database, type Statement } from '../../native-deps/sqlite.js'

export interface StoredEntry {
  readonly ino: number
  readonly id: Buffer
  readonly orphan: number
  readonly attributes: Buffer
  readonly xattrs: Buffer | null
  readonly content: Buffer | null
}

export interface StoredName {
  readonly parent: number
  readonly name: string
  readonly ino: number
}

export interface StoredChunk {
  readonly chunkId: Buffer
  readonly reference: Buffer
}

const entryColumns = 'ino, id, orphan, attributes, xattrs, content'

export class CatalogInventory {
  readonly #database: Database
  readonly #entries: Statement<[number, number], StoredEntry>
  readonly #entry: Statement<[number], StoredEntry>
  readonly #names: Statement<[number, string, number], StoredName>
  readonly #name: Statement<[number, string], StoredName>
  readonly #chunks: Statement<[Uint8Array, number], StoredChunk>

  constructor(path: string, key: Uint8Array) {
    this.#database = openSealed(path, key, { readOnly: true })
    this.#entries = this.#database.prepare(`SELECT ${entryColumns} FROM entry WHERE ino > ? ORDER BY ino LIMIT ?`)
    this.#entry = this.#database.prepare(`SELECT ${entryColumns} FROM entry WHERE ino = ?`)
    this.#names = this.#database.prepare('SELECT parent, name, ino FROM dirent WHERE (parent, name) > (?, ?) ORDER BY parent, name LIMIT ?')
    this.#name = this.#database.prepare('SELECT parent, name, ino FROM dirent WHERE parent = ? AND name = ?')
    this.#chunks = this.#database.prepare('SELECT chunk_id AS chunkId, reference FROM chunk WHERE chunk_id > ? ORDER BY chunk_id LIMIT ?')
  }

  count(): number {
    const of = (table: string): number => this.#database.prepare<[], number>(`SELECT count(*) FROM ${table}`, 'first').get() ?? 0
    return of('entry') + of('dirent') + of('chunk')
  }

  /** The largest numbers in use, and then the marks: the least that is given out next. */
  numbers(): { readonly ino: number; readonly cookie: number; readonly nextIno: number; readonly nextCookie: number } {
    const number = (source: string): number => this.#database.prepare<[], number | null>(source, 'first').get() ?? 0
    return {
      ino: number('SELECT max(ino) FROM entry'), cookie: number('SELECT max(cookie) FROM dirent'),
      nextIno: number("SELECT value FROM mark WHERE name = 'nextIno'"), nextCookie: number("SELECT value FROM mark WHERE name = 'nextCookie'"),
    }
  }

  entries(after: number, limit: number): StoredEntry[] {
    return this.#entries.all(after, limit)
  }

  entry(ino: number): StoredEntry | undefined {
    return this.#entry.get(ino)
  }

  /** Behind that name of that folder. */
  names(after: Pick<StoredName, 'parent' | 'name'>, limit: number): StoredName[] {
    return this.#names.all(after.parent, after.name, limit)
  }

  name({ parent, name }: Pick<StoredName, 'parent' | 'name'>): StoredName | undefined {
    return this.#name.get(parent, name)
  }

  chunks(after: Uint8Array, limit: number): StoredChunk[] {
    return this.#chunks.all(after, limit)
  }

  close(): void {
    this.#database.close()
  }
}
