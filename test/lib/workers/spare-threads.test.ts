// Threads that were begun before their setup was known: a pool takes them, works with them, and others are ended.
import t from 'tap'
import { SpareThreads } from '../../../lib/workers/spare-threads.js'
import { poolFolder, readBlobs, sameBytes, store } from '../../support/pool.js'
import { randomBytes } from '../../support/random-bytes.js'

t.test('a pool begins with the threads that wait', async (t) => {
  const folder = poolFolder()
  const spare = new SpareThreads(['keeper', 'reader'])
  const pool = await folder.open({ spare, bulkThreads: 1 })
  t.equal(spare.take('keeper'), undefined, 'the keeper was taken')
  t.equal(spare.take('reader'), undefined, 'the reader was taken')
  const bytes = randomBytes(4, 300_000)
  t.ok(sameBytes(await readBlobs(pool, await store(pool, folder, bytes)), bytes), 'and they keep and read')
  await pool.close()
  await spare.close()
  folder.remove()
})

t.test('what nobody took ends', async (t) => {
  const spare = new SpareThreads(['keeper', 'reader'])
  const reader = spare.take('reader')
  let exited = false
  reader?.once('exit', () => { exited = true })
  await spare.close()
  t.notOk(exited, 'a thread that was taken is its taker\'s')
  await reader?.terminate()
  t.ok(exited)
  t.equal(spare.take('keeper'), undefined)
})
