// Salvaging a store that is damaged in each of its parts: what can be read comes out as it was, what can't is named, and
// nothing of the store is changed.
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Hand } from '../../support/vault-hand.js'
import { newFolder, removeFolder, request, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { flipBit, overwrite, StoreDamage } from '../verify/damage.js'
import { referencesOf } from '../verify/verified-vault.js'
import { salvaged, type Salvaged } from './salvaged-store.js'

t.setTimeout(240_000)

interface Scene {
  readonly store: string
  readonly hand: Hand
  readonly whole: Salvaged
}

/** Published twice, then more in the log only; left as a kill leaves it. */
async function scene(): Promise<Scene> {
  const hand = await Hand.open()
  const { test } = hand
  await hand.mkdir('docs')
  await hand.mkdir('docs/deep')
  await hand.write('docs/notes', randomBytes(1, 200_000))
  await hand.write('docs/deep/small', 'small')
  await hand.write('plan', randomBytes(2, 90_000), 0o640)
  await hand.link('plan', 'docs/hard')
  await hand.operations.symlink(1, 'link', Buffer.from('docs/notes'), request)
  await hand.snapshot('first')
  await hand.write('docs/notes', randomBytes(3, 200_000))
  await hand.write('docs/more', randomBytes(4, 150_000))
  await test.settle()
  test.clock.advance(60_000)
  await hand.write('docs/logged', randomBytes(5, 300_000))
  await hand.operations.write(hand.ino('docs/notes'), 0, 50_000, Buffer.from('overwritten'), { fromCache: false, killSuidGid: false, append: false }, request)
  await hand.rename('docs/deep/small', 'moved')
  await test.spill()
  await test.vault.syncLog()
  await test.apply()
  const store = await test.crashImage()
  const expected = await hand.picture('')
  const whole = await salvaged(store)
  t.same(whole.hurt, [], 'sound: nothing is missing')
  t.equal(whole.summary.source, 'catalog')
  t.equal(Object.keys(whole.picture).filter((path) => path.startsWith('files')).length, Object.keys(expected).length, 'all of it')
  for (const path of ['docs/notes', 'docs/logged', 'moved', 'plan']) {
    const bytes = await hand.operations.read(hand.ino(path), 0, 0, 1 << 20, request)
    t.ok(Buffer.from(bytes as Uint8Array).equals(whole.bytes(`files/${path}`)), path)
  }
  return { store, hand, whole }
}

const made = scene()
t.teardown(async () => {
  const { store, hand, whole } = await made
  whole.remove()
  removeFolder(store)
  await hand.test.remove()
})

/** A copy with that damage, salvaged. */
async function after(damage: (damage: StoreDamage, store: string) => void, wish: Parameters<typeof salvaged>[1] = {}): Promise<Salvaged> {
  const { store } = await made
  const copy = await newFolder()
  // The log is set aside ahead of time: its holes stay holes.
  execFileSync('cp', ['-r', '--sparse=always', `${store}/.`, copy])
  damage(new StoreDamage(copy), copy)
  const found = await salvaged(copy, wish)
  removeFolder(copy)
  t.teardown(() => { found.remove() })
  return found
}

function lose(store: string, ...names: readonly string[]): void {
  for (const name of names) for (const end of ['', '-wal', '-shm']) rmSync(join(store, name + end), { force: true })
}

function garbage(store: string, name: string): void {
  for (const end of ['-wal', '-shm']) rmSync(join(store, name + end), { force: true })
  overwrite(join(store, name), 4096, randomBytes(9, 8192))
}

t.test('every derived thing lost, alone and together: everything comes out', async (t) => {
  const { whole } = await made
  const cases: Readonly<Record<string, (damage: StoreDamage, store: string) => void>> = {
    'the catalog': (_, store) => { lose(store, 'catalog.db') },
    'a damaged catalog': (_, store) => { garbage(store, 'catalog.db') },
    'an empty catalog': (_, store) => { lose(store, 'catalog.db-wal'); truncateSync(join(store, 'catalog.db'), 0) },
    'the past': (_, store) => { lose(store, 'history.db') },
    'the index of the cache': (_, store) => { lose(store, 'cache/cache.db') },
    'a damaged index': (_, store) => { garbage(store, 'cache/cache.db') },
    'all databases': (_, store) => { lose(store, 'catalog.db', 'history.db', 'cache/cache.db') },
    'the device': (_, store) => { lose(store, 'device') },
    'the manifest': (_, store) => { rmSync(join(store, 'manifest'), { recursive: true }) },
    'an entry of the manifest': (damage) => { const { path, places } = damage.entries(); flipBit(path, (places[1]?.end ?? 0) - 100) },
    'an entry of the manifest, and the catalog': (damage, store) => { lose(store, 'catalog.db'); const { path, places } = damage.entries(); flipBit(path, (places[1]?.end ?? 0) - 100) },
    'the first entry of the manifest': (damage) => { flipBit(damage.entries().path, 300) },
    'a header of the log': (damage) => { flipBit(damage.newestLog(), 40) },
  }
  for (const [what, damage] of Object.entries(cases)) {
    const found = await after(damage)
    t.same(found.picture, whole.picture, what)
    t.same(found.hurt, [], `${what}: nothing is missing`)
    if (what !== 'the past' && what !== 'the device') t.ok(found.problems.length > 0, `${what}: it is said`)
  }
})

t.test('a manifest entry with catalog, past and log lost: what the other entries say', async (t) => {
  const { whole } = await made
  const found = await after((damage, store) => {
    lose(store, 'catalog.db', 'history.db')
    rmSync(join(store, 'log'), { recursive: true })
    const { path, places } = damage.entries()
    flipBit(path, (places.at(-1)?.end ?? 0) - 100)
  })
  t.match(found.problems.slice(0, 2), [{ kind: 'note' }, { kind: 'store', message: /entries \d+ of the manifest can't be read/ }])
  t.ok(found.hurt.includes('store -'))
  t.equal(found.picture['files/plan'], whole.picture['files/plan'])
  t.notOk('files/docs/more' in found.picture, 'it was only in what is lost')
})

t.test('a bit of a blob: zeros in its frame only, under its name, and the range is told', async (t) => {
  const { whole, hand } = await made
  const [reference] = referencesOf(hand.test, hand.ino('docs/more'))
  for (const alsoIndex of [false, true]) {
    const found = await after((damage, store) => {
      if (reference !== undefined) damage.flipInBlob(reference.blobId)
      if (alsoIndex) lose(store, 'cache/cache.db')
    })
    t.same(found.hurt, ['bytes docs/more'])
    const [problem] = found.problems.filter(({ kind }) => kind === 'bytes')
    t.match(problem, { path: 'docs/more', message: /segment \d+ is damaged/ })
    const { start = 0, end = 0 } = problem ?? {}
    t.ok(end - start > 0 && end - start <= 65_536, 'one frame')
    t.equal(found.summary.lostBytes, end - start)
    const expected = Buffer.from(whole.bytes('files/docs/more'))
    expected.fill(0, start, end)
    t.ok(expected.equals(found.bytes('files/docs/more')))
    const { 'files/docs/more': hurt, ...rest } = found.picture
    const { 'files/docs/more': sound, ...before } = whole.picture
    t.same(rest, before, 'all others are whole')
    t.equal(hurt?.split(' ')[3], sound?.split(' ')[3], 'and it is as long as it was')
  }
})

t.test('a segment file that is gone', async (t) => {
  const { whole } = await made
  const found = await after((_, store) => { rmSync(join(store, 'cache/segments'), { recursive: true }) })
  t.ok(found.hurt.length > 0 && found.hurt.every((each) => each.startsWith('bytes ')))
  t.same(Object.keys(found.picture), Object.keys(whole.picture), 'everything has its name')
  t.equal(found.picture['files/moved'], whole.picture['files/moved'], 'what needs no blob is whole')
  t.equal(found.picture['files/docs/logged'], whole.picture['files/docs/logged'])
})

t.test('the log: damaged data is a range of its file; a lost log is said of the files that it had', async (t) => {
  const { whole } = await made
  const found = await after((damage) => {
    const path = damage.newestLog()
    flipBit(path, readFileSync(path).lastIndexOf('VLR1') - 150_000)
  })
  t.equal(found.hurt.length, 1)
  t.match(found.problems.filter(({ kind }) => kind === 'bytes'), [{ path: 'docs/logged', message: /damaged/ }])
  const { 'files/docs/logged': hurt, ...rest } = found.picture
  const { 'files/docs/logged': sound, ...before } = whole.picture
  t.not(hurt, sound)
  t.same(rest, before)
  const lost = await after((_, store) => { for (const name of readdirSync(join(store, 'log'))) rmSync(join(store, 'log', name)) })
  t.same(lost.hurt, ['entry docs/logged', 'entry docs/notes', 'store -'])
  t.equal(lost.picture['files/plan'], whole.picture['files/plan'])
  t.ok('files/moved' in lost.picture, 'names are in the catalog')
})

t.test('a record of the log between others: the rest is there', async (t) => {
  const { whole } = await made
  const found = await after((damage) => {
    const path = damage.newestLog()
    const bytes = readFileSync(path)
    // The second record from behind that is one of a name: heads of records begin so.
    let at = bytes.byteLength
    for (let count = 0; count < 6; count++) at = bytes.lastIndexOf('VLR1', at - 1)
    flipBit(path, at + 90)
  })
  t.ok(found.hurt.includes('store -'), found.hurt.join())
  t.match(found.problems.find(({ kind }) => kind === 'store')?.message, /records? .* of the log can't be read/)
  t.equal(found.picture['files/docs/more'], whole.picture['files/docs/more'])
})

t.test('the past: a state, and every version', async (t) => {
  const { whole } = await made
  const first = await after((_, store) => { lose(store, 'catalog.db', 'history.db') }, { at: { kind: 'snapshot', name: 'first' } })
  t.same(first.hurt, [])
  t.ok(Buffer.from(randomBytes(1, 200_000)).equals(first.bytes('files/docs/notes')))
  t.ok('files/docs/deep/small' in first.picture)
  t.notOk('files/docs/more' in first.picture)
  const all = await after((_, store) => { lose(store, 'history.db') }, { allVersions: true, paths: ['docs/notes'] })
  t.same(all.hurt, [])
  t.equal(all.picture['files/docs/notes'], whole.picture['files/docs/notes'], 'the present, beside')
  const versions = Object.keys(all.picture).filter((path) => path.startsWith('versions/docs/notes/'))
  t.equal(versions.length, 2)
  t.same(versions.map((path) => all.bytes(path).equals(Buffer.from(randomBytes(path === versions[0] ? 1 : 3, 200_000)))), [true, true])
  await t.rejects(after(() => undefined, { at: { kind: 'snapshot', name: 'none' } }), { code: 'not-found' })
  await t.rejects(after(() => undefined, { paths: ['docs/none'] }), { code: 'not-found' })
})

t.test('nothing to go by', async (t) => {
  await t.rejects(after((_, store) => {
    lose(store, 'catalog.db', 'history.db')
    rmSync(join(store, 'manifest'), { recursive: true })
    rmSync(join(store, 'log'), { recursive: true })
  }), { code: 'corrupt', next: /manifest/ })
})

t.test('an older log beside a newer catalog does not lie over newer bytes', async (t) => {
  const world = new Hand(await TestVault.open())
  const { test } = world
  await world.write('file', randomBytes(1, 100_000))
  await test.settle()
  test.clock.advance(10_000)
  await world.write('file', randomBytes(2, 100_000))
  await test.spill()
  await test.vault.syncLog()
  const old = await test.crashImage()
  test.clock.advance(10_000)
  await world.write('file', randomBytes(3, 100_000))
  await test.settle()
  await test.close()
  rmSync(join(test.store, 'log'), { recursive: true })
  cpSync(join(old, 'log'), join(test.store, 'log'), { recursive: true })
  for (const isCatalogLost of [false, true]) {
    if (isCatalogLost) lose(test.store, 'catalog.db')
    const found = await salvaged(test.store)
    t.ok(found.bytes('files/file').equals(Buffer.from(randomBytes(3, 100_000))), `the newest; the catalog is ${isCatalogLost ? 'lost' : 'there'}`)
    found.remove()
  }
  removeFolder(old)
  removeFolder(test.store)
})
