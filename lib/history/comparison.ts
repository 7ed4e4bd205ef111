// Whether two databases of the past say the same, row by row and in the order of their keys. Both were folded from the
// same entries, so each row must be equal; only numbers that a fold gives out of its own (contents, copies that a
// conflict needs) may differ, and are left out.
import type { Database } from '../../native-deps/sqlite.js'
import { ownInoBase } from './rows.js'

export interface RowDifference {
  readonly table: string
  /** Missing: only the refolded one has it; surplus: only the other. */
  readonly kind: 'missing' | 'surplus' | 'other'
  /** Entry that the row is about, and the position at which it began, where it has them. */
  readonly ino: number | undefined
  readonly began: number | undefined
}

type Value = null | number | string | Buffer

interface Table {
  readonly name: string
  /** Its first column is the key, in whose order the rows come; null: there is none, and one missing row hides the others. */
  readonly source: string
  readonly keyed: boolean
  /** Columns of entry and position. */
  readonly ino?: number
  readonly began?: number
}

const inoOf = (column: string): string => `CASE WHEN ${column} < ${ownInoBase} THEN ${column} ELSE 0 END`
const versionsOf = (table: string, ended: string): string => `SELECT version, ${inoOf(`${table}.ino`)}, ${table}.began, ${ended}, attributes,
  content.began, content.size, content.bytes FROM ${table} LEFT JOIN content USING (content) ORDER BY version`

function tablesOf(database: Database): readonly Table[] {
  const columnsOf = (table: string, but: readonly string[]): string => {
    const columns = database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)', 'first').all(table)
    return columns.filter((column) => !but.includes(column)).map((column) => `${table}.${column}`).join()
  }
  const namesOf = (table: string): Table => (
    { name: table, source: `SELECT cookie, ${inoOf('ino')}, began, ${columnsOf(table, ['ino'])} FROM ${table} ORDER BY cookie`, keyed: true, ino: 1, began: 2 }
  )
  return [
    { name: 'device', source: 'SELECT hex(id), name, sequence, hash FROM device ORDER BY 1', keyed: true },
    {
      // Devices are numbered in the order in which they were met.
      name: 'moment', source: `SELECT position, hex(id), ${columnsOf('moment', ['device', 'seen'])} FROM moment JOIN device USING (device) ORDER BY position`,
      keyed: true, began: 0,
    },
    { name: 'snapshot', source: 'SELECT name, position FROM snapshot ORDER BY name', keyed: true, began: 1 },
    { name: 'node', source: `SELECT ino, id, began FROM node WHERE ino < ${ownInoBase} ORDER BY ino`, keyed: true, ino: 0, began: 2 },
    { name: 'version', source: versionsOf('version', '0'), keyed: true, ino: 1, began: 2 },
    { name: 'past_version', source: versionsOf('past_version', 'past_version.ended'), keyed: true, ino: 1, began: 2 },
    namesOf('dirent'),
    namesOf('past_dirent'),
    { name: 'content', source: `SELECT NULL, ${inoOf('ino')}, began, ended, size, bytes, bases FROM content ORDER BY content`, keyed: false, ino: 1, began: 2 },
  ]
}

/** Between differences it tells how many tables are done: the thread may do something else then. */
export function* compareHistories(refolded: Database, other: Database): IterableIterator<RowDifference | number> {
  for (const [done, table] of tablesOf(refolded).entries()) {
    yield done
    yield* compareTable(table, done, refolded, other)
  }
}

export const comparedTables = 9
const stepRows = 1000

function* compareTable(table: Table, done: number, refolded: Database, other: Database): IterableIterator<RowDifference | number> {
  const ours = refolded.prepare<[], readonly Value[]>(table.source, 'array').iterate()
  const theirs = other.prepare<[], readonly Value[]>(table.source, 'array').iterate()
  try {
    let [one, two] = [ours.next(), theirs.next()]
    for (let rows = 1; one.done !== true || two.done !== true; rows++) {
      const kind = relation(table, one.value ?? undefined, two.value ?? undefined)
      if (kind !== 'same') {
        yield difference(table, kind, (kind === 'surplus' ? two.value : one.value) ?? [])
        if (!table.keyed) return
      }
      if (kind !== 'surplus') one = ours.next()
      if (kind !== 'missing') two = theirs.next()
      if (rows % stepRows === 0) yield done
    }
  } finally {
    ours.return()
    theirs.return()
  }
}

function relation({ keyed }: Table, one: readonly Value[] | undefined, two: readonly Value[] | undefined): RowDifference['kind'] | 'same' {
  if (one === undefined) return 'surplus'
  if (two === undefined) return 'missing'
  const [key, otherKey] = [one[0] ?? 0, two[0] ?? 0]
  if (keyed && key !== otherKey) return key < otherKey ? 'missing' : 'surplus'
  return one.length === two.length && one.every((value, at) => isSame(value, two[at] ?? null)) ? 'same' : 'other'
}

function isSame(one: Value, two: Value): boolean {
  return Buffer.isBuffer(one) ? Buffer.isBuffer(two) && one.equals(two) : one === two
}

function difference({ name, ino, began }: Table, kind: RowDifference['kind'], row: readonly Value[]): RowDifference {
  const numberAt = (column: number | undefined): number | undefined => {
    const value = column === undefined ? undefined : row[column]
    return typeof value === 'number' && value > 0 ? value : undefined
  }
  return { table: name, kind, ino: numberAt(ino), began: numberAt(began) }
}
