// The order in which log, blobs, manifest and catalog become durable (DESIGN §3). Each rule names the line it guards:
// without that line its test fails.
import t from 'tap'
import { decodeContent } from '../../../lib/content/content-reference.js'
import type { Operation } from '../../../lib/format/operations.js'
import { hex } from '../../../lib/terms/bytes.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

/** Files of some chunks, published while others are written. */
async function busy(seed: number): Promise<PublishingWorld> {
  const random = new Random(seed)
  const world = new PublishingWorld(random)
  const inos = ['a', 'b', 'c', 'd'].map((name) => world.make(1, name, 'file').ino)
  const write = (): void => {
    world.write(random.pick(inos), random.below(1500), random.bytes(1 + random.below(1800)))
  }
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < 6; count++) write()
    world.meanwhile = () => { if (random.chance(0.3)) write() }
    await Promise.all([world.publisher.round('all'), world.feed.apply()])
  }
  await world.settle()
  return world
}

/** What was said, as `[verb, number]`. */
function numbered(calls: readonly string[], verb: string): { readonly at: number; readonly value: number }[] {
  return calls.flatMap((call, at) => (call.startsWith(`${verb} `) ? [{ at, value: Number(call.slice(verb.length + 1).split(' ')[0]) }] : []))
}

t.test('the catalog applies only what the log has synced (catalog-feed.ts: the sync before the apply)', async (t) => {
  const { calls } = await busy(1)
  const synced = numbered(calls, 'log synced')
  const applies = numbered(calls, 'catalog applies')
  t.ok(applies.length > 3, `${String(applies.length)} applies`)
  for (const { at, value } of applies) if (!synced.some((sync) => sync.at < at && sync.value >= value)) t.fail(`${String(value)} is applied before it is synced`)
})

t.test('a manifest entry tells only what the log has synced (publisher.ts: the sync before the append)', async (t) => {
  const { calls } = await busy(2)
  const announced = calls.flatMap((call, at) => (call.endsWith(' kind 6') ? [{ at, value: Number(call.split(' ')[2]) }] : []))
  t.ok(announced.length > 3, `${String(announced.length)} announcements`)
  for (const { at, value } of announced) {
    const manifest = calls.findIndex((call, index) => index > at && call.startsWith('manifest durable'))
    const sync = numbered(calls, 'log synced').find((each) => each.at > at && each.value >= value)
    t.ok(manifest < 0 || (sync !== undefined && sync.at < manifest), `announcement ${String(value)}`)
  }
})

t.test('the log says "published" only when the manifest entry is durable (publisher.ts: install after the append)', async (t) => {
  const { calls } = await busy(3)
  let pending = false
  let published = 0
  for (const call of calls) {
    if (call.endsWith(' kind 6')) pending = true
    if (call.startsWith('manifest durable')) pending = false
    if (!call.endsWith(' kind 4')) continue
    published++
    if (pending) t.fail(`${call} before the manifest is durable`)
  }
  t.ok(published > 3, `${String(published)} records`)
})

t.test('blobs are durable before a manifest entry names them (stored-runs.ts: the wait for the store)', async (t) => {
  const { calls, manifest } = await busy(4)
  const durable = new Set<string>()
  let entry = 0
  let named = 0
  for (const call of calls) {
    if (call.startsWith('blobs durable')) for (const id of call.slice(14).split(',')) durable.add(id)
    if (!call.startsWith('manifest durable')) continue
    for (const id of (manifest[entry++] ?? []).flatMap(blobsOf)) {
      named++
      if (!durable.has(id)) t.fail(`blob ${id} is named by entry ${String(entry)} before it is durable`)
    }
  }
  t.ok(named > 10, `${String(named)} blobs named`)
})

function blobsOf(operation: Operation): string[] {
  if (operation.kind !== 'content') return []
  const { body } = decodeContent(operation.content)
  return body.form === 'runs' ? body.runs.flatMap((run) => (run.kind === 'chunk' ? [hex(run.reference.blobId).slice(0, 8)] : [])) : []
}

t.test('a displacing rename waits for the content that takes the place (sayable-names.ts: displacedBy)', async (t) => {
  const world = new PublishingWorld(new Random(5))
  const old = world.make(1, 'a', 'file')
  world.write(old.ino, 0, Buffer.alloc(5000, 'old'))
  await world.settle()
  const next = world.make(1, 'b', 'file')
  world.touch(next.ino)
  await world.settle()
  world.write(next.ino, 0, Buffer.alloc(5000, 'new'))
  const told = world.manifest.length
  world.rename({ parent: 1, name: 'b' }, { parent: 1, name: 'a' })
  await world.settle()
  const operations = world.manifest.slice(told).flat()
  const content = operations.findIndex(({ kind }) => kind === 'content')
  const name = operations.findIndex(({ kind }) => kind === 'move' || kind === 'link' || kind === 'unlink')
  t.ok(content >= 0 && name > content, `content ${String(content)}, name ${String(name)}`)
})

t.test('what is born and dead between two publications is never told (unpublished.ts: the drop of the born)', async (t) => {
  const world = new PublishingWorld(new Random(6))
  await world.settle()
  const { id } = world.make(1, 'a', 'file')
  world.rename({ parent: 1, name: 'a' }, { parent: 1, name: 'b' })
  world.unlink(1, 'b')
  await world.settle()
  const ids = world.manifest.flat().flatMap((operation) => ('id' in operation ? [hex(operation.id)] : []))
  t.notOk(ids.includes(hex(id)))
  t.equal(world.unpublished.entries.size + world.unpublished.names.size, 0)
})

t.test('a folder is told before what is put into it, however long the content takes (sayable-names.ts: the known folder)', async (t) => {
  const world = new PublishingWorld(new Random(7))
  const file = world.make(1, 'a', 'file')
  world.write(file.ino, 0, Buffer.alloc(5000, 'content'))
  let moved = false
  world.meanwhile = () => {
    if (moved || world.manifest.length === 0) return
    moved = true
    const folder = world.make(1, 'folder', 'directory')
    world.rename({ parent: 1, name: 'a' }, { parent: folder.ino, name: 'a' })
  }
  await world.publisher.round('all')
  await world.settle()
  const known = new Set<string>()
  for (const operation of world.manifest.flat()) {
    if (operation.kind === 'create') known.add(hex(operation.id))
    if (operation.kind === 'link' || operation.kind === 'move') t.ok(known.has(hex(operation.parent)), `${operation.kind} into a known folder`)
  }
  t.ok(moved)
})
