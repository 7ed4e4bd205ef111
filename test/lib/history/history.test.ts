// The past of a real vault: what was published is found again as it was, by name, by listing and by version, also when
// the database of the past is lost.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeAttributes } from '../../../lib/tree/entry-codec.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { forget, takeSnapshot } from '../../../lib/vault-history.js'
import type { Attributes } from '../../../native-deps/fuse/handler.js'
import type { PastEntry } from '../../../lib/store/history-port.js'
import { request, TestVault } from '../../support/open-vault.js'

async function put(world: TestVault, name: string, text: string): Promise<number> {
  const { operations } = world
  const found = await operations.lookup(rootIno, name)
  const made = typeof found === 'number' ? await operations.create(rootIno, name, 0o644, 0, 0, request) : { attributes: found }
  if (typeof made === 'number') throw new Error(`create ${name}: ${made}`)
  const { ino } = made.attributes
  await operations.setattr(ino, { size: 0 })
  await operations.write(ino, 0, 0, Buffer.from(text), { fromCache: false, killSuidGid: false, append: false })
  return ino
}

function sizeOf(entry: PastEntry | undefined): number {
  return entry === undefined ? -1 : decodeAttributes(Buffer.from(entry.attributes), 0, entry.ino).entry.size
}

const isAttributes = (answer: Attributes | number): answer is Attributes => typeof answer !== 'number'

t.test('each snapshot shows what was there', async (t) => {
  const world = await TestVault.open()
  t.teardown(() => world.remove())
  const { vault, operations } = world
  const { history } = vault.parts
  const ino = await put(world, 'notes', 'one')
  const first = await takeSnapshot(vault, 'first')
  world.clock.advance(60_000)
  await put(world, 'notes', 'three')
  await put(world, 'more', 'x')
  const second = await takeSnapshot(vault, undefined)
  world.clock.advance(60_000)
  await operations.unlink(rootIno, 'notes')
  await operations.rename(rootIno, 'more', rootIno, 'less', 0, request)
  const third = await takeSnapshot(vault, 'third')
  const names = async (position: number): Promise<string[]> => (await history.list(position, rootIno, 0, 100)).map(({ name }) => name)
  t.same(await names(first.moment.position), ['notes'])
  t.same(await names(second.moment.position), ['notes', 'more'])
  t.same(await names(third.moment.position), ['less'])
  t.equal(sizeOf(await history.lookup(first.moment.position, rootIno, 'notes')), 3)
  t.equal(sizeOf(await history.lookup(second.moment.position, rootIno, 'notes')), 5)
  t.equal(await history.lookup(third.moment.position, rootIno, 'notes'), undefined)
  t.equal(await history.pathOf(second.moment.position, ino), 'notes')
  t.match(second.name, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/, 'a snapshot without a name is called by its moment')
  t.same((await history.snapshots()).map(({ name }) => name), ['third', second.name, 'first'])
  const versions = await history.versions(ino, 0, 10)
  t.same(versions.map(({ changes }) => changes), [['deleted'], ['content'], ['created']])
  const found = await history.findNames('n?tes', 10)
  t.same(found.map(({ path, live }) => ({ path, live })), [{ path: 'notes', live: false }])
  const differences: string[] = []
  await history.differences(second.moment.position, third.moment.position, rootIno, (batch) => {
    for (const { kind, path, from } of batch) differences.push(`${kind} ${from === undefined ? '' : `${from} > `}${path}`)
  })
  t.same(differences.sort(), ['removed notes', 'renamed more > less'])
  await t.rejects(takeSnapshot(vault, 'first'), { code: 'exists' })
  await t.rejects(forget(vault, { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }, ['nobody']), { code: 'not-found' })

  const gone = await forget(vault, { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }, ['first'])
  t.ok(gone.moments > 0)
  await t.rejects(history.list(first.moment.position, rootIno, 0, 100), { code: 'stale' })
  t.same(await names(second.moment.position), ['notes', 'more'], 'what has a name stays')
  t.same((await history.versions(ino, 0, 10)).map(({ changes }) => changes), [['deleted'], ['attributes']], 'what nobody keeps is gone')
  t.ok(isAttributes(await operations.lookup(rootIno, 'less')))

  const before = await everything(world)
  await world.close()
  for (const end of ['', '-wal', '-shm']) rmSync(join(world.store, `history.db${end}`), { force: true })
  const again = await TestVault.open({ store: world.store, clock: world.clock })
  t.teardown(() => again.close())
  t.same(await everything(again), before, 'folded anew it is the same, the forgetting included')
})

/** Every kept state, with all that is in its root. */
async function everything({ vault }: TestVault): Promise<unknown> {
  const { history } = vault.parts
  const kept = await history.retained({ withinSec: 1e9, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 })
  return await Promise.all(kept.map(async ({ position, names }) => ({
    position, names, entries: (await history.list(position, rootIno, 0, 100)).map(({ name, cookie, entry }) => [name, cookie, entry.version, sizeOf(entry)]),
  })))
}
