// Rows of the present and how they pass into the past. What began and ended at one position leaves nothing.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import { forkOf } from './interval.js'
import { isDirectoryRecord } from './version-attributes.js'

const foldersKeptMax = 4096

export interface NodeRow {
  readonly ino: number
  readonly origin: number | null
}

export interface VersionRow {
  readonly version: number
  readonly began: number
  readonly attributes: Buffer
  readonly content: number | null
}

export interface DirentRow {
  readonly cookie: number
  readonly parent: number
  /** As shown. */
  readonly name: string
  readonly ino: number
  readonly began: number
  /** Position of the link or move that gave it. */
  readonly claimed: number
  /** The same for a name and for what it was moved to; 0 with `putDirent`: a new one. */
  readonly line: number
  /** Null: as shown; '': nobody told it, a conflict needs it. */
  readonly told: string | null
}

export interface PastDirentRow extends DirentRow {
  readonly ended: number
}

export interface ContentRow {
  readonly content: number
  readonly began: number
  readonly size: number
  readonly bytes: Buffer
  readonly bases: Buffer
}

/** Numbers from here on are given out by the fold. */
export const ownInoBase = 2 ** 45

const direntColumns = 'cookie, parent, name, ino, began, claimed, line, told'

interface Statements {
  readonly node: Statement<[Uint8Array], NodeRow>
  readonly nodeId: Statement<[number], Buffer>
  readonly putNode: Statement<[number, Uint8Array, number, number | null], never>
  readonly copies: Statement<[number], number>
  readonly version: Statement<[number], VersionRow>
  readonly putVersion: Statement<[number, number, number, Uint8Array, number | null], never>
  readonly changeVersion: Statement<[Uint8Array, number | null, number], never>
  readonly endVersion: Statement<[number, number], never>
  readonly dropVersion: Statement<[number], never>
  readonly lastVersion: Statement<[number], { attributes: Buffer; content: number | null }>
  readonly dirent: Statement<[number, string], DirentRow>
  readonly direntsTold: Statement<[number, string, number, string], DirentRow>
  readonly direntsOf: Statement<[number], DirentRow>
  readonly hasChildren: Statement<[number], number>
  readonly putDirent: Statement<[number, number, string, number, number, number, number, string | null], never>
  readonly dropDirent: Statement<[number], never>
  readonly putPastDirent: Statement<[number, number, string, number, number, number, number, number, number, string | null], never>
  readonly lastDirents: Statement<[number], PastDirentRow>
  readonly heads: Statement<[number], ContentRow>
  readonly content: Statement<[number], ContentRow>
  readonly putContent: Statement<[number, number, number, number, Uint8Array, Uint8Array], never>
  readonly changeContent: Statement<[number, Uint8Array, Uint8Array, number], never>
  readonly endContent: Statement<[number, number], never>
}

