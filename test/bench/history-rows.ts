// The database of the past at size: a manifest that creates a million files is folded; then a folder in which ten million
// names came and went beside a hundred that are there is listed, now and in the middle of its history, and forgotten.
// Run: node dist/test/bench/history-rows.js [creates] [dead names] [folder]

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, cpuUsage, stdout } from 'node:process'
import type { Operation } from '../../lib/format/operations.js'
import type { FoldEntry } from '../../lib/history/fold.js'
import { Forgetting } from '../../lib/history/forgetting.js'
import { Folding } from '../../lib/history/folding.js'
import { Lookups } from '../../lib/history/lookups.js'
import { Moments } from '../../lib/history/moments.js'
import type { DirentRow } from '../../lib/history/rows.js'
import { openHistoryDatabase } from '../../lib/history/schema.js'
import { retentionDefault } from '../../lib/terms/retention.js'
import type { DeviceId, EntryId } from '../../lib/terms/bytes.js'
import { limits } from '../../lib/terms/limits.js'
import { openSealed, type Database } from '../../native-deps/sqlite.js'
import { attributesOf } from '../model/merge-author.js'
import { rootId } from '../model/merge-world.js'

const creates = Number(argv[2] ?? 1_000_000)
const dead = Number(argv[3] ?? 10_000_000)
const directory = mkdtempSync(join(argv[4] ?? tmpdir(), 'vaultfs-history-rows-'))
const perEntry = 1000
const perMoment = 1000
const live = 100
const key = new Uint8Array(32).fill(7)
const startSec = 1_700_000_000

function timed<Result>(name: string, count: number, work: () => Result): Result {
  const wall = performance.now()
  const cpu = cpuUsage()
  const result = work()
  const wallMs = performance.now() - wall
  const { user, system } = cpuUsage(cpu)
  stdout.write(`${name.padEnd(52)} ${wallMs.toFixed(1).padStart(10)} ms wall ${((user + system) / 1000).toFixed(1).padStart(10)} ms CPU, ${((wallMs * 1000) / count).toFixed(2)} µs each\n`)
  return result
}

function idOf(number: number): EntryId {
  const id = Buffer.alloc(16, 1)
  id.writeUInt32BE(Math.imul(number, 0x9e3779b1) >>> 0, 0)
  id.writeUInt32BE(number, 4)
  return id as Uint8Array as EntryId
}

/** Folders of a thousand files, each with the entry that makes it; 2 000 operations and a few an entry. */
function creation(entry: number): Operation[] {
  const folder = idOf(entry * (perEntry + 1))
  const operations: Operation[] = []
  const make = (id: EntryId, parent: EntryId, name: string, isDirectory: boolean): void => {
    const attributes = attributesOf({ id, isDirectory, size: 0, sec: startSec, permissions: 0o644 })
    operations.push({ kind: 'create', id, ino: id === rootId ? 1 : 2 + entry * (perEntry + 1) + operations.length, attributes })
    if (id !== rootId) operations.push({ kind: 'link', id, parent, name: Buffer.from(name) })
  }
  if (entry === 0) make(rootId, rootId, '', true)
  make(folder, rootId, `folder ${entry}`, true)
  for (let file = 1; file <= perEntry; file++) make(idOf(entry * (perEntry + 1) + file), folder, `file ${(file * 7919) % 10_007}.txt`, false)
  return operations
}

function* entriesOf(deviceId: DeviceId): Generator<FoldEntry> {
  const count = Math.ceil(creates / perEntry)
  for (let entry = 0; entry < count; entry++) {
    const hash = Buffer.alloc(32, entry)
    yield { deviceId, sequence: entry + 1, hash, start: 0, end: 0, lamport: entry + 1, sec: startSec + entry * 60, nsec: 0, deps: [], operations: creation(entry) }
  }
}

/** As History does: in transactions of some thousand operations, with a checkpoint after each. */
function foldAll(database: Database): void {
  const deviceId = Buffer.alloc(16, 9) as Uint8Array as DeviceId
  const folding = new Folding(database)
  const entries = entriesOf(deviceId)
  let next = entries.next()
  folding.follow([{
    deviceId, goTo: () => true, peek: () => (next.done === true ? undefined : next.value),
    take: () => { next = entries.next() },
  }])
  while (folding.isBehind) {
    database.transaction(() => {
      for (let operations = 0; operations < limits.historyBatchOperations && folding.isBehind;) operations += run(folding.step())
    })
    database.checkpoint('PASSIVE')
  }
}

function run(step: Generator<void, number>): number {
  for (;;) {
    const turn = step.next()
    if (turn.done === true) return turn.value
  }
}

