// What one simulated device shows, taken from its fold of the entries that it has: names, entries and the contents that
// stand beside one another. The device changes this, and tells what it changed.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import { hex } from '../../lib/terms/bytes.js'
import { isDirectoryRecord } from '../../lib/history/version-attributes.js'

export interface ShownName {
  parent: number
  name: string
  readonly ino: number
  /** Place that the manifest gives it; undefined: it is new. */
  readonly told: { readonly parent: number; readonly name: string } | undefined
}

export interface ShownEntry {
  readonly ino: number
  readonly id: Uint8Array
  readonly isDirectory: boolean
  readonly attributes: Buffer
  /** Undefined: none was ever told. */
  readonly content: Buffer | undefined
  readonly heads: readonly Buffer[]
}

export interface View {
  readonly names: Set<ShownName>
  readonly entries: Map<number, ShownEntry>
  /** Shown names of copies that a conflict needs, by folder: nobody may take them. */
  readonly copies: ReadonlySet<string>
}

interface NameRow { parent: number; name: string; ino: number; told: string | null }
interface EntryRow { ino: number; id: Buffer; origin: number | null; attributes: Buffer; bytes: Buffer | null }

const prepared = new WeakMap<Database, Map<string, Statement<[], unknown>>>()

/** Prepared once for each database: a test asks thousands of times. */
export function rowsOf<Row>(database: Database, source: string): Row[] {
  const statements = prepared.get(database) ?? new Map<string, Statement<[], unknown>>()
  prepared.set(database, statements)
  const statement = statements.get(source) ?? database.prepare<[], unknown>(source)
  statements.set(source, statement)
  return statement.all() as Row[]
}

export function viewOf(database: Database): View {
  const heads = new Map<number, Buffer[]>()
  for (const { ino, bytes } of rowsOf<{ ino: number; bytes: Buffer }>(database, 'SELECT ino, bytes FROM content WHERE ended = 0 ORDER BY content')) {
    heads.set(ino, [...heads.get(ino) ?? [], bytes])
  }
  const entries = new Map<number, ShownEntry>()
  const rows = rowsOf<EntryRow>(database, 'SELECT version.ino AS ino, id, origin, attributes, bytes FROM version JOIN node USING (ino) LEFT JOIN content USING (content)')
  for (const { ino, id, origin, attributes, bytes } of rows) {
    if (origin === null) entries.set(ino, { ino, id, isDirectory: isDirectoryRecord(attributes), attributes, content: bytes ?? undefined, heads: heads.get(ino) ?? [] })
  }
  const names = new Set<ShownName>()
  const copies = new Set<string>()
  for (const { parent, name, ino, told } of rowsOf<NameRow>(database, 'SELECT parent, name, ino, told FROM dirent ORDER BY cookie')) {
    if (told === '') copies.add(`${parent}/${name}`)
    else names.add({ parent, name, ino, told: { parent, name: told ?? name } })
  }
  return { names, entries, copies }
}

/** Blocks and access time, which are not versioned, and the number of the parent, which is of one device only. */
export function versionedAttributes(attributes: Uint8Array): string {
  const record = Buffer.from(attributes)
  record.fill(0, 45, 65)
  record.fill(0, 101, 109)
  return hex(record)
}

interface RecordRow { id: Buffer; attributes: Buffer; bytes: Buffer | null }

/** The newest state, line by line, in words that mean the same on every device. */
export function currentState(database: Database): string[] {
  const names = rowsOf<{ parent: Buffer; name: string; told: string | null; id: Buffer }>(database, `SELECT parent.id AS parent, name, told, node.id AS id
    FROM dirent JOIN node AS parent ON parent.ino = dirent.parent JOIN node ON node.ino = dirent.ino`)
  const versions = rowsOf<RecordRow>(database, 'SELECT id, attributes, bytes FROM version JOIN node USING (ino) LEFT JOIN content USING (content)')
  const heads = rowsOf<{ id: Buffer; bytes: Buffer }>(database, 'SELECT id, bytes FROM content JOIN node USING (ino) JOIN version USING (ino) WHERE ended = 0')
  const snapshots = rowsOf<{ name: string; position: number }>(database, 'SELECT name, position FROM snapshot')
  const kept = rowsOf<{ id: Buffer; sequence: number }>(database, 'SELECT id, moment.sequence AS sequence FROM moment JOIN device USING (device) WHERE kept = 1')
  return [
    ...names.map(({ parent, name, told, id }) => `name ${hex(parent)}/${JSON.stringify(name)} ${JSON.stringify(told)} = ${hex(id)}`),
    ...versions.map(({ id, attributes, bytes }) => `entry ${hex(id)} ${versionedAttributes(attributes)} ${bytes === null ? '-' : hex(bytes)}`),
    ...heads.map(({ id, bytes }) => `head ${hex(id)} ${hex(bytes)}`),
    ...snapshots.map(({ name, position }) => `snapshot ${name} ${position}`),
    ...kept.map(({ id, sequence }) => `kept ${hex(id)} ${sequence}`),
  ].sort()
}

/** All of the past, line by line. */
export function pastState(database: Database): string[] {
  const names = rowsOf<{ cookie: number; parent: Buffer; name: string; told: string | null; id: Buffer; began: number; ended: number }>(database, `SELECT cookie,
    parent.id AS parent, name, told, node.id AS id, past_dirent.began AS began, ended
    FROM past_dirent JOIN node AS parent ON parent.ino = past_dirent.parent JOIN node ON node.ino = past_dirent.ino`)
  const versions = rowsOf<RecordRow & { version: number; began: number; ended: number }>(database, `SELECT version, id, attributes, bytes,
    past_version.began AS began, past_version.ended AS ended FROM past_version JOIN node USING (ino) LEFT JOIN content USING (content)`)
  return [
    ...names.map(({ cookie, parent, name, told, id, began, ended }) => `${began} ${ended} name ${cookie} ${hex(parent)}/${JSON.stringify(name)} ${JSON.stringify(told)} = ${hex(id)}`),
    ...versions.map(({ version, id, attributes, bytes, began, ended }) => `${began} ${ended} entry ${version} ${hex(id)} ${versionedAttributes(attributes)} ${bytes === null ? '-' : hex(bytes)}`),
  ].sort()
}
