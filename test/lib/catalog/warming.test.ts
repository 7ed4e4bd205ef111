// A catalog whose file is read ahead of its questions: SQLite keeps its locks on it, and no descriptor is left.
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Catalog } from '../../../lib/catalog/catalog.js'
import { Warming } from '../../../lib/catalog/warming.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-warming-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'catalog.db')

function descriptorsOf(file: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file
    } catch {
      return false
    }
  }).length
}

/** Locks on a file, whoever holds them. */
function locksOn(file: string): number {
  const { ino } = statSync(file)
  return readFileSync('/proc/locks', 'latin1').split('\n').filter((line) => line.includes(`:${String(ino)} `)).length
}

t.test('warming takes no lock from the database and leaves nothing open', async (t) => {
  const catalog = new Catalog({ path, key: new Uint8Array(32).fill(3), cacheBytes: 65536, warmBytes: 1024 * 1024, sliceMs: 5, monotonicMs: () => performance.now(), breathe: () => Promise.resolve() })
  const locks = locksOn(path)
  t.ok(locks > 0, 'SQLite holds one')
  t.equal(descriptorsOf(path), 2)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(locksOn(path), locks, 'which a closed descriptor would take')
  catalog.close()
  t.equal(descriptorsOf(path), 0)
})

t.test('one that is closed in the middle ends', async (t) => {
  const large = join(folder, 'large')
  writeFileSync(large, new Uint8Array(3 * 1024 * 1024))
  const warming = new Warming(large)
  const running = warming.run(Infinity)
  warming.close()
  await running
  for (let tries = 0; tries < 100 && descriptorsOf(large) > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(descriptorsOf(large), 0)
})
