// What is told in a round is what is due, with what it needs, and no more: names and folders in cases that are told by
// hand. Whatever else can happen is in test/model/publishing.test.ts.
import t from 'tap'
import type { Operation } from '../../../lib/format/operations.js'
import { hex } from '../../../lib/terms/bytes.js'
import { limits } from '../../../lib/terms/limits.js'
import { rootIno, type Entry } from '../../../lib/tree/entry.js'
import { ManifestFold } from '../../model/manifest-fold.js'
import { MomentsInSight } from '../../model/moments-in-sight.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

function newWorld(seed: number): { readonly world: PublishingWorld; readonly sight: MomentsInSight } {
  const world = new PublishingWorld(new Random(seed))
  return { world, sight: new MomentsInSight(world, new ManifestFold()) }
}

/** What is told from now on. */
function tellings(world: PublishingWorld): () => readonly Operation[] {
  const from = world.manifest.length
  return () => world.manifest.slice(from).flat()
}

function kindsOf(operations: readonly Operation[], { id }: Entry): string[] {
  return operations.flatMap((operation) => ('id' in operation && hex(operation.id) === hex(id) ? [operation.kind] : []))
}

/** A round for each second, as the upkeep has them; `each` is done before. */
async function pass(world: PublishingWorld, seconds: number, each: () => void = () => undefined): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    each()
    world.clock.advance(1000)
    if (world.publisher.isDue()) await world.publisher.round('due')
  }
}

t.test('a folder is not told removed while what left it is not told', async (t) => {
  const { world, sight } = newWorld(1)
  const folder = world.make(rootIno, 'folder', 'directory')
  const file = world.make(folder.ino, 'file', 'file')
  world.make(rootIno, 'other', 'file')
  world.write(file.ino, 0, Buffer.alloc(5000, 'a'))
  await world.settle()
  const since = tellings(world)
  const write = (): void => { world.write(file.ino, 0, world.random.bytes(100)) }
  write()
  world.rename({ parent: folder.ino, name: 'file' }, { parent: rootIno, name: 'other' })
  world.unlink(rootIno, 'folder')
  await pass(world, 60, write)
  t.strictSame(kindsOf(since(), folder), [], 'the file is still being written: where it is now can not be told')
  await pass(world, limits.hotMs / 1000, write)
  t.strictSame(kindsOf(since(), folder), ['unlink', 'trash'])
  t.ok(kindsOf(since(), file).includes('move'))
  t.strictSame(sight.lost, [])
  t.strictSame(sight.fold.complaints, [])
})

t.test('what is born and dead between two rounds leaves nothing to tell and nothing in the log', async (t) => {
  const world = new PublishingWorld(new Random(2))
  await world.settle()
  const since = tellings(world)
  const records = world.log.records.length
  await pass(world, 200, () => {
    world.make(rootIno, 'draft', 'file')
    world.rename({ parent: rootIno, name: 'draft' }, { parent: rootIno, name: 'saved' })
    world.unlink(rootIno, 'saved')
  })
  t.equal(world.unpublished.names.size, 0)
  t.strictSame([...world.unpublished.entries.keys()], [rootIno], 'only the times of the folder')
  t.strictSame(since(), [])
  t.ok(world.log.records.length <= records + 200 * 4, 'no record says that nothing was told')
})

t.test('a folder that never rests is told at once with the first that is told in it, then each five minutes', async (t) => {
  const world = new PublishingWorld(new Random(3))
  await world.settle()
  const since = tellings(world)
  const folder = world.make(rootIno, 'folder', 'directory')
  let made = 0
  const make = (): void => {
    const file = world.make(folder.ino, `file ${String(made++)}`, 'file')
    world.write(file.ino, 0, Buffer.alloc(100, 'a'))
  }
  await pass(world, 10, make)
  t.strictSame(kindsOf(since(), folder), ['create', 'link'])
  t.ok(since().filter(({ kind }) => kind === 'content').length >= 4, 'the files are told when they have rested')
  await pass(world, 3600, make)
  const times = kindsOf(since(), folder).filter((kind) => kind === 'attributes').length
  t.ok(times >= 10 && times <= 13, `${String(times)} times in an hour`)
  t.ok(since().filter(({ kind }) => kind === 'link').length > 3500)
})

t.test('attributes that change all the time are not told with those of others', async (t) => {
  const world = new PublishingWorld(new Random(4))
  const [hot, cold] = ['hot', 'cold'].map((name) => world.make(rootIno, name, 'file'))
  if (hot === undefined || cold === undefined) throw new Error('two files')
  await world.settle()
  const since = tellings(world)
  let second = 0
  await pass(world, 3600, () => {
    world.touch(hot.ino)
    if (second++ % 20 === 0) world.touch(cold.ino)
  })
  t.ok(kindsOf(since(), hot).length <= 3_600_000 / limits.hotMs, `${String(kindsOf(since(), hot).length)} times in an hour`)
  t.equal(kindsOf(since(), cold).length, 180, 'each time that it had rested')
})

