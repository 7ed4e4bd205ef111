// Memory that clients share: never more than there is, nobody waits for ever, and no vault has all of it.
import t from 'tap'
import { BodyPlaces } from '../../../lib/node/body-places.js'
import { ByteBudget } from '../../../lib/node/byte-budget.js'
import { nodeLimits } from '../../../lib/node/node-limits.js'
import { TokenBucket } from '../../../lib/node/request-rate.js'
import { TestClock } from '../../support/test-clock.js'
import { numbers } from '../../support/random-bytes.js'

t.test('bytes of answers', async (t) => {
  const budget = new ByteBudget({ bytesMax: 100, bytesPerVaultMax: 70 })
  const began: string[] = []
  const take = (vault: string, bytes: number, name: string): Promise<() => void> => budget.take(vault, bytes).then((release) => {
    began.push(name)
    return release
  })
  const first = await take('a', 60, 'a1')
  const [large, small, other] = [take('a', 50, 'a2'), take('a', 5, 'a3'), take('b', 40, 'b1')]
  await other
  t.same(began, ['a1', 'b1'], 'another vault goes on; in one nobody overtakes')
  first()
  await Promise.all([large, small])
  t.same(began, ['a1', 'b1', 'a2', 'a3'])
  const random = numbers(5)
  let [used, most] = [0, 0]
  const shared = new ByteBudget({ bytesMax: 100, bytesPerVaultMax: 70 })
  await Promise.all(Array.from({ length: 300 }, async () => {
    const [vault, bytes] = [String(Math.floor(random() * 3)), Math.ceil(random() * 90)]
    const release = await shared.take(vault, bytes)
    used += Math.min(bytes, 70)
    most = Math.max(most, used)
    await new Promise((resolve) => setImmediate(resolve))
    used -= Math.min(bytes, 70)
    release()
  }))
  t.ok(most > 70 && most <= 100, `${most} of 100 at most`)
})

t.test('nobody waits for ever', async (t) => {
  const budget = new ByteBudget({ bytesMax: 100, bytesPerVaultMax: 100, waitMs: 50 })
  const first = await budget.take('a', 60)
  const [large, small] = [budget.take('b', 90), budget.take('c', 30)]
  await t.rejects(large, { code: 'busy' })
  const release = await small
  t.pass('who came behind it goes on')
  first()
  release()
  ;(await budget.take('b', 100))()
})

t.test('places of large bodies', async (t) => {
  const places = new BodyPlaces()
  const large = nodeLimits.smallBodyBytesMax + 1
  const held = await Promise.all(Array.from({ length: nodeLimits.bodyPlacesPerVault }, () => places.take('a', large)))
  let isFourth = false
  const fourth = places.take('a', large).then((place) => {
    isFourth = true
    return place
  })
  const other = await places.take('b', large)
  t.equal(isFourth, false, 'the last place is for others')
  t.equal((await places.take('a', 100)).memory.byteLength, 100, 'small ones need none')
  held[0]?.release()
  held[0]?.release()
  const memory = (await fourth).memory
  t.equal(memory, held[0]?.memory, 'the same memory again')
  other.release()
})

t.test('so many at once, then so many a second', (t) => {
  const clock = new TestClock()
  const bucket = new TokenBucket({ burst: 3, perSecond: 2 }, clock)
  t.same([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [0, 0, 0, 1])
  clock.advance(500)
  t.same([bucket.take(), bucket.take()], [0, 1])
  clock.advance(60_000)
  t.equal(bucket.isFull, true)
  t.same([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [0, 0, 0, 1], 'no more than that is saved up')
  t.end()
})
