// What a new file costs in the databases of the present and of the past does not grow with what is there: bytes that go to
// their logs for a thousand files, counted.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Catalog } from '../../../lib/catalog/catalog.js'
import type { Operation } from '../../../lib/format/operations.js'
import { Folding } from '../../../lib/history/folding.js'
import type { FoldEntry } from '../../../lib/history/fold.js'
import { openHistoryDatabase } from '../../../lib/history/schema.js'
import type { DeviceId, EntryId } from '../../../lib/terms/bytes.js'
import { EntryIds } from '../../../lib/tree/entry-ids.js'
import { openSealed } from '../../../native-deps/sqlite.js'
import { attributesOf } from '../../model/merge-author.js'
import { rootId } from '../../model/merge-world.js'
import { seededEntropy } from '../../support/seeded-entropy.js'

const key = new Uint8Array(32).fill(7)
const perBatch = 1000
/** An index of ids in no order has some hundred pages then: each batch would write nearly all of them. */
const batches = 20
const grownMax = 1.2

function pathFor(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-growth-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  return join(folder, 'db')
}

/** Bytes that each batch adds to the log of the database, which is copied behind it. */
async function logged(path: string, work: (batch: number) => Promise<void> | void): Promise<readonly number[]> {
  const other = openSealed(path, key)
  const bytes: number[] = []
  for (let batch = 0; batch < batches; batch++) {
    other.checkpoint('TRUNCATE')
    await work(batch)
    bytes.push(statSync(`${path}-wal`).size)
  }
  other.close()
  return bytes
}

function isFlat(t: Test, bytes: readonly number[]): void {
  const [early, late] = [bytes.slice(1, 4), bytes.slice(-3)].map((some) => some.reduce((sum, each) => sum + each, 0) / some.length) as [number, number]
  t.ok(late <= early * grownMax, `${(early / perBatch).toFixed(0)} bytes a file at first, ${(late / perBatch).toFixed(0)} at ${String(batches * perBatch)} files`)
}

t.test('new files in the catalog', async (t) => {
  const path = pathFor(t)
  const entropy = seededEntropy(1)
  const catalog = new Catalog({ path, key, cacheBytes: 1024 * 1024, sliceMs: 1000, monotonicMs: () => 0, breathe: () => Promise.resolve() })
  let ino = 2
  isFlat(t, await logged(path, () => {
    const inos = Array.from({ length: perBatch }, () => ino++)
    return catalog.apply({
      gone: [], chunks: [], marks: { appliedLsn: ino, nextIno: ino, nextCookie: ino + 16 },
      // In no order at all, as ids of older vaults are.
      entries: inos.map((each) => ({ ino: each, id: entropy.bytes(16), orphan: false, attributes: Buffer.alloc(90), xattrs: null, content: null })),
      dirents: inos.map((each) => ({ parent: 1e6 + Math.floor(each / perBatch), name: `file ${String(each)}`, ino: each, cookie: each + 16 })),
    })
  }))
  catalog.close()
})

t.test('new files in the past, with ids as they are given', async (t) => {
  const path = pathFor(t)
  const { database } = openHistoryDatabase({ path, key, cacheBytes: 1024 * 1024 })
  const folding = new Folding(database)
  const deviceId = new Uint8Array(16).fill(9) as DeviceId
  const ids = new EntryIds(seededEntropy(2))
  let ino = 2
  let next: FoldEntry | undefined
  folding.follow([{ deviceId, goTo: () => true, peek: () => next, take: () => { next = undefined } }])
  isFlat(t, await logged(path, (batch) => {
    const operations: Operation[] = []
    const make = (id: EntryId, parent: EntryId | undefined, name: string): EntryId => {
      operations.push({ kind: 'create', id, ino: parent === undefined ? 1 : ino++, attributes: attributesOf({ id, isDirectory: !name.startsWith('file'), size: 0, sec: 1_700_000_000, permissions: 0o755 }) })
      if (parent !== undefined) operations.push({ kind: 'link', id, parent, name: Buffer.from(name) })
      return id
    }
    if (batch === 0) make(rootId, undefined, '')
    const folder = make(ids.next(), rootId, `folder ${String(batch)}`)
    for (let file = 0; file < perBatch; file++) make(ids.next(), folder, `file ${String(file)}`)
    next = { deviceId, sequence: batch + 1, hash: Buffer.alloc(32, batch), start: 0, end: 0, lamport: batch + 1, sec: 1_700_000_000 + batch, nsec: 0, deps: [], operations }
    database.transaction(() => {
      const step = folding.step()
      while (step.next().done !== true) continue
    })
  }))
  database.close()
})

t.test('ids of one opening go up, those of another begin otherwise', async (t) => {
  const ids = new EntryIds(seededEntropy(3))
  const given = Array.from({ length: 1000 }, () => Buffer.from(ids.next()))
  t.ok(given.every((id, index) => id.byteLength === 16 && (index === 0 || Buffer.compare(given[index - 1] ?? id, id) < 0)))
  t.notSame(Buffer.from(new EntryIds(seededEntropy(4)).next()).subarray(0, 10), given[0]?.subarray(0, 10))
})
