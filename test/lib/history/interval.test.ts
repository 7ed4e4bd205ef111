// The forks of a position are those of all intervals that hold it, and each interval is found once: against a scan.
import t from 'tap'
import { forkOf, forksAround } from '../../../lib/history/interval.js'

/** Whether the questions that Lookups asks find the interval. */
function timesFound(position: number, newest: number, began: number, ended: number): number {
  const { before, after } = forksAround(position, newest)
  const fork = forkOf(began, ended)
  return before.filter((each) => each === fork && ended > position).length + after.filter((each) => each === fork && began <= position).length
}

t.test('a fork lies in its interval, and nothing in that is divisible more often by two', (t) => {
  for (let began = 0; began < 70; began++) {
    for (let ended = began + 1; ended <= 70; ended++) {
      const fork = forkOf(began, ended)
      const inside = Array.from({ length: ended - began }, (_, index) => began + index)
      // Zero is divisible without end.
      const rank = (value: number): number => (value === 0 ? Infinity : value & -value)
      if (!inside.includes(fork) || inside.some((value) => rank(value) > rank(fork))) t.fail(`[${began}, ${ended}): ${fork}`)
    }
  }
  t.end()
})

t.test('found exactly when it holds the position', (t) => {
  for (const newest of [1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 50]) {
    for (let began = 0; began <= newest; began++) {
      for (let ended = began + 1; ended <= newest; ended++) {
        for (let position = 0; position <= newest; position++) {
          const found = timesFound(position, newest, began, ended)
          if (found !== (began <= position && position < ended ? 1 : 0)) t.fail(`[${began}, ${ended}) is found ${found} times at ${position} of ${newest}`)
        }
      }
    }
  }
  t.end()
})

t.test('positions beyond 32 bits', (t) => {
  const far = 2 ** 40
  for (const [began, ended] of [[far - 3, far + 5], [far + 1, far + 2], [5, far], [0, far + 9]] as const) {
    for (const position of [4, 5, far - 4, far - 3, far, far + 1, far + 4, far + 5]) {
      t.equal(timesFound(position, far + 10, began, ended), began <= position && position < ended ? 1 : 0, `[${began}, ${ended}) at ${position}`)
    }
  }
  t.end()
})

t.test('only few forks are asked', (t) => {
  const { before, after } = forksAround(123_456_789, 2 ** 30)
  t.ok(before.length + after.length <= 32)
  t.equal(new Set([...before, ...after]).size, before.length + after.length)
  t.end()
})
