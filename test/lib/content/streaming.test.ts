// Chunks of a file that comes slowly, so that some of it is logged before it is cut: they follow on one another without a
// gap. What a gap leaves ends where no content says so, and is stored anew when the same bytes come again.
import t from 'tap'
import { stream } from '../../../lib/content/streaming.js'
import type { PoolPort } from '../../../lib/store/pool-port.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

const mebibyte = 1024 * 1024

function newWorld(seed: number): PublishingWorld {
  return new PublishingWorld(new Random(seed), undefined, { listBatch: 3, cachedEntriesBytes: 4800 }, 2 * limits.arenaBytes)
}

t.test('what was logged meanwhile is cut with what follows it', async (t) => {
  const world = newWorld(11)
  const entry = world.make(rootIno, 'large', 'file')
  const content = world.contents.of(entry)
  let size = 0
  const write = async (mebibytes: number): Promise<void> => {
    for (let count = 0; count < mebibytes; count++, size += mebibyte) await world.contents.write(content, size, Buffer.alloc(mebibyte, size / mebibyte))
  }
  for (let round = 0; round < 2; round++) {
    await write(7)
    await world.contents.spill(content)
    await write(limits.streamBytesMin / mebibyte + 1)
    t.ok(stream(content, world.contents.context, () => undefined))
    while (content.streaming !== undefined) await content.streaming
    const kinds = content.extents.all().map(({ source }) => source.kind)
    const chunks = kinds.lastIndexOf('blob') + 1
    t.ok(chunks > 0)
    t.ok(kinds.slice(0, chunks).every((kind) => kind === 'blob'), `after round ${String(round)} nothing lies between chunks`)
  }
  await world.settle()
  t.equal(world.tree.get(entry.ino)?.size, size)
})

t.test('a second stretch that fails while the first is being stored: a drain waits for what that one was lent', async (t) => {
  const world = newWorld(12)
  const { context } = world.contents
  const content = world.contents.of(world.make(rootIno, 'large', 'file'))
  const bytes = Buffer.alloc(2 * limits.streamBytesMin + mebibyte, 7)
  await world.contents.write(content, 0, bytes)
  const stored = Promise.withResolvers<undefined>()
  let cuts = 0
  const pool: PoolPort = {
    read: (...words) => context.pool.read(...words),
    sealExtents: (...words) => context.pool.sealExtents(...words),
    storePages: (...words) => context.pool.storePages(...words),
    readPage: (...words) => context.pool.readPage(...words),
    statistics: () => context.pool.statistics(),
    close: () => context.pool.close(),
    cut: async (requests) => {
      if (++cuts === 2) throw new VaultError('no-space', 'the second one')
      return (await context.pool.cut(requests)).map((cut) => ({ ...cut, store: (indexes) => stored.promise.then(() => cut.store(indexes)) }))
    },
  }
  const slow = { ...context, pool, now: () => context.now(), nowMs: () => context.nowMs() }
  let both = false
  t.ok(stream(content, slow, () => { both = stream(content, slow, () => undefined) }))
  while (!both) await new Promise((resolve) => setImmediate(resolve))
  let drained = false
  const draining = Promise.resolve(world.contents.drain(content)).catch(() => undefined).then(() => { drained = true })
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.notOk(drained, 'not while bytes are in no log and no blob')
  stored.resolve(undefined)
  await draining
  // The failure was the stream's; whoever asks again has all of it in the log.
  await world.contents.drain(content)
  t.ok(content.isLogged)
  t.equal(content.streaming, undefined)
})

t.test('a writer that is far ahead of the cut waits, and not for ever', async (t) => {
  const world = newWorld(13)
  const content = world.contents.of(world.make(rootIno, 'large', 'file'))
  content.streaming = new Promise<void>(() => undefined)
  await world.contents.write(content, 0, Buffer.alloc(limits.streamAheadBytesMax + mebibyte, 1), false)
  const began = performance.now()
  const answer = world.contents.write(content, limits.streamAheadBytesMax + mebibyte, Buffer.alloc(10, 2))
  t.ok(answer instanceof Promise, 'waits')
  t.equal(await answer, 10)
  t.ok(performance.now() - began >= limits.streamLagMs * 0.9)
  t.end()
})
