// Verifying a vault: a sound one passes, in use or not; and damaged blobs are told with every path and version that they
// belong to. The damage is real: bytes of the store's files, changed while nobody has it open.
import t from 'tap'
import { rootIno } from '../../../lib/tree/entry.js'
import { verifyOver } from '../../../bin/verify-service.js'
import { takeSnapshot } from '../../../lib/vault-history.js'
import { request, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { flipBit, StoreDamage } from './damage.js'
import { damaged, folder, named, put, referencesOf, scene, verified } from './verified-vault.js'

t.setTimeout(240_000)

t.test('a sound vault passes, also while it is written to', async (t) => {
  const { world } = await scene()
  t.teardown(() => world.remove())
  const sound = await verified(world)
  t.same(sound.findings, [])
  t.match(sound.summary, { findings: 0, contents: 4, unnamedBlobs: 0, unpublished: 0 })
  t.ok(sound.summary.blobs === 3 && sound.summary.blobBytes > 490_000)
  t.same([...sound.phases].sort(), ['blobs', 'catalog', 'contents', 'databases', 'history', 'manifest'])

  // Not published: new, changed, renamed and removed.
  await put(world, rootIno, 'new', randomBytes(4, 70_000))
  await put(world, rootIno, 'plan', randomBytes(5, 50_000))
  await world.operations.rename(rootIno, 'new', rootIno, 'newer', 0, request)
  await world.operations.unlink(rootIno, 'plan')
  await world.spill()
  const busy = await verified(world)
  t.same(busy.findings, [], 'what is only in the log is no difference')
  t.ok(busy.summary.unpublished > 0)

  // Written to all the time while it runs.
  let writing = true
  const writer = (async () => {
    for (let round = 0; writing; round++) {
      await put(world, rootIno, `file${round % 7}`, randomBytes(round, 3000 + round))
      if (round % 3 === 0) await world.operations.unlink(rootIno, `file${(round + 3) % 7}`)
      if (round % 5 === 0) await world.vault.publishAll()
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  for (let round = 0; round < 3; round++) t.same((await verified(world)).findings, [])
  writing = false
  await writer
})

t.test('a large file of many pages, and its past, pass', async (t) => {
  const world = await TestVault.open()
  t.teardown(() => world.remove())
  const ino = await put(world, rootIno, 'sparse', randomBytes(6, 100_000))
  // Written here and there, with holes between: many runs, so pages.
  for (let at = 1; at < 60; at++) await world.operations.write(ino, 0, at * 1_000_000, Buffer.from(randomBytes(at, 5000)), { fromCache: false, killSuidGid: false, append: false })
  await world.vault.publishAll()
  await world.operations.write(ino, 0, 3_000_000, Buffer.from(randomBytes(99, 5000)), { fromCache: false, killSuidGid: false, append: false })
  await world.vault.publishAll()
  const [root] = referencesOf(world, ino)
  t.equal(root?.kind, 'page')
  t.same((await verified(world)).findings, [])
  const again = await damaged({ world }, () => {
    if (root !== undefined) new StoreDamage(world.store).flipInBlob(root.blobId)
  })
  t.teardown(() => again.close())
  const found = await verified(again)
  t.same(named(found), ['content sparse'])
  t.same(found.findings[0]?.versions.map(({ path, isCurrent }) => ({ path, isCurrent })), [{ path: 'sparse', isCurrent: true }], 'the version before has a root of its own')
  const newer = await damaged({ world: again }, () => {
    // The version of its envelope: no page of ours has another one.
    if (root !== undefined) new StoreDamage(world.store).flipInBlob(root.blobId, 3)
  })
  t.teardown(() => newer.close())
  t.same(named(await verified(newer)), ['content sparse'], 'a version that nobody wrote is damage')
})

t.test('a flipped bit in a blob of the present', async (t) => {
  const here = await scene()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).flipInBlob(here.current.blobId) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.same(named(found), ['content docs/notes'])
  t.match(found.findings[0], { kind: 'content', path: 'docs/notes', message: /segment \d+ is damaged/, next: /vaultfs history/, moreVersions: 0 })
  t.same(found.findings[0]?.versions, [{ path: 'docs/notes', moment: here.second, isCurrent: true }])
})

t.test('a flipped bit in a blob that only the past needs', async (t) => {
  const here = await scene()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).flipInBlob(here.past.blobId) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.same(named(found), ['content docs/notes'])
  t.same(found.findings[0]?.versions, [{ path: 'docs/notes', moment: here.first, isCurrent: false }])
})

t.test('one blob that two files share, under all of their names', async (t) => {
  const here = await scene()
  await here.world.operations.link(here.plan, rootIno, 'hard')
  await here.world.vault.publishAll()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).flipInBlob(here.shared.blobId) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.same(named(found), ['content docs/copy', 'content plan'])
  const paths = found.findings.flatMap(({ versions }) => versions.filter(({ isCurrent }) => isCurrent).map(({ path }) => path))
  t.same(paths.sort(), ['docs/copy', 'hard', 'plan'])
})

t.test('a segment file that is gone', async (t) => {
  const here = await scene()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).removeSegmentOf(here.current.blobId) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.same(named(found), ['content docs/copy', 'content docs/notes', 'content plan'])
  const notes = found.findings.find(({ path }) => path === 'docs/notes')
  t.match(notes?.message, /segment \d+ of the cache is gone/)
  t.same(notes?.versions.map(({ moment, isCurrent }) => ({ moment, isCurrent })), [{ moment: here.second, isCurrent: true }, { moment: here.first, isCurrent: false }])
  await put(world, rootIno, 'after', randomBytes(7, 80_000))
  await world.vault.publishAll()
  t.same(named(await verified(world)), named(found), 'the vault goes on beside it')
})

