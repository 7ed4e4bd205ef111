// A disk that does not read one blob, and one that reads nothing: the first has a bad place, the second is away.
import t from 'tap'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { SyncWorld } from './sync-world.js'

for (const isAway of [false, true]) {
  t.test(isAway ? 'a disk that reads nothing sends nothing' : 'one bad place keeps neither other blobs nor entries from a node', async (t) => {
    const w = await new SyncWorld(isAway ? 14 : 13).open()
    t.teardown(() => w.remove())
    await w.publish([1, 2, 3, 4].map((seed) => w.blobs.add(seed)))
    const node = w.node('home')
    const [bad] = w.blobs.rows
    const read = w.blobs.read.bind(w.blobs)
    w.blobs.read = (row) => {
      if (isAway || row.position === bad?.position) throw new VaultError('io', 'the disk does not read this')
      return read(row)
    }
    // The node is told of an entry whose blob nobody has.
    w.needs.splice(0)
    const { syncer, state } = w.start()
    syncer.begin()
    t.teardown(async () => {
      await syncer.close()
      state.close()
    })
    const until = async (condition: () => boolean, turns: number): Promise<void> => {
      for (let asked = 0; asked < turns && !condition(); asked++) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until(() => syncer.report().peers[0]?.state === 'failing', 400)
    t.equal(node.appended.length, 0, 'not at the first look')
    w.clock.advance(limits.syncDamageMs)
    // Whoever waits has it tried now.
    syncer.wait(1000).catch(() => undefined)
    await until(() => node.appended.length > 0, isAway ? 60 : 400)
    t.equal(node.appended.length, isAway ? 0 : 1)
    t.equal(node.blobs.size, isAway ? 0 : 3)
    t.equal(syncer.report().damagedHere, isAway ? 0 : 1)
  })
}
