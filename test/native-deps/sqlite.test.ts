// The door to SQLite: pages that are really sealed, temporary data in memory, and errors in our words.

import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openPlain, openSealed } from '../../native-deps/sqlite.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-sqlite-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const key = new Uint8Array(new SharedArrayBuffer(32)).fill(9)

t.test('a sealed database shows nothing, neither in its file nor in its log', (t) => {
  const path = join(folder, 'sealed.db')
  const database = openSealed(path, key)
  database.exec('CREATE TABLE names (name TEXT)')
  const insert = database.prepare<[string]>('INSERT INTO names VALUES (?)')
  database.transaction(() => { for (let i = 0; i < 3000; i++) insert.run(`MARKER-${i}`) })
  const files = (): string[] => readdirSync(folder).filter((name) => name.startsWith('sealed.db'))
  const shows = (): string[] => files().filter((name) => readFileSync(join(folder, name)).includes('MARKER'))
  t.ok(files().includes('sealed.db-wal'))
  t.same(shows(), [])
  t.equal(database.checkpoint('TRUNCATE'), true)
  t.same(shows(), [])
  const reader = openSealed(path, key, { readOnly: true })
  t.equal(reader.prepare<[], number>('SELECT count(*) FROM names', 'first').get(), 3000)
  t.throws(() => reader.exec('DELETE FROM names'), { code: 'read-only' })
  reader.close()
  database.close()
  t.throws(() => openSealed(path, new Uint8Array(32)), { code: 'corrupt', subject: path })
  t.throws(() => openPlain(path), { code: 'corrupt' })
  t.end()
})

t.test('a checkpoint that a reader keeps from copying everything says so', (t) => {
  const path = join(folder, 'read.db')
  const writer = openPlain(path)
  writer.exec('CREATE TABLE names (name TEXT); INSERT INTO names VALUES (1)')
  t.equal(writer.checkpoint('PASSIVE'), true)
  const reader = openPlain(path, { readOnly: true })
  reader.exec('BEGIN')
  t.equal(reader.prepare<[], number>('SELECT count(*) FROM names', 'first').get(), 1)
  writer.exec('INSERT INTO names VALUES (2)')
  t.equal(writer.checkpoint('PASSIVE'), false, 'though SQLite does not call it busy')
  reader.exec('COMMIT')
  t.equal(writer.checkpoint('PASSIVE'), true)
  reader.close()
  writer.close()
  t.end()
})

t.test('a limit that is a parameter is planned once', (t) => {
  const database = openPlain(join(folder, 'limit.db'))
  database.exec('CREATE TABLE rows (value INTEGER PRIMARY KEY); INSERT INTO rows VALUES (1), (2), (3), (4)')
  const some = database.prepare<[number, number, number], { readonly value: number }>('SELECT value FROM rows WHERE value > ? ORDER BY value LIMIT ? OFFSET ?')
  // The package makes a row's maker from text whenever the statement was planned anew.
  const { Function: original } = globalThis
  let made = 0
  globalThis.Function = new Proxy(original, { apply: (target, self, words: string[]) => { made++; return Reflect.apply(target, self, words) as unknown } })
  t.teardown(() => { globalThis.Function = original })
  for (const [limit, offset, expected] of [[2, 0, [2, 3]], [1, 1, [3]], [0, 0, []], [9, 0, [2, 3, 4]]] as const) {
    t.same(some.all(1, limit, offset).map(({ value }) => value), expected)
  }
  t.equal(made, 1)
  database.close()
  t.end()
})

t.test('a large sort leaves no temporary file', (t) => {
  const database = openSealed(join(folder, 'sort.db'), key, { cacheBytes: 65536 })
  t.equal(database.pragma('temp_store'), 2)
  database.exec('CREATE TABLE rows (value TEXT)')
  const insert = database.prepare<[string]>('INSERT INTO rows VALUES (?)')
  database.transaction(() => { for (let i = 0; i < 50_000; i++) insert.run(`${(i * 7919) % 50_000}-${'x'.repeat(60)}`) })
  const rows = database.prepare<[], string>('SELECT value FROM rows ORDER BY value', 'first').iterate()
  rows.next()
  const deleted = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return 'the descriptor of the listing itself'
    }
  }).filter((target) => target.endsWith('(deleted)'))
  t.same(deleted, [], 'SQLite unlinks its temporary files at once and keeps the descriptor')
  rows.return()
  database.close()
  t.end()
})

t.test('transactions and errors', (t) => {
  const path = join(folder, 'plain.db')
  const database = openPlain(path)
  t.equal(database.pragma('synchronous'), 2, 'FULL unless told otherwise')
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB)')
  const insert = database.prepare<[number, Uint8Array]>('INSERT INTO rows VALUES (?, ?)')
  t.throws(() => database.transaction(() => {
    insert.run(1, new Uint8Array(4))
    insert.run(1, new Uint8Array(4))
  }), { code: 'exists' })
  t.equal(database.inTransaction, false)
  t.equal(database.prepare<[], number>('SELECT count(*) FROM rows', 'first').get(), 0, 'rolled back')
  t.throws(() => database.exec('nonsense'), { code: 'broken-invariant' })
  const other = openPlain(path, { busyMs: 0 })
  database.begin()
  t.throws(() => other.begin(), { code: 'busy' })
  database.rollback()
  other.close()
  database.close()
  t.throws(() => openPlain(join(folder, 'none', 'x.db')), { code: 'not-found' })
  t.throws(() => openPlain(join(folder, 'absent.db'), { readOnly: true }), { code: 'io' })
  writeFileSync(join(folder, 'foreign.db'), 'not a database '.repeat(1000))
  t.throws(() => openPlain(join(folder, 'foreign.db')), { code: 'corrupt' })
  t.end()
})

t.test('a full database is no-space', (t) => {
  const database = openPlain(join(folder, 'full.db'))
  database.exec('CREATE TABLE rows (value BLOB)')
  database.pragma('max_page_count = 8')
  t.throws(() => database.prepare<[Uint8Array]>('INSERT INTO rows VALUES (?)').run(new Uint8Array(100_000)), { code: 'no-space' })
  database.close()
  t.end()
})
