// The newest folded state row by row, for whoever makes a catalog of it. Copies that only a conflict shows are left out.
import type { Database, Statement } from '../../native-deps/sqlite.js'

export interface CurrentEntry {
  readonly ino: number
  readonly id: Buffer
  /** Attributes and xattrs, as the manifest told them. */
  readonly record: Buffer
  readonly content: Buffer | null
}

export interface CurrentName {
  readonly parent: number
  readonly name: string
  readonly ino: number
}

export class CurrentRows {
  readonly #database: Database
  readonly #names: Statement<[number], number>
  readonly #home: Statement<[number], number>
  readonly #children: Statement<[number], { names: number; folders: number }>

  constructor(database: Database) {
    this.#database = database
    this.#names = database.prepare('SELECT count(*) FROM dirent WHERE ino = ?', 'first')
    this.#home = database.prepare('SELECT parent FROM dirent WHERE ino = ? LIMIT 1', 'first')
    // The mode's type is in the upper half of the record's nineteenth byte.
    this.#children = database.prepare(`SELECT count(*) AS names, coalesce(sum(hex(substr(attributes, 19, 1)) LIKE '4_'), 0) AS folders
      FROM dirent JOIN version ON version.ino = dirent.ino WHERE parent = ?`)
  }

  count(): number {
    return this.#database.prepare<[], number>('SELECT count(*) FROM version', 'first').get() ?? 0
  }

  /** By number, those above `after`. */
  entries(after: number, limit: number): CurrentEntry[] {
    return this.#database.prepare<[number, number], CurrentEntry>(`SELECT version.ino AS ino, id, attributes AS record, bytes AS content
      FROM version JOIN node USING (ino) LEFT JOIN content USING (content) WHERE version.ino > ? AND origin IS NULL
      ORDER BY version.ino LIMIT ?`).all(after, limit)
  }

  names(afterCookie: number, limit: number): (CurrentName & { readonly cookie: number })[] {
    return this.#database.prepare<[number, number], CurrentName & { cookie: number }>(`SELECT cookie, parent, name, ino FROM dirent
      WHERE cookie > ? AND coalesce(told, name) <> '' ORDER BY cookie LIMIT ?`).all(afterCookie, limit)
  }

  entry(ino: number): CurrentEntry | undefined {
    return this.entries(ino - 1, 1).find((each) => each.ino === ino)
  }

  /** By folder and name, those behind that one. */
  namesBehind(after: Pick<CurrentName, 'parent' | 'name'>, limit: number): CurrentName[] {
    return this.#database.prepare<[number, string, number], CurrentName>(`SELECT parent, name, ino FROM dirent
      WHERE (parent, name) > (?, ?) AND coalesce(told, name) <> '' ORDER BY parent, name LIMIT ?`).all(after.parent, after.name, limit)
  }

  name({ parent, name }: Pick<CurrentName, 'parent' | 'name'>): CurrentName | undefined {
    return this.#database.prepare<[number, string], CurrentName>("SELECT parent, name, ino FROM dirent WHERE parent = ? AND name = ? AND coalesce(told, name) <> ''").get(parent, name)
  }

  linkCount(ino: number): number {
    return this.#names.get(ino) ?? 0
  }

  /** Of a folder: the one that it is in; undefined: it has no name. */
  parentOf(ino: number): number | undefined {
    return this.#home.get(ino)
  }

  children(ino: number): { readonly names: number; readonly folders: number } {
    return this.#children.get(ino) ?? { names: 0, folders: 0 }
  }

  /** The largest number that a device gave to an entry, dead or alive. */
  largestIno(below: number): number {
    return this.#database.prepare<[number], number | null>('SELECT max(ino) FROM node WHERE ino < ?', 'first').get(below) ?? 0
  }

  /** Contents of all versions that name blobs (not inline), by number, those above `after`. */
  contents(after: number, limit: number): { readonly content: number; readonly bytes: Buffer }[] {
    return this.#database.prepare<[number, number], { content: number; bytes: Buffer }>("SELECT content, bytes FROM content WHERE content > ? AND substr(bytes, 1, 1) IN (x'02', x'03') ORDER BY content LIMIT ?").all(after, limit)
  }

  contentCount(): number {
    return this.#database.prepare<[], number>("SELECT count(*) FROM content WHERE substr(bytes, 1, 1) IN (x'02', x'03')", 'first').get() ?? 0
  }
}
