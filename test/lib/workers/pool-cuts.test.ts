// Cutting and storing with real threads: holes, tails, boundaries, limits; and the pool's end, good and bad.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Piece } from '../../../lib/store/content-piece.js'
import { chunkIndexes, cutOne, memory, MiB, poolFolder, readBlobs, requestOf, sameBytes } from '../../support/pool.js'
import { randomBytes } from '../../support/random-bytes.js'

// Pools of four threads each take their time on a busy machine.
t.setTimeout(120_000)

t.test('cuts: holes, tails, boundaries, many small files', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open()
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const bytes = randomBytes(1, 8 * MiB)
  folder.arena.bytes.set(bytes, 0)
  const whole = await cutOne(pool, requestOf([memory(0, bytes.length)]))
  const lengths = whole.runs.map(({ length }) => length)
  await whole.store([])
  const open = await cutOne(pool, requestOf([memory(0, bytes.length)], { final: false }))
  t.same(open.runs.map(({ length }) => length), lengths.slice(0, -1), 'the tail is left')
  t.equal(open.consumed, bytes.length - (lengths.at(-1) ?? 0))
  await open.store([])
  const boundary = (lengths[0] ?? 0) + (lengths[1] ?? 0)
  const met = await cutOne(pool, requestOf([memory(0, bytes.length)], { boundaries: [5, lengths[0] ?? 0, boundary], resumeAfter: boundary - 1 }))
  t.same([met.met, met.consumed, met.runs.length], [true, boundary, 2])
  await met.store([])

  const hole: Piece = { kind: 'hole', length: 100 * MiB }
  const small: Piece = { kind: 'hole', length: 4096 }
  const holes = await cutOne(pool, requestOf([memory(0, MiB), hole, memory(MiB, 1000), small, memory(2 * MiB, 10), hole, hole]))
  t.ok(holes.runs.length >= 4)
  t.same(holes.runs.filter(({ kind }) => kind === 'hole').map(({ length }) => length), [100 * MiB, 200 * MiB])
  t.equal(holes.consumed, 301 * MiB + 1000 + 4096 + 10)
  const references = await holes.store(chunkIndexes(holes))
  const last = references.at(-1)
  if (last === undefined) throw new Error('no chunk')
  t.ok(sameBytes(await readBlobs(pool, [last]), concat(bytes.subarray(MiB, MiB + 1000), new Uint8Array(4096), bytes.subarray(2 * MiB, 2 * MiB + 10))))
  const resumed = await cutOne(pool, requestOf([memory(0, 1000), hole, memory(MiB, 1000)], { boundaries: [1000 + hole.length], resumeAfter: 900 }))
  t.same([resumed.met, resumed.consumed], [true, 1000 + hole.length], 'an old chunk behind a hole')
  await resumed.store([])
  const empty = await cutOne(pool, requestOf([]))
  t.same([empty.runs, empty.consumed, await empty.store([])], [[], 0, []])

  const files = await pool.cut(Array.from({ length: 500 }, (_, index) => requestOf([memory(index * 8192, 8192)])))
  const stored = await Promise.all(files.map((file) => file.store([0])))
  t.equal(stored.length, 500)
  t.ok(sameBytes(await readBlobs(pool, stored.slice(490).flat()), bytes.subarray(490 * 8192, 500 * 8192)))
  await t.rejects(Promise.resolve(files[0]?.store([0])), { code: 'broken-invariant' }, 'stored twice')
  await t.rejects(pool.cut([requestOf([memory(0, 33 * MiB)])]), { code: 'too-large' })
})

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

t.test('cuts wait while too much plaintext is held, in their order', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open({ bulkThreads: 1 })
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  folder.arena.bytes.set(randomBytes(1, 20 * MiB), 0)
  const order: number[] = []
  const first = await cutOne(pool, requestOf([memory(0, 20 * MiB)]))
  const waiting = [20, 1].map(async (size, index) => {
    const cut = await cutOne(pool, requestOf([memory(0, size * MiB)]))
    order.push(index)
    await cut.store([])
  })
  const page = await pool.storePages([randomBytes(1, 100)])
  t.equal(page.length, 1, 'others are served')
  t.same(order, [])
  t.equal(pool.statistics().queuedJobs, 2)
  t.ok((await first.store(chunkIndexes(first))).length > 5)
  await Promise.all(waiting)
  t.same(order, [0, 1])
})

t.test('closing waits for what is under way', async (t) => {
  const folder = poolFolder()
  t.teardown(() => { folder.remove() })
  const pool = await folder.open()
  folder.arena.bytes.set(randomBytes(1, 4 * MiB), 0)
  const cut = await cutOne(pool, requestOf([memory(0, 4 * MiB)]))
  const stored = cut.store(chunkIndexes(cut))
  await pool.close()
  const references = await stored
  const again = await folder.open()
  t.ok(sameBytes(await readBlobs(again, references), folder.arena.bytes.slice(0, 4 * MiB)))
  await again.close()
  await again.close()
})

t.test('a thread that dies takes everything with it', async (t) => {
  const folder = poolFolder()
  t.teardown(() => { folder.remove() })
  const pool = await folder.open({ entry: new URL('./dying-worker.js', import.meta.url) })
  const lost = pool.cut([requestOf([memory(0, 1000)])])
  const other = pool.storePages([new Uint8Array(10)])
  await t.rejects(lost, { code: 'broken-invariant' })
  await t.rejects(other, { code: 'broken-invariant' })
  await t.rejects(pool.read([memory(0, 10)]), { code: 'broken-invariant' }, 'and what comes later')
  await pool.close()
})

t.test('a thread that can not start says why', async (t) => {
  const folder = poolFolder()
  t.teardown(() => { folder.remove() })
  writeFileSync(join(folder.directory, 'cache'), 'a file, no folder')
  await t.rejects(folder.open(), { name: 'VaultError', subject: join(folder.directory, 'cache') })
  rmSync(join(folder.directory, 'cache'))
  const pool = await folder.open()
  await pool.close()
})
