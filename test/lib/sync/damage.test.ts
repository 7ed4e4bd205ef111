// A blob that is not whole in the store: nobody can send it, and it holds up nothing else, but nobody is told that all is there.
import t from 'tap'
import { hex } from '../../../lib/terms/bytes.js'
import { limits } from '../../../lib/terms/limits.js'
import { randomBytes } from '../../support/random-bytes.js'
import { SyncWorld } from './sync-world.js'

t.test('a blob that is damaged here is looked at twice, then entries go on without it, and it is said', async (t) => {
  const w = await new SyncWorld(7).open()
  t.teardown(() => w.remove())
  await w.publish([71, 72, 73, 74, 75].map((seed) => w.blobs.add(seed)))
  const node = w.node('home')
  const [row] = w.blobs.rows
  if (row !== undefined) w.blobs.rows[0] = { ...row, sealed: randomBytes(1, row.length) as never }
  // The node would be told of an entry whose blob nobody has.
  w.needs.splice(0)
  const { syncer, state } = w.start()
  syncer.begin()
  t.teardown(async () => {
    await syncer.close()
    state.close()
  })
  for (let asked = 0; syncer.report().peers[0]?.state !== 'failing' && asked < 4000; asked++) await new Promise((resolve) => setTimeout(resolve, 5))
  t.ok(node.calls.includes('put'))
  t.equal(node.appended.length, 0, 'not at the first look')
  t.match(syncer.report().peers[0], { state: 'failing', error: /is not whole in this store/ })
  w.clock.advance(limits.syncDamageMs)
  // The clock stands still: it is answered without waiting until nothing moves.
  t.notOk(await syncer.wait(1000), 'not everything is there')
  t.equal(node.appended.length, 1)
  t.equal(node.blobs.size, 4)
  t.notOk(await syncer.wait(1000), 'nor when somebody asks again')
  const { peers, damagedHere } = syncer.report()
  t.equal(damagedHere, 1)
  t.equal(peers[0]?.blobsLeft, 1)
  if (row !== undefined) node.blobs.set(hex(row.blobId), row.sealed)
  syncer.trust('home')
  t.ok(await syncer.wait(1000), 'it has that blob from elsewhere')
  t.equal(syncer.report().damagedHere, 0, 'nothing is left that could not be sent')
})
