// What is remembered of answers: each is asked for once, failures and what was cleared are asked for again, and no more are
// kept than may be.
import t from 'tap'
import { Recent } from '../../mount/versions/recent.js'

t.test('asked once, until it is cleared or pushed out', async (t) => {
  const recent = new Recent<string, number>(2)
  let asked = 0
  const get = (key: string): Promise<number> => recent.get(key, () => Promise.resolve(++asked))
  t.same(await Promise.all([get('a'), get('a'), get('b')]), [1, 1, 2])
  t.equal(await get('a'), 1)
  t.equal(await get('c'), 3)
  t.equal(await get('a'), 1, 'used since')
  t.equal(await get('b'), 4, 'pushed out')
  recent.clear()
  t.equal(await get('b'), 5)
})

t.test('a failure is for those who waited for it, and what is cleared meanwhile does not come back', async (t) => {
  const recent = new Recent<string, number>(2)
  const failing = (): Promise<number> => recent.get('a', () => Promise.reject(new Error('busy')))
  await Promise.all([t.rejects(failing(), { message: 'busy' }), t.rejects(failing(), { message: 'busy' })])
  t.equal(await recent.get('a', () => Promise.resolve(1)), 1)
  const late = Promise.withResolvers<number>()
  const waiting = recent.get('b', () => late.promise)
  recent.clear()
  const newer = recent.get('b', () => Promise.resolve(2))
  late.resolve(1)
  t.same(await Promise.all([waiting, newer, recent.get('b', () => Promise.resolve(3))]), [1, 2, 2])
})