/** Names that live from one moment to the next; of the live ones half were replaced after the middle. Answers the folder. */
function churn(database: Database, folding: Folding): { readonly folder: number; readonly first: number; readonly middle: number } {
  const { rows } = folding.fold
  const first = folding.fold.position + 1
  const middle = first + Math.floor(dead / perMoment / 2)
  const attributes = attributesOf({ id: rootId, isDirectory: true, size: 0, sec: startSec, permissions: 0o755 })
  const folder = rows.putNode(idOf(2 ** 31), 0, first)
  const file = rows.putNode(idOf(2 ** 31 + 1), 0, first)
  for (const ino of [folder, file]) rows.putVersion(ino, attributes, null, first)
  const putMoment = database.prepare<number[]>(`INSERT INTO moment (position, sec, nsec, device, sequence, lamport, hash, start, end, cookies, versions)
    VALUES (?, ?, 0, 1, ?, ?, x'', 0, 0, ?, ?)`)
  const put = (name: string, ino: number, began: number): DirentRow => {
    const row = { cookie: rows.nextCookie, parent: folder, name, ino, began, claimed: began, line: rows.nextCookie, told: null }
    rows.putDirent(row)
    return row
  }
  const old: DirentRow[] = []
  let names = 0
  let dying: DirentRow[] = []
  for (let position = first; names < dead; position++) {
    if (position === first) for (let name = 0; name < live; name++) old.push(put(`live ${name}`, file, position))
    if (position === middle + 1) {
      for (const row of old.splice(0, live / 2)) {
        rows.endDirent(row, position)
        put(row.name, file, position)
      }
    }
    for (const row of dying) rows.endDirent(row, position)
    dying = []
    for (let name = 0; name < perMoment && position !== middle; name++) dying.push(put(`${(Math.imul(++names, 0x9e3779b1) >>> 0).toString(36)}.tmp`, 2 ** 40 + names, position))
    putMoment.run(position, startSec + (position - first) * 3600, position, position, rows.nextCookie, rows.nextVersion)
    if (position % 20 === 0) {
      database.commit()
      database.checkpoint('PASSIVE')
      database.begin()
    }
  }
  for (const row of dying) rows.endDirent(row, first + Math.ceil(dead / perMoment))
  return { folder, first, middle }
}

/** Questions through a connection that has nothing in its cache. */
function ask(path: string, folder: number, moments: readonly (readonly [name: string, position: number])[]): void {
  for (const [name, position] of moments) {
    const reader = openSealed(path, key, { readOnly: true, cacheBytes: limits.historyCacheBytes / 2 })
    const lookups = new Lookups(reader, new Moments(reader))
    const names = timed(`list ${name}, nothing cached`, live, () => lookups.list(position, folder, 0, limits.historyListMax))
    if (names.length !== live) throw new Error(`${names.length} names ${name}`)
    lookups.changed()
    timed(`list ${name}, again`, live, () => lookups.list(position, folder, 0, limits.historyListMax))
    timed(`look up ${name}`, live, () => { for (let each = 0; each < live; each++) lookups.lookup(position, folder, `live ${each}`) })
    reader.close()
  }
}

function size(path: string): string {
  return `database ${((statSync(path).size + statSync(`${path}-wal`).size) / 1e6).toFixed(0)} MB`
}

const path = join(directory, 'history.db')
try {
  const { database } = openHistoryDatabase({ path, key, cacheBytes: limits.historyCacheBytes })
  timed(`fold ${creates} creations`, creates, () => { foldAll(database) })
  stdout.write(`${size(path)}\n`)
  database.begin()
  const folding = new Folding(database)
  const { folder, middle } = timed(`${dead} names come and go`, dead, () => churn(database, folding))
  database.commit()
  database.checkpoint('PASSIVE')
  stdout.write(`${size(path)}\n`)
  const [newest = 0] = database.prepare<[], number>('SELECT max(position) FROM moment', 'first').all()
  ask(path, folder, [['the present', newest], ['the middle of the past', middle]])
  const nowSec = startSec + (newest - middle) * 2 * 3600
  const forgetting = new Forgetting(database)
  database.begin()
  timed('forget by the default policy', newest, () => {
    forgetting.letGo({ kind: 'forget', nowSec, policy: { ...retentionDefault, offsetMin: 0 }, drop: [] }, newest)
    for (const step of forgetting.prune(newest)) void step
  })
  database.commit()
  const left = database.prepare<[], number>('SELECT count(*) FROM past_dirent', 'first').get() ?? 0
  stdout.write(`${left} rows of the past are left; ${size(path)}\n`)
  ask(path, folder, [['the present', newest]])
  database.close()
} finally {
  rmSync(directory, { recursive: true, force: true })
}
