// Which moments a policy keeps: the last of each hour, day, week and month, by the clock of the place, what is young or
// has a name, and always the newest.
import t from 'tap'
import { selectKept, type Candidate } from '../../../lib/history/retention.js'

const none = { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }
const at = (text: string): number => Date.parse(`${text}Z`) / 1000

/** Moments in the order of the manifest, the oldest first; positions from 1 on. */
function kept(times: readonly string[], policy: Partial<typeof none>, now: string, named: readonly number[] = []): Map<number, readonly string[]> {
  const moments: Candidate[] = times.map((time, index) => ({ position: index + 1, sec: at(time) })).reverse()
  return new Map([...selectKept(moments, new Set(named), { ...none, ...policy }, at(now))].sort(([a], [b]) => a - b))
}

t.test('nothing asked for: the newest stays', (t) => {
  t.strictSame(kept(['2024-05-01T10:00:00', '2024-05-01T11:00:00'], {}, '2024-05-02T00:00:00'), new Map([[2, ['latest']]]))
  t.strictSame(kept([], {}, '2024-05-02T00:00:00'), new Map())
  t.end()
})

t.test('the last moment of each of the last hours that have one', (t) => {
  const times = ['2024-05-01T08:10:00', '2024-05-01T08:59:59', '2024-05-01T09:00:00', '2024-05-01T12:30:00', '2024-05-01T12:31:00']
  t.strictSame([...kept(times, { hourly: 2 }, '2024-06-01T00:00:00').keys()], [3, 5], 'hours without a moment do not count')
  t.strictSame([...kept(times, { hourly: 3 }, '2024-06-01T00:00:00').keys()], [2, 3, 5])
  t.strictSame([...kept(times, { hourly: 100 }, '2024-06-01T00:00:00').keys()], [2, 3, 5])
  t.end()
})

t.test('days, weeks from Monday on, and months', (t) => {
  // 2024-04-28 was a Sunday.
  const times = ['2024-03-31T23:00:00', '2024-04-01T01:00:00', '2024-04-28T23:59:59', '2024-04-29T00:00:00', '2024-04-30T12:00:00', '2024-05-01T12:00:00', '2024-05-05T12:00:00']
  t.strictSame([...kept(times, { daily: 3 }, '2024-06-01T00:00:00').keys()], [5, 6, 7])
  t.strictSame([...kept(times, { weekly: 2 }, '2024-06-01T00:00:00').keys()], [3, 7], 'Sunday is the end of its week')
  t.strictSame([...kept(times, { monthly: 3 }, '2024-06-01T00:00:00').keys()], [1, 5, 7])
  t.strictSame(kept(times, { daily: 1, weekly: 1, monthly: 2 }, '2024-06-01T00:00:00'), new Map([[5, ['monthly']], [7, ['daily', 'weekly', 'monthly', 'latest']]]))
  t.end()
})

t.test('days are those of the place', (t) => {
  const times = ['2024-05-01T21:30:00', '2024-05-01T22:30:00', '2024-05-02T12:00:00']
  t.strictSame([...kept(times, { daily: 9 }, '2024-06-01T00:00:00').keys()], [2, 3], 'in Greenwich')
  t.strictSame([...kept(times, { daily: 9, offsetMin: 120 }, '2024-06-01T00:00:00').keys()], [1, 3], 'two hours east midnight lies between the first two')
  t.strictSame([...kept(times, { monthly: 9, offsetMin: -600 }, '2024-06-01T00:00:00').keys()], [3])
  t.strictSame([...kept(['2024-05-01T03:00:00', '2024-05-01T05:00:00'], { monthly: 9, offsetMin: -240 }, '2024-06-01T00:00:00').keys()], [1, 2], 'west of it April is not over')
  t.end()
})

t.test('young ones and those with a name', (t) => {
  const times = ['2024-05-01T00:00:00', '2024-05-01T11:59:59', '2024-05-01T12:00:00', '2024-05-01T13:00:00']
  t.strictSame(kept(times, { withinSec: 3600 }, '2024-05-01T13:00:00', [1]), new Map([[1, ['named']], [3, ['recent']], [4, ['recent', 'latest']]]))
  t.end()
})

t.test('clocks that go back', (t) => {
  // In the order of the manifest the third one is the newest of the day that the clock fell back to.
  const times = ['2024-05-01T10:00:00', '2024-05-02T10:00:00', '2024-05-01T12:00:00', '2024-05-03T10:00:00']
  t.strictSame([...kept(times, { daily: 3 }, '2024-05-04T00:00:00').keys()], [2, 3, 4], 'one of each day')
  t.strictSame([...kept(times, { daily: 2 }, '2024-05-04T00:00:00').keys()], [3, 4], 'the last two days that were written on')
  t.strictSame([...kept(['2030-01-01T00:00:00', '2024-05-01T10:00:00'], { withinSec: 60 }, '2024-05-04T00:00:00').keys()], [1, 2], 'from the future: not older than that')
  t.strictSame([...kept(['1969-12-31T23:00:00', '1970-01-01T01:00:00'], { daily: 5, monthly: 5 }, '2024-05-04T00:00:00').keys()], [1, 2], 'before 1970')
  t.end()
})
