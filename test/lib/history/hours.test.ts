// What the clock does to the past, without anybody asking: when an hour is over, everything is published, and what is
// older than keep-within is thinned out by the schedule.
import t from 'tap'
import { rootIno } from '../../../lib/tree/entry.js'
import { retentionDefault } from '../../../lib/terms/retention.js'
import { request, TestVault } from '../../support/open-vault.js'

const waitMs = 20_000

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + waitMs; performance.now() < end;) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

t.test('hours are published and old moments thinned out', async (t) => {
  const world = await TestVault.open()
  t.teardown(() => world.remove())
  const { vault, operations, clock, opened: { upkeep } } = world
  const { history, unpublished } = vault.parts
  for (let index = 0; index < 5; index++) {
    await operations.create(rootIno, `file ${String(index)}`, 0o644, 0, 0, request)
    await world.settle()
    clock.advance(1000)
  }
  const before = await history.status()
  t.ok(before.moments >= 5, 'each is a moment')
  upkeep.begin()
  t.teardown(() => upkeep.end())
  await operations.create(rootIno, 'never rests', 0o644, 0, 0, request)
  await until(() => Promise.resolve(unpublished.entries.size > 0))
  // The upkeep has seen the hour before it is another one.
  await new Promise((resolve) => setTimeout(resolve, 600))
  clock.advance(9 * 24 * 3600 * 1000)
  t.ok(await until(() => Promise.resolve(unpublished.entries.size === 0)), 'a new hour is published')
  t.ok(await until(async () => (await history.status()).moments < before.moments), 'what is older than keep-within is thinned out')
  const kept = await history.retained({ ...retentionDefault, offsetMin: 0 })
  t.same(kept.filter(({ reasons }) => !reasons.includes('recent')).length, 1, 'of the hour nine days ago one moment is left')
  const [oldest] = kept.slice(-1)
  t.equal((await history.list(oldest?.position ?? 0, rootIno, 0, 100)).length, 5, 'its last')
})
