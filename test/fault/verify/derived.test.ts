// Verifying what no blob holds: the manifest's chain, and what is derived from it. The damage is real: bytes of the
// store's files, changed while nobody has it open.
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import t from 'tap'
import { decodeBlobReference } from '../../../lib/format/blob-reference.js'
import { Refold, type ToldState } from '../../../lib/history/refold.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { tellState } from '../../../lib/vault-state.js'
import { openPlain, openSealed } from '../../../native-deps/sqlite.js'
import { request, testKeys, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { differingPages, flipBit, overwrite, StoreDamage } from './damage.js'
import { damaged, folder, put, scene, verified } from './verified-vault.js'

t.setTimeout(240_000)

/** The entry in the middle of the chain: no mount looks there. */
async function chainDamaged(change: (path: string, places: readonly { readonly start: number; readonly end: number }[]) => void): Promise<{ readonly world: TestVault; readonly moments: readonly string[] }> {
  const world = await TestVault.open()
  for (let round = 0; round < 5; round++) {
    await put(world, rootIno, 'notes', randomBytes(round, 1000))
    await world.vault.publishAll()
    world.clock.advance(60_000)
  }
  const moments = (await world.vault.parts.history.retained({ withinSec: 1e6, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 })).map(({ sequence, sec }) => `${sequence} ${sec}`)
  const again = await damaged({ world }, () => {
    const { path, places } = new StoreDamage(world.store).entries()
    change(path, places)
  })
  return { world: again, moments }
}

t.test('the chain behind its mark: a flipped bit, an entry cut out, one exchanged', async (t) => {
  const damages = {
    'a flipped bit': (path: string, places: readonly { readonly start: number; readonly end: number }[]) => { flipBit(path, (places[2]?.end ?? 0) - 100) },
    'an entry cut out': (path: string, places: readonly { readonly start: number; readonly end: number }[]) => {
      const { start, end } = places[2] ?? { start: 0, end: 0 }
      overwrite(path, start, Buffer.alloc(end - start))
    },
    'an entry exchanged': (path: string, places: readonly { readonly start: number; readonly end: number }[]) => {
      const [third, fourth] = [places[2] ?? { start: 0, end: 0 }, places[3] ?? { start: 0, end: 0 }]
      t.equal(third.end - third.start, fourth.end - fourth.start, 'entries are padded')
      overwrite(path, third.start, readFileSync(path).subarray(fourth.start, fourth.end))
    },
  }
  for (const [what, change] of Object.entries(damages)) {
    const { world } = await chainDamaged(change)
    const found = await verified(world)
    t.equal(found.findings.length, 1, what)
    t.match(found.findings[0], { kind: 'chain', subject: /^manifest\/[0-9a-f]{32}\.chain entry 3$/, next: /manifest/ }, what)
    t.match(found.findings[0]?.versions, [{ moment: /Z$/ }], `${what}: the state is named`)
    await world.remove()
  }
})

t.test('behind a damaged entry only what was folded before it was damaged is compared', async (t) => {
  const world = await TestVault.open()
  await put(world, rootIno, 'one', randomBytes(1, 1000))
  await world.vault.publishAll()
  await world.vault.parts.history.status()
  const past = new StoreDamage(world.store).copyOf('history.db')
  for (let round = 0; round < 4; round++) {
    await put(world, rootIno, 'one', randomBytes(round, 1000))
    await world.vault.publishAll()
  }
  const again = await damaged({ world }, () => {
    const { path, places } = new StoreDamage(world.store).entries()
    flipBit(path, (places[3]?.end ?? 0) - 100)
    for (const end of ['-wal', '-shm']) rmSync(new StoreDamage(world.store).path(`history.db${end}`), { force: true })
    copyFileSync(past, new StoreDamage(world.store).path('history.db'))
  })
  t.teardown(() => again.remove())
  t.match(await verified(again), { findings: [{ kind: 'chain' }], summary: { findings: 1 } })
})

t.test('a flipped byte in the database of the past', async (t) => {
  const here = await scene()
  for (let round = 0; round < 40; round++) await put(here.world, rootIno, `many ${round}`, randomBytes(round, 1500))
  await here.world.vault.publishAll()
  await here.world.vault.parts.history.status()
  const path = new StoreDamage(here.world.store).path('history.db')
  const world = await damaged(here, () => { flipBit(path, Math.floor(readFileSync(path).byteLength / 4096 / 2) * 4096 + 700) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.ok(found.findings.length > 0)
  t.ok(found.findings.every(({ kind, subject }) => kind === 'history' && subject === 'history.db'), 'and nothing else')
  t.match(found.findings[0], { next: /vaultfs rebuild/ })
})

async function tablesOf(catalog: string): Promise<ReadonlyMap<number, string>> {
  const database = openSealed(catalog, (await testKeys()).page.key('catalog'), { readOnly: true })
  const pages = database.prepare<[], [number, string]>('SELECT pageno - 1, name FROM dbstat', 'array').all()
  database.close()
  return new Map(pages)
}

t.test('the index of the cache: one that contradicts itself, and one that lacks a blob', async (t) => {
  const here = await scene()
  const index = new StoreDamage(here.world.store).path('cache/cache.db')
  const world = await damaged(here, () => {
    // The id stands in the table, and behind that in the index over it.
    flipBit(index, readFileSync(index).lastIndexOf(here.past.blobId) + 31)
  })
  t.match((await verified(world)).findings, [{ kind: 'cache', subject: 'cache/cache.db', next: /vaultfs rebuild/ }])
  const again = await damaged({ world }, () => {
    const database = openPlain(index)
    database.exec('REINDEX')
    database.prepare<[Uint8Array]>('DELETE FROM blobs WHERE id = ?').run(here.past.blobId)
    database.close()
  })
  t.teardown(() => again.remove())
  t.match((await verified(again)).findings, [{ kind: 'content', path: 'docs/notes', message: /^blob [0-9a-f]{64} is not in the cache$/, versions: [{ moment: here.first }] }])
})

/** Every page that differs between the catalog now and then is put back, one at a time. */
t.test('an old page of the catalog put back is found, though every page is sound', async (t) => {
  const here = await scene()
  const damage = new StoreDamage(here.world.store)
  const docs = await folder(here.world, 'more')
  for (let round = 0; round < 300; round++) await put(here.world, docs, `file ${round}`, randomBytes(round, 50))
  await here.world.settle()
  await here.world.close()
  const old = damage.copyOf('catalog.db')
  const world = await TestVault.open({ store: here.world.store, clock: here.world.clock })
  here.world.clock.advance(60_000)
  await world.operations.setattr(here.plan, { mode: 0o600 })
  await put(world, docs, 'file 250', Buffer.from('changed'))
  await world.operations.rename(docs, 'file 3', docs, 'other', 0, request)
  await world.settle()
  await world.close()
  const catalog = damage.path('catalog.db')
  const whole = readFileSync(catalog)
  const tables = await tablesOf(catalog)
  // From an old mark the log is replayed, as after a crash.
  const pages = differingPages(catalog, old).filter((page) => page > 0 && tables.get(page) !== 'mark')
  t.same([...new Set(pages.map((page) => tables.get(page)))].sort(), ['dirent', 'dirent_cookie', 'entry'])
  let found = 0
  for (const page of pages) {
    overwrite(catalog, 0, whole)
    overwrite(catalog, page * 4096, readFileSync(old).subarray(page * 4096, (page + 1) * 4096))
    const stale = await TestVault.open({ store: here.world.store, clock: here.world.clock })
    const { findings } = await verified(stale)
    await stale.close()
    t.ok(findings.every(({ kind }) => kind === 'catalog'), `page ${page}`)
    t.ok(findings.length > 0, `a page of ${String(tables.get(page))} is found`)
    if (findings.some(({ path }) => path === 'plan' || path === 'more/file 250' || path === 'more/other' || path === 'more/file 3')) found++
  }
  t.ok(found > 0, 'with the path of what it is about')
  overwrite(catalog, 0, whole)
  const sound = await TestVault.open({ store: here.world.store, clock: here.world.clock })
  t.teardown(() => sound.remove())
  t.same((await verified(sound)).findings, [])
})

t.test('marks of the catalog that lag behind', async (t) => {
  const here = await scene()
  const world = await damaged(here, async () => {
    const database = openSealed(new StoreDamage(here.world.store).path('catalog.db'), (await testKeys()).page.key('catalog'))
    database.exec("UPDATE mark SET value = 2 WHERE name = 'nextIno'")
    database.close()
  })
  t.teardown(() => world.remove())
  t.match((await verified(world)).findings, [{ kind: 'catalog', message: /number that is in use/ }])
})

async function toldState({ store }: TestVault): Promise<ToldState> {
  const { page, header } = await testKeys()
  const refold = new Refold({ ...header, path: new StoreDamage(store).path('told.db'), manifestDirectory: new StoreDamage(store).path('manifest'), page })
  try {
    for (const _ of refold.to({ devices: new Map(), others: Infinity })) continue
    const state = refold.newestState()
    if (state === undefined) throw new Error('no state was told')
    return state
  } finally {
    refold.close()
  }
}

t.test('the whole state that the manifest tells', async (t) => {
  const { world } = await scene()
  await tellState(world.vault)
  await put(world, rootIno, 'later', randomBytes(15, 60_000))
  await world.vault.publishAll()
  const sound = await verified(world)
  t.same(sound.findings, [])
  t.ok(sound.phases.has('state'), 'it is made again and compared')
  t.equal(sound.summary.unnamedBlobs, 0, 'its pages belong to it')
  const state = await toldState(world)
  const again = await damaged({ world }, () => { new StoreDamage(world.store).flipInBlob(decodeBlobReference(state.index).blobId) })
  t.match((await verified(again)).findings, [{ kind: 'blob', message: /segment \d+ is damaged/ }])
  await again.vault.parts.manifest.append([{ ...state, root: new Uint8Array(32) }])
  t.match((await verified(again)).findings, [{ kind: 'state', subject: /^manifest entry \d+$/, message: /not the one/ }, { kind: 'blob' }])
  await again.remove()
})
