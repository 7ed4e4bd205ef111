// How much of the catalog the thread that answers the kernel reads without a pause while it publishes: as much as one
// announcement needs, however many files wait. (A hundred thousand that waited once kept it for seconds.)
import t from 'tap'
import { limits } from '../../../lib/terms/limits.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

/** Files in a folder, new or told before, all in the catalog and none of them in memory. */
async function waiting(files: number, { told, content }: { readonly told: boolean; readonly content: boolean }): Promise<PublishingWorld> {
  const world = new PublishingWorld(new Random(5))
  const folder = world.make(rootIno, 'folder', 'directory')
  const inos = Array.from({ length: files }, (_, index) => world.make(folder.ino, `file ${String(index)}`, 'file').ino)
  if (told) await world.settle()
  for (const ino of inos) {
    if (content) world.write(ino, 0, Buffer.alloc(10, ino))
    else world.touch(ino)
  }
  await world.contents.spillAll()
  await world.feed.apply()
  world.clock.advance(limits.quietMs)
  return world
}

/** The most reads of the catalog between two waits, in a round of what is due. */
async function mostReads(world: PublishingWorld): Promise<number> {
  let [reads, most] = [0, 0]
  const { catalog } = world
  const [entry, lookup] = [catalog.entry.bind(catalog), catalog.lookup.bind(catalog)]
  catalog.entry = (ino) => {
    most = Math.max(most, ++reads)
    return entry(ino)
  }
  catalog.lookup = (parent, name) => {
    most = Math.max(most, ++reads)
    return lookup(parent, name)
  }
  world.meanwhile = () => { reads = 0 }
  world.publisher.isDue()
  reads = 0
  await world.publisher.round('due')
  return most
}

for (const told of [false, true]) {
  for (const content of [true, false]) {
    t.test(`${told ? 'changed' : 'new'} files ${content ? 'with' : 'without'} content`, async (t) => {
      const [few, many] = [1.5 * limits.announceMax, 3 * limits.announceMax]
      const world = await waiting(few, { told, content })
      const [fewReads, manyReads] = [await mostReads(world), await mostReads(await waiting(many, { told, content }))]
      t.ok(manyReads <= fewReads * 1.1, `${String(fewReads)} reads in one go with ${String(few)} files that wait, ${String(manyReads)} with ${String(many)}`)
      t.equal(world.unpublished.names.size, 0, 'and all of it is told')
      t.equal([...world.unpublished.entries.keys()].filter((ino) => ino !== rootIno).length, 0)
    })
  }
}