t.test('another blob in the place of one', async (t) => {
  const here = await scene()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).putBlobInPlaceOf(here.past.blobId, here.current.blobId) })
  t.teardown(() => world.remove())
  const found = await verified(world)
  t.same(named(found), ['content docs/notes'])
  t.same(found.findings[0]?.versions, [{ path: 'docs/notes', moment: here.second, isCurrent: true }])
})

t.test('a damaged blob that nothing names', async (t) => {
  const world = await TestVault.open()
  const ino = await put(world, rootIno, 'short', randomBytes(8, 80_000))
  await world.vault.publishAll()
  const [reference] = referencesOf(world, ino)
  await world.operations.unlink(rootIno, 'short')
  await world.vault.publishAll()
  const { parts } = world.vault
  await parts.manifest.append([{ kind: 'forget', nowSec: world.clock.now().sec + 10, policy: { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }, drop: [] }])
  const again = await damaged({ world }, () => {
    if (reference !== undefined) new StoreDamage(world.store).flipInBlob(reference.blobId)
  })
  t.teardown(() => again.remove())
  const found = await verified(again)
  t.match(found.findings, [{ kind: 'blob', message: /segment \d+ is damaged/, versions: [], next: /No file needs it/ }])
})

t.test('retention does not look like damage; nor does a past that was begun anew', async (t) => {
  const { world } = await scene()
  await takeSnapshot(world.vault, 'kept')
  await put(world, rootIno, 'plan', randomBytes(12, 60_000))
  await world.vault.publishAll()
  await world.vault.parts.manifest.append([{ kind: 'forget', nowSec: world.clock.now().sec + 10, policy: { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }, drop: [] }])
  t.same((await verified(world)).findings, [])
  const again = await damaged({ world }, () => undefined)
  t.teardown(() => again.remove())
  await put(again, rootIno, 'plan', randomBytes(13, 60_000))
  await again.vault.publishAll()
  t.same((await verified(again)).findings, [], 'numbers that are given out again do not count')
})

t.test('a flipped bit of what only the log has', async (t) => {
  const world = await TestVault.open()
  const docs = await folder(world, 'docs')
  await world.vault.publishAll()
  await put(world, docs, 'logged', randomBytes(20, 300_000))
  await put(world, docs, 'beside', randomBytes(21, 9000))
  await world.spill()
  await world.vault.syncLog()
  await put(world, rootIno, 'after', randomBytes(22, 100))
  await world.spill()
  await world.vault.syncLog()
  t.same((await verified(world)).findings, [])
  await world.close()
  flipBit(new StoreDamage(world.store).newestLog(), 150_000)
  const again = await TestVault.open({ store: world.store, clock: world.clock })
  t.teardown(() => again.remove())
  const found = await verified(again)
  t.match(found.findings, [{ kind: 'log', path: 'docs/logged', next: /folder "log"/ }])
  t.equal(found.summary.findings, 1)
  t.ok(found.summary.loggedBytes > 300_000)
})

t.test('closing does not wait for whoever never takes what was found', async (t) => {
  const here = await scene()
  const world = await damaged(here, () => { new StoreDamage(here.world.store).flipInBlob(here.current.blobId) })
  const found = Promise.withResolvers<undefined>()
  const running = world.opened.verifier.verify({ onProgress: () => undefined, onFinding: () => new Promise(() => { found.resolve(undefined) }) })
  await Promise.all([t.rejects(running, { code: 'cancelled' }), found.promise.then(() => world.close())])
  await world.remove()
})

t.test('read-only, broken off, and twice at once', async (t) => {
  const { world } = await scene()
  await put(world, rootIno, 'logged', randomBytes(14, 3000))
  await world.spill()
  await world.close()
  const again = await TestVault.open({ store: world.store, clock: world.clock, readOnly: true })
  t.same((await verified(again)).findings, [])
  const running = again.opened.verifier.verify({ onFinding: () => undefined, onProgress: () => undefined })
  await t.rejects(again.opened.verifier.verify({ onFinding: () => undefined, onProgress: () => undefined }), { code: 'busy' })
  await running
  const abort = AbortSignal.abort()
  await t.rejects(again.opened.verifier.verify({ onFinding: () => undefined, onProgress: () => undefined, signal: abort }), { code: 'cancelled' })
  const listeners = new AbortController()
  const silenced = verifyOver(again.opened.verifier, { signal: listeners.signal })(() => Promise.reject(new Error('nobody listens')))
  await t.rejects(silenced, { code: 'cancelled' }, 'whoever listened is gone')
  const left = again.opened.verifier.verify({ onFinding: () => undefined, onProgress: () => undefined })
  await again.close()
  await t.rejects(left, { code: 'cancelled' }, 'closing ends it')
  t.notOk(new StoreDamage(world.store).exists('verify.db'), 'and nothing of it stays')
  await again.remove()
})
