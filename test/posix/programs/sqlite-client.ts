// A client of a SQLite database that several use at once: transactions, some rolled back; money is moved, never made, and
// each row carries a hash of its blob. `judge` says what is damaged.
//   node sqlite-client.js make|work|judge DATABASE JOURNAL-MODE [COUNT SEED SYNCHRONOUS]
import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { Random } from '../../model/random.js'

const [task = '', file = '', mode = '', count = '0', seed = '1', synchronous = 'normal'] = process.argv.slice(2)
const accounts = 10
const each = 100
const database = new DatabaseSync(file)
const hash = (blob: Uint8Array): string => createHash('md5').update(blob).digest('hex')

function make(): void {
  database.exec(`pragma journal_mode=${mode}; create table rows(id integer primary key, who, blob blob, hash); create index by_who on rows(who, hash); create table accounts(id integer primary key, value)`)
  for (let id = 0; id < accounts; id++) database.prepare('insert into accounts values(?, ?)').run(id, each)
}

function work(): void {
  const random = new Random(Number(seed))
  database.exec(`pragma busy_timeout=120000; pragma journal_mode=${mode}; pragma synchronous=${synchronous}; pragma mmap_size=${random.below(2) * 67_108_864}`)
  const insert = database.prepare('insert into rows(who, blob, hash) values(?, ?, ?)')
  const move = database.prepare('update accounts set value = value + ? where id = ?')
  for (let round = 0; round < Number(count); round++) {
    database.exec('begin immediate')
    for (let row = random.below(8); row >= 0; row--) {
      const blob = random.bytes([10, 500, 5000, 40_000][random.below(4)] ?? 10)
      insert.run(seed, blob, hash(blob))
    }
    move.run(-1, random.below(accounts))
    move.run(1, random.below(accounts))
    if (random.below(5) === 0) database.exec('delete from rows where id in (select id from rows order by random() limit 5)')
    database.exec(random.below(7) === 0 ? 'rollback' : 'commit')
  }
}

function judge(): void {
  database.exec('pragma busy_timeout=120000')
  const sound = database.prepare('pragma integrity_check').all()
  if (JSON.stringify(sound) !== '[{"integrity_check":"ok"}]') throw new Error(`integrity_check: ${JSON.stringify(sound).slice(0, 200)}`)
  const { sum } = database.prepare('select sum(value) as sum from accounts').get() ?? {}
  if (sum !== accounts * each) throw new Error(`there is ${String(sum)} of the money instead of ${accounts * each}`)
  for (const row of database.prepare('select id, blob, hash from rows').iterate())
    if (!(row['blob'] instanceof Uint8Array) || hash(row['blob']) !== row['hash']) throw new Error(`row ${String(row['id'])} is not what was written`)
}

const tasks: Readonly<Record<string, () => void>> = { make, work, judge }
tasks[task]?.()
database.close()
