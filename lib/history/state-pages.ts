// The whole state at a position as pages: the same bytes wherever the same entries are folded. FORMAT §7.6.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { KeyedHasher } from '../../native-deps/blake3.js'
import { sha256 } from '../../native-deps/sodium.js'
import { ByteWriter } from '../format/writer.js'
import type { Position, StateCursor, StatePart } from '../store/history-port.js'
import { limits } from '../terms/limits.js'
import type { Lookups } from './lookups.js'
import type { Moments } from './moments.js'

const pageBytesMax = 256 * 1024
/** What one step makes, about: some hundred records. Questions about the past wait for its end. */
const partBytes = 128 * 1024
const rootIno = 1
const noFolder = Buffer.alloc(16)
const nameless = Buffer.alloc(16, 0xff)

interface Folder {
  readonly ino: number
  readonly id: Buffer
}

interface NameRow {
  readonly parent: number
  readonly name: string
  readonly ino: number
}

interface HeadRow {
  readonly size: number
  readonly bytes: Buffer
}

export class StatePages {
  readonly #moments: Moments
  readonly #lookups: Lookups
  readonly #folders: Statement<[Uint8Array], Folder>
  readonly #id: Statement<[number], Buffer>
  readonly #names: Statement<[number, string, number], NameRow>
  readonly #told: Statement<[number, string, number], NameRow>
  readonly #ended: Statement<[number, number], NameRow>
  readonly #heads: Statement<[number, number, number], HeadRow>
  readonly #unnamed: Statement<[number], number>
  /** Names of an entry as the manifest gives them: those that a conflict shows otherwise, too. */
  readonly #toldNow: Statement<[number, number], NameRow>
  readonly #toldThen: Statement<[number, number, number], NameRow>

