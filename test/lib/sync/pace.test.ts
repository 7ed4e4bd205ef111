// How fast and when: limits as they are written, a line that keeps to them, tries that come later and later.
import t from 'tap'
import { Backoff } from '../../../lib/sync/backoff.js'
import { Throttle } from '../../../lib/sync/throttle.js'
import { limits } from '../../../lib/terms/limits.js'
import { parseRate, parseSchedule, ratesAt, unlimited, type SyncLimits } from '../../../lib/terms/sync-limits.js'
import { numbers } from '../../support/random-bytes.js'
import { TestClock } from '../../support/test-clock.js'

t.test('rates and schedules as people write them', (t) => {
  t.same(['', '2M', '500K', '1.5m', '4096', '1g'].map(parseRate), [Infinity, 2 * 1024 ** 2, 500 * 1024, 1.5 * 1024 ** 2, 4096, 1024 ** 3])
  t.same(['0', '10', 'fast', '-2M', '2MB', '1e9'].map(parseRate), Array(6).fill(undefined))
  t.same(parseSchedule('08:00-18:00=500K,22:00-06:00=off, 19:00-24:00=1M/4M'), [
    { fromMin: 480, toMin: 1080, up: 500 * 1024, down: 500 * 1024 }, { fromMin: 1320, toMin: 360, up: 0, down: 0 },
    { fromMin: 1140, toMin: 1440, up: 1024 ** 2, down: 4 * 1024 ** 2 },
  ])
  for (const wrong of ['8-18=1M', '08:00-08:00=1M', '25:00-26:00=1M', '08:00-18:00', '08:00-18:00=', '08:00-18:00=0', '08:00-18:00=1M/', '08:00-18:00=1M/2M/3M', '08:60-09:00=1M', '24:01-03:00=1M'])
    t.equal(parseSchedule(wrong), undefined, wrong)
  const plan: SyncLimits = { up: 7000, down: 8000, windows: parseSchedule('08:00-18:00=500K,22:00-06:00=off') ?? [] }
  t.same([479, 480, 1079, 1080, 1319, 1320, 0, 359, 360].map((minute) => ratesAt(plan, minute).up), [7000, 512000, 512000, 7000, 7000, 0, 0, 0, 7000])
  t.equal(ratesAt(plan, 1200).down, 8000)
  t.end()
})

t.test('what several nodes are sent together keeps to the limit', async (t) => {
  const clock = new TestClock()
  const throttle = new Throttle({ up: 100_000, down: 50_000, windows: [] }, clock)
  const wait = (ms: number): Promise<void> => {
    clock.advance(ms)
    return Promise.resolve()
  }
  const began = clock.monotonicMs()
  for (let step = 0; step < 30; step++) {
    await throttle.room(wait)
    throttle.carried(64 * 1024, 100)
  }
  const up = (30 * 64 * 1024) / ((clock.monotonicMs() - began) / 1000)
  t.ok(up < 106_000 && up > 95_000, `${Math.round(up)} bytes a second up`)
  await throttle.room(wait)
  const before = clock.monotonicMs()
  throttle.carried(0, 500_000)
  await throttle.room(wait)
  t.ok(Math.abs(clock.monotonicMs() - before - 10_000) < 50, 'the other direction has its own')
  t.equal(throttle.stepBytes, 100_000, 'a step is about a second')
  t.equal(new Throttle(unlimited, clock).stepBytes, limits.syncPutBytes)
  await new Throttle(unlimited, clock).room(() => Promise.reject(new Error('nobody waits without a limit')))
})

t.test('a schedule takes effect while somebody waits', async (t) => {
  const clock = new TestClock()
  const local = new Date(clock.now().sec * 1000)
  const minute = local.getHours() * 60 + local.getMinutes()
  const throttle = new Throttle({ up: 2000, down: Infinity, windows: [{ fromMin: (minute + 2) % 1440, toMin: (minute + 10) % 1440, up: 0, down: 0 }] }, clock)
  t.notOk(throttle.isOff)
  throttle.carried(10_000_000, 0)
  let waits = 0
  await throttle.room((ms) => {
    waits++
    clock.advance(ms)
    return Promise.resolve()
  })
  t.ok(throttle.isOff, `off after ${waits} waits`)
  t.ok(waits > 50 && waits < 200)
})

t.test('a node that failed is tried later and later, never all at one moment, and soon when there is something new', (t) => {
  const random = numbers(1)
  const backoff = new Backoff(random)
  const waits: number[] = []
  let now = 0
  for (let failure = 0; failure < 16; failure++) {
    backoff.failed(now)
    waits.push(backoff.leftMs(now))
    now += backoff.leftMs(now)
  }
  t.ok(waits.every((ms, index) => ms <= Math.min(limits.syncRetryMsMax, 1000 * 2 ** index) && ms >= Math.min(limits.syncRetryMsMax, 1000 * 2 ** index) / 2), waits.map(Math.round).join(' '))
  t.equal(new Set(waits.map(Math.round)).size, waits.length)
  backoff.failed(now)
  t.ok(backoff.leftMs(now) > limits.syncRetryNewMs)
  backoff.soon()
  t.equal(backoff.leftMs(now), limits.syncRetryNewMs)
  t.equal(backoff.leftMs(now + limits.syncRetryNewMs), 0)
  backoff.reset()
  t.equal(backoff.leftMs(now), 0)
  t.end()
})

t.test('a node that says when to come back is not asked before, for a while', (t) => {
  const backoff = new Backoff(numbers(2))
  backoff.failed(0, 7 * 60_000)
  backoff.soon()
  t.equal(backoff.leftMs(0), 7 * 60_000, 'whatever is new')
  backoff.failed(0, 365 * 24 * 3600_000)
  t.equal(backoff.leftMs(0), limits.syncRetryAfterMsMax, 'but not for ever')
  backoff.reset()
  t.equal(backoff.leftMs(0), 0, 'somebody wants to know now')
  backoff.failed(0)
  backoff.soon()
  t.ok(backoff.leftMs(0) <= limits.syncRetryNewMs)
  t.end()
})
