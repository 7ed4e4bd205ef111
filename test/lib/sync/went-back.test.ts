// A node that was put back from a copy, or lost the end of a chain: named, asked for everything, and sent what it lacks.
import t from 'tap'
import type { PeerStatus } from '../../../lib/store/sync-port.js'
import { limits } from '../../../lib/terms/limits.js'
import { SyncWorld } from './sync-world.js'

async function run(world: SyncWorld): Promise<{ readonly done: boolean; readonly peer: PeerStatus | undefined }> {
  const { syncer, state } = world.start()
  syncer.begin()
  // The clock stands still: somebody has to let the time pass in which nothing moves.
  const waiting = syncer.wait(500)
  const passing = setInterval(() => { world.clock.advance(100) }, 20)
  const done = await waiting
  clearInterval(passing)
  const { peers } = await syncer.reportNow()
  await syncer.close()
  state.close()
  return { done, peer: peers[0] }
}

t.test('a node that lost the end of our chain, and blobs: said, and sent again; the second time within a day it is a lie', async (t) => {
  const w = await new SyncWorld(15).open()
  t.teardown(() => w.remove())
  await w.publish(Array.from({ length: 5 }, (_, index) => w.blobs.add(15_000 + index)))
  const node = w.node('home')
  t.ok((await run(w)).done)
  const before = { blobs: new Map(node.blobs), chain: [...node.chains.values()][0]?.slice() ?? [] }
  await w.publish([w.blobs.add(91), w.blobs.add(92)])
  t.ok((await run(w)).done)
  const back = (chain = before.chain): void => {
    node.blobs.clear()
    for (const [id, blob] of before.blobs) node.blobs.set(id, blob)
    for (const device of node.chains.keys()) node.chains.set(device, chain.slice())
  }
  back()
  const healed = await run(w)
  t.ok(healed.done)
  t.match(healed.peer, { state: 'safe', lost: 2, error: null, fault: /acknowledged entry 2 of this device, and ended with 1 .*put back from a copy/ })
  t.equal(node.blobs.size, 7)
  t.equal(node.heads()[0]?.sequence, 2)
  w.clock.advance(limits.syncFaultSec * 1000)
  back([])
  const again = await run(w)
  t.ok(again.done)
  t.match(again.peer, { state: 'safe', lost: 4, fault: /ended with 0/ })
  back()
  const distrusted = await run(w)
  t.match(distrusted.peer, { state: 'distrusted', error: /ended with 1, for the second time within a day/ })
  t.equal(node.heads()[0]?.sequence, 1, 'nothing more is sent to it')
  const { syncer, state } = w.start()
  syncer.trust('home')
  syncer.begin()
  t.ok(await syncer.wait(1000))
  t.match(syncer.report().peers, [{ state: 'safe', fault: null }])
  await syncer.close()
  state.close()
  t.same(w.violations, [])
})