  constructor(database: Database, moments: Moments, lookups: Lookups) {
    this.#moments = moments
    this.#lookups = lookups
    this.#folders = database.prepare('SELECT ino, id FROM node WHERE id > ? AND origin IS NULL ORDER BY id LIMIT 1')
    this.#id = database.prepare('SELECT id FROM node WHERE ino = ?', 'first')
    this.#names = database.prepare('SELECT parent, name, ino FROM dirent WHERE parent = ? AND name > ? AND cookie < ? AND told IS NULL ORDER BY name')
    this.#told = database.prepare("SELECT parent, told AS name, ino FROM dirent WHERE parent = ? AND told > ? AND cookie < ? AND told <> ''")
    this.#ended = database.prepare(`SELECT parent, coalesce(told, name) AS name, ino FROM past_dirent
      WHERE ended > ? AND cookie < ? AND coalesce(told, name) <> ''`)
    this.#toldNow = database.prepare("SELECT parent, coalesce(told, name) AS name, ino FROM dirent WHERE ino = ? AND cookie < ? AND coalesce(told, name) <> ''")
    this.#toldThen = database.prepare(`SELECT parent, coalesce(told, name) AS name, ino FROM past_dirent
      WHERE ino = ? AND began <= ? AND ended > ? AND coalesce(told, name) <> ''`)
    this.#heads = database.prepare('SELECT size, bytes FROM content WHERE ino = ? AND began <= ? AND (ended = 0 OR ended > ?) ORDER BY content')
    this.#unnamed = database.prepare(`SELECT ino FROM node WHERE ino > ? AND origin IS NULL
      AND NOT EXISTS (SELECT 1 FROM dirent WHERE dirent.ino = node.ino) ORDER BY ino LIMIT 1`, 'first')
  }

  /** Pages from behind the cursor (undefined: the first), some hundred KiB of them. Throws 'stale' when the position is let go of. */
  part(position: Position, cursor: StateCursor | undefined): StatePart {
    const { cookies } = this.#moments.watermarks(position)
    const making: Making = { position, cookies, pages: [], page: new PageWriter(), bytes: 0, records: 0, since: this.#endedSince(position, cookies) }
    const next = this.#fill(making, cursor)
    return { pages: making.pages, records: making.records, next }
  }

  #fill(making: Making, cursor: StateCursor | undefined): StateCursor | undefined {
    if (cursor === undefined) this.#add(making, { folder: noFolder, name: '', ino: rootIno })
    let at: StateCursor = cursor ?? { folder: noFolder, name: '', unnamed: 0 }
    while (at.unnamed === 0) {
      // The folder in which we stopped goes on behind the name.
      const folder = at.name === '' ? this.#folders.get(at.folder) : { ino: this.#ino(at.folder), id: Buffer.from(at.folder) }
      if (folder === undefined) break
      for (const { name, ino } of this.#namesOf(making, folder.ino, at.name)) {
        if (this.#add(making, { folder: folder.id, name, ino }) && making.bytes >= partBytes) return { folder: folder.id, name, unnamed: 0 }
      }
      at = { folder: folder.id, name: '', unnamed: 0 }
    }
    for (let ino = this.#unnamed.get(at.unnamed); ino !== undefined; ino = this.#unnamed.get(ino)) {
      if (ino === rootIno || this.#lookups.entry(making.position, ino) === undefined || this.#lookups.namesOf(making.position, ino).length > 0) continue
      const id = this.#id.get(ino)
      if (id === undefined) continue
      if (this.#add(making, { folder: nameless, name: id.toString('latin1'), ino }) && making.bytes >= partBytes) return { ...at, unnamed: ino }
    }
    this.#finish(making)
    return undefined
  }

  /** Answers whether a page ended with the record. */
  #add(making: Making, { folder, name, ino }: { readonly folder: Uint8Array; readonly name: string; readonly ino: number }): boolean {
    const key = Buffer.concat([folder, Buffer.from(name, 'latin1')])
    const { page } = making
    page.add(this.#record(making.position, folder, name, ino))
    making.records++
    if ((sha256(key)[0] ?? 1) > 1 && page.bytes < pageBytesMax) return false
    this.#finish(making)
    return true
  }

  #finish(making: Making): void {
    const page = making.page.take()
    if (page === undefined) return
    making.pages.push(page)
    making.bytes += page.byteLength
  }

  #record(position: Position, folder: Uint8Array, name: string, ino: number): Uint8Array {
    const writer = new ByteWriter(512).bytes(folder).lengthPrefixed(Buffer.from(name, 'latin1')).bytes(this.#id.get(ino) ?? noFolder)
    const entry = this.#lookups.entry(position, ino)
    if (entry === undefined || !this.#isFirstName(position, folder, name, ino)) return writer.u8(0).take()
    const record = Buffer.concat([entry.attributes, entry.xattrs ?? new Uint8Array(0)])
    // Blocks follow from the content, access times are not versioned.
    record.fill(0, 45, 65)
    const heads = this.#heads.all(ino, position, position)
    writer.u8(1).varint(ino).lengthPrefixed(record).varint(heads.length)
    for (const { size, bytes } of heads) writer.varint(size).lengthPrefixed(bytes)
    return writer.take()
  }

  #isFirstName(position: Position, folder: Uint8Array, name: string, ino: number): boolean {
    const { cookies } = this.#moments.watermarks(position)
    const names = [...this.#toldNow.all(ino, cookies), ...this.#toldThen.all(ino, position, position)]
    if (names.length < 2) return true
    const keys = names.map((each) => Buffer.concat([this.#id.get(each.parent) ?? noFolder, Buffer.from(each.name, 'latin1')])).sort((a, b) => Buffer.compare(a, b))
    return Buffer.compare(keys[0] ?? noFolder, Buffer.concat([folder, Buffer.from(name, 'latin1')])) === 0
  }

  /** As they were at the position: what has ended since is among them, what has begun since is not. */
  *#namesOf({ cookies, since }: Making, folder: number, after: string): IterableIterator<NameRow> {
    const beside = [...(since.get(folder) ?? []).filter(({ name }) => name > after), ...this.#told.all(folder, after, cookies)].sort(byName)
    let next = 0
    for (const row of this.#names.iterate(folder, after, cookies)) {
      for (let other = beside[next]; other !== undefined && byName(other, row) < 0; other = beside[++next]) yield other
      yield row
    }
    yield* beside.slice(next)
  }

  /** Of all folders, by folder: few, what was published while pages are made. */
  #endedSince(position: Position, cookies: number): ReadonlyMap<number, NameRow[]> {
    const since = new Map<number, NameRow[]>()
    for (const row of this.#ended.iterate(position, cookies)) {
      const rows = since.get(row.parent)
      if (rows === undefined) since.set(row.parent, [row])
      else rows.push(row)
    }
    return since
  }

  #ino(id: Uint8Array): number {
    return this.#lookups.inoOf(id) ?? 0
  }
}

/** Names are bytes as latin1 characters: their order is that of the bytes. */
function byName(one: NameRow, other: NameRow): number {
  if (one.name !== other.name) return one.name < other.name ? -1 : 1
  return one.ino - other.ino
}

interface Making {
  readonly position: Position
  readonly cookies: number
  readonly pages: Uint8Array[]
  readonly page: PageWriter
  readonly since: ReadonlyMap<number, NameRow[]>
  bytes: number
  records: number
}

class PageWriter {
  #records: Uint8Array[] = []
  bytes = 0

  add(record: Uint8Array): void {
    this.#records.push(record)
    this.bytes += record.byteLength
  }

  take(): Uint8Array | undefined {
    if (this.#records.length === 0) return undefined
    const writer = new ByteWriter(this.bytes + 8).u8(1).varint(this.#records.length)
    for (const record of this.#records) writer.bytes(record)
    this.#records = []
    this.bytes = 0
    return writer.take()
  }
}

const nodeLabel = Buffer.from('state-node/v1\0', 'latin1')
const rootLabel = Buffer.from('state/v1\0', 'latin1')

/** Over the ids of the lowest pages. */
export function stateRoot(pageIds: readonly Uint8Array[], records: number, hasher: KeyedHasher): Uint8Array {
  let level: readonly Uint8Array[] = pageIds
  do {
    const above: Uint8Array[] = []
    for (let at = 0; at < level.length; at += limits.statePagesBelow) above.push(hasher.digest(nodeLabel, ...level.slice(at, at + limits.statePagesBelow)))
    level = above
  } while (level.length > 1)
  const count = Buffer.alloc(8)
  count.writeBigUInt64BE(BigInt(records))
  return hasher.digest(rootLabel, count, level[0] ?? new Uint8Array(32))
}