t.test('two folders that change places with what is in them are told together, the outer first', async (t) => {
  const { world, sight } = newWorld(5)
  const outer = world.make(rootIno, 'outer', 'directory')
  const inner = world.make(outer.ino, 'inner', 'directory')
  world.make(inner.ino, 'outer', 'file')
  await world.settle()
  const since = tellings(world)
  // This name changed first, but what it means now moved last.
  world.unlink(inner.ino, 'outer')
  world.rename({ parent: outer.ino, name: 'inner' }, { parent: rootIno, name: 'inner' })
  world.rename({ parent: rootIno, name: 'outer' }, { parent: inner.ino, name: 'outer' })
  await pass(world, 10)
  const moves = since().flatMap((operation) => (operation.kind === 'move' ? [hex(operation.id)] : []))
  t.strictSame(moves, [hex(inner.id), hex(outer.id)])
  t.strictSame(sight.fold.complaints, [])
})

t.test('a folder made hot by renames takes its place before what is put into it', async (t) => {
  const { world, sight } = newWorld(6)
  const file = world.make(rootIno, 'file', 'file')
  await world.settle()
  const since = tellings(world)
  const folder = world.make(rootIno, 'folder 0', 'directory')
  world.rename({ parent: rootIno, name: 'file' }, { parent: folder.ino, name: 'file' })
  let turn = 0
  await pass(world, 20, () => {
    world.rename({ parent: rootIno, name: `folder ${String(turn)}` }, { parent: rootIno, name: `folder ${String(++turn)}` })
  })
  t.ok(kindsOf(since(), file).includes('move'), 'the file rests')
  t.strictSame(kindsOf(since(), folder).slice(0, 2), ['create', 'link'])
  t.strictSame(sight.lost, [])
})

t.test('a tree of many names that was removed is told in pieces, its top last', async (t) => {
  const { world, sight } = newWorld(7)
  const top = world.make(rootIno, 'top', 'directory')
  const count = limits.announceMax * 2 + 100
  for (let number = 0; number < count; number++) world.make(top.ino, String(number), 'file')
  await world.settle()
  const since = tellings(world)
  world.rename({ parent: rootIno, name: 'top' }, { parent: rootIno, name: 'old' })
  for (let number = 0; number < count; number++) world.unlink(top.ino, String(number))
  world.unlink(rootIno, 'old')
  const entries = world.manifest.length
  await pass(world, 10)
  t.ok(world.manifest.length - entries >= 3, `${String(world.manifest.length - entries)} manifest entries`)
  for (const operations of world.manifest.slice(entries)) t.ok(operations.filter(({ kind }) => kind === 'unlink').length <= limits.announceMax + 1)
  t.strictSame(kindsOf(since(), top), ['unlink', 'trash'])
  t.strictSame(sight.lost, [])
  t.strictSame(sight.fold.complaints, [])
  t.equal(world.unpublished.names.size, 0)
})

t.test('a folder is told as moved, though the name that it left never rests', async (t) => {
  const { world, sight } = newWorld(8)
  const folder = world.make(rootIno, 'old', 'directory')
  await world.settle()
  const since = tellings(world)
  world.rename({ parent: rootIno, name: 'old' }, { parent: rootIno, name: 'new' })
  await pass(world, 20, () => {
    world.make(rootIno, 'old', 'file')
    world.unlink(rootIno, 'old')
  })
  t.strictSame(kindsOf(since(), folder), ['move', 'attributes'])
  t.strictSame(sight.fold.complaints, [])
})

t.test('a name does not wait for newer content than that which displaced what it meant', async (t) => {
  const { world, sight } = newWorld(9)
  const [first, second] = ['first', 'second'].map((name) => world.make(rootIno, name, 'file'))
  world.make(rootIno, 'third', 'file')
  if (first === undefined || second === undefined) throw new Error('two files')
  await world.settle()
  const since = tellings(world)
  world.write(first.ino, 0, world.random.bytes(100))
  await pass(world, 60, () => { world.write(first.ino, 0, world.random.bytes(100)) })
  world.write(second.ino, 0, world.random.bytes(100))
  world.rename({ parent: rootIno, name: 'second' }, { parent: rootIno, name: 'third' })
  world.make(rootIno, 'second', 'file')
  world.rename({ parent: rootIno, name: 'first' }, { parent: rootIno, name: 'second' })
  // The first one's name is the second one's old one, whose content is told a minute after the first one's.
  await pass(world, limits.hotMs / 1000 + 10, () => { for (const { ino } of [first, second]) world.write(ino, 0, world.random.bytes(100)) })
  for (const file of [first, second]) t.ok(kindsOf(since(), file).some((kind) => kind === 'move' || kind === 'link'))
  t.strictSame(sight.lost, [])
})

t.test('a name that changes while it is told is told each five minutes all the same', async (t) => {
  const world = new PublishingWorld(new Random(10))
  const file = world.make(rootIno, 'a', 'file')
  await world.settle()
  const since = tellings(world)
  const swap = (): void => {
    const name = world.tree.lookup(rootIno, 'a') === undefined ? 'b' : 'a'
    world.rename({ parent: rootIno, name }, { parent: rootIno, name: name === 'a' ? 'b' : 'a' })
  }
  world.meanwhile = swap
  await pass(world, 3600, swap)
  const told = kindsOf(since(), file).filter((kind) => kind !== 'attributes')
  t.ok(told.length > 0 && told.length <= 2 * 12, told.join())
})