export class HistoryRows {
  readonly #statements: Statements
  #nextIno = ownInoBase
  readonly #nodes = new Map<string, NodeRow>()
  readonly #folders = new Set<number>()
  nextCookie = 1
  nextVersion = 1
  nextContent = 1

  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
    this.#statements = prepareStatements(database)
    this.reload()
  }

  /** Numbers go on behind those that were ever given out and are not taken back. */
  reload(): void {
    this.#folders.clear()
    const largest = (table: string, key: string): number => this.#database.prepare<[], number | null>(`SELECT max(${key}) FROM ${table}`, 'first').get() ?? 0
    this.#nextIno = Math.max(largest('node', 'ino') + 1, ownInoBase)
    this.nextCookie = Math.max(largest('moment', 'cookies'), 1)
    this.nextVersion = Math.max(largest('moment', 'versions'), 1)
    this.nextContent = largest('content', 'content') + 1
  }

  // nodes

  /** The operations of one manifest entry name the same few again and again: between two of them nothing is kept. */
  beginEntry(): void {
    this.#nodes.clear()
  }

  node(id: Uint8Array): NodeRow | undefined {
    const key = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const row = this.#statements.node.get(id)
    if (row !== undefined) this.#nodes.set(key, row)
    return row
  }

  idOf(ino: number): Buffer | undefined {
    return this.#statements.nodeId.get(ino)
  }

  putNode(id: Uint8Array, wished: number, position: number, origin: number | null = null): number {
    // What nobody numbered, or numbered as something else, gets a number that no device gives out.
    const ino = wished > 0 && wished < ownInoBase && this.#statements.nodeId.get(wished) === undefined ? wished : this.#nextIno++
    this.#statements.putNode.run(ino, id, position, origin)
    return ino
  }

  /** Entries that only show another head of this one's content. */
  copiesOf(ino: number): number[] {
    return this.#statements.copies.all(ino)
  }

  // versions

  version(ino: number): VersionRow | undefined {
    return this.#statements.version.get(ino)
  }

  putVersion(ino: number, attributes: Uint8Array, content: number | null, position: number): void {
    const { version, putVersion, changeVersion } = this.#statements
    const current = version.get(ino)
    if (current?.began === position) {
      changeVersion.run(attributes, content, ino)
      return
    }
    if (current !== undefined) this.#pass(ino, position)
    putVersion.run(this.nextVersion++, ino, position, attributes, content)
  }

  /** Without a word in history: what is not versioned, like access times. */
  amendVersion(ino: number, attributes: Uint8Array, content: number | null): void {
    this.#statements.changeVersion.run(attributes, content, ino)
  }

  endVersion(ino: number, position: number): void {
    const current = this.#statements.version.get(ino)
    if (current === undefined) return
    if (current.began === position) this.#statements.dropVersion.run(ino)
    else this.#pass(ino, position)
  }

  /** Or was one, when it ended. It stays what it is. */
  isDirectory(ino: number): boolean {
    if (this.#folders.has(ino)) return true
    const attributes = (this.version(ino) ?? this.lastVersion(ino))?.attributes
    // Retention may have let go of what it was.
    if (attributes === undefined) return true
    if (!isDirectoryRecord(attributes)) return false
    if (this.#folders.size >= foldersKeptMax) this.#folders.clear()
    this.#folders.add(ino)
    return true
  }

  /** What an entry that ended was last. */
  lastVersion(ino: number): { readonly attributes: Buffer; readonly content: number | null } | undefined {
    return this.#statements.lastVersion.get(ino)
  }

  #pass(ino: number, position: number): void {
    this.#statements.endVersion.run(position, ino)
    this.#statements.dropVersion.run(ino)
  }

  // names

  dirent(parent: number, name: string): DirentRow | undefined {
    return this.#statements.dirent.get(parent, name)
  }

  /** Everything for which the manifest gives this name, the latest claim last. */
  direntsTold(parent: number, told: string): DirentRow[] {
    return this.#statements.direntsTold.all(parent, told, parent, told)
  }

  direntsOf(ino: number): DirentRow[] {
    return this.#statements.direntsOf.all(ino)
  }

  /** Copies that a conflict needs don't count: they go with their origin. */
  hasChildren(ino: number): boolean {
    return this.#statements.hasChildren.get(ino) !== undefined
  }

  putDirent(row: Omit<DirentRow, 'cookie'>): void {
    const { parent, name, ino, began, claimed, line, told } = row
    const cookie = this.nextCookie++
    this.#statements.putDirent.run(cookie, parent, name, ino, began, claimed, line === 0 ? cookie : line, told)
  }

  endDirent(row: DirentRow, position: number): void {
    const { cookie, parent, name, ino, began, claimed, line, told } = row
    this.#statements.dropDirent.run(cookie)
    if (began === position) return
    this.#statements.putPastDirent.run(cookie, parent, name, ino, began, position, forkOf(began, position), claimed, line, told)
  }

  /** The name that it lost last. */
  lastDirent(ino: number): DirentRow | undefined {
    return this.#statements.lastDirents.get(ino)
  }

  /** Names that the entry had, the latest end first. */
  lastDirents(ino: number): PastDirentRow[] {
    return this.#statements.lastDirents.all(ino)
  }

  // contents

  /** Contents of which none replaces another, in the order in which they were told. */
  heads(ino: number): ContentRow[] {
    return this.#statements.heads.all(ino)
  }

  content(content: number): ContentRow | undefined {
    return this.#statements.content.get(content)
  }

  putContent(ino: number, size: number, bytes: Uint8Array, bases: Uint8Array, position: number): number {
    const content = this.nextContent++
    this.#statements.putContent.run(content, ino, position, size, bytes, bases)
    return content
  }

  changeContent(content: number, size: number, bytes: Uint8Array, bases: Uint8Array): void {
    this.#statements.changeContent.run(size, bytes, bases, content)
  }

  endContent(content: number, position: number): void {
    this.#statements.endContent.run(position, content)
  }
}

function prepareStatements(database: Database): Statements {
  return {
    node: database.prepare('SELECT ino, origin FROM node WHERE id = ?'),
    nodeId: database.prepare('SELECT id FROM node WHERE ino = ?', 'first'),
    putNode: database.prepare('INSERT INTO node (ino, id, began, origin) VALUES (?, ?, ?, ?)'),
    copies: database.prepare('SELECT ino FROM node WHERE origin = ?', 'first'),
    version: database.prepare('SELECT version, began, attributes, content FROM version WHERE ino = ?'),
    putVersion: database.prepare('INSERT INTO version (version, ino, began, attributes, content) VALUES (?, ?, ?, ?, ?)'),
    changeVersion: database.prepare('UPDATE version SET attributes = ?, content = ? WHERE ino = ?'),
    endVersion: database.prepare(`INSERT INTO past_version (version, ino, began, ended, attributes, content)
      SELECT version, ino, began, ?, attributes, content FROM version WHERE ino = ?`),
    dropVersion: database.prepare('DELETE FROM version WHERE ino = ?'),
    lastVersion: database.prepare('SELECT attributes, content FROM past_version WHERE ino = ? ORDER BY began DESC LIMIT 1'),
    dirent: database.prepare(`SELECT ${direntColumns} FROM dirent WHERE parent = ? AND name = ?`),
    direntsTold: database.prepare(`SELECT ${direntColumns} FROM dirent WHERE parent = ? AND name = ? AND told IS NULL
      UNION ALL SELECT ${direntColumns} FROM dirent WHERE parent = ? AND told = ? ORDER BY claimed, cookie`),
    direntsOf: database.prepare(`SELECT ${direntColumns} FROM dirent WHERE ino = ? ORDER BY cookie`),
    hasChildren: database.prepare("SELECT cookie FROM dirent WHERE parent = ? AND (told IS NULL OR told <> '') LIMIT 1", 'first'),
    putDirent: database.prepare(`INSERT INTO dirent (${direntColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    dropDirent: database.prepare('DELETE FROM dirent WHERE cookie = ?'),
    putPastDirent: database.prepare(`INSERT INTO past_dirent (cookie, parent, name, ino, began, ended, fork, claimed, line, told)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    lastDirents: database.prepare(`SELECT ${direntColumns}, ended FROM past_dirent WHERE ino = ? ORDER BY ended DESC, cookie DESC`),
    heads: database.prepare('SELECT content, began, size, bytes, bases FROM content WHERE ino = ? AND ended = 0 ORDER BY content'),
    content: database.prepare('SELECT content, began, size, bytes, bases FROM content WHERE content = ?'),
    putContent: database.prepare('INSERT INTO content (content, ino, began, size, bytes, bases) VALUES (?, ?, ?, ?, ?, ?)'),
    changeContent: database.prepare('UPDATE content SET size = ?, bytes = ?, bases = ? WHERE content = ?'),
    endContent: database.prepare('UPDATE content SET ended = ? WHERE content = ?'),
  }
}
