// The clock that entries get their times from: never backwards while nobody sets it, and with whoever sets it.
import t from 'tap'
import { systemClock } from '../../bin/system-sources.js'

const real = Date.now

/** Nanoseconds. */
function read(): bigint {
  const { sec, nsec } = systemClock.now()
  if (!Number.isInteger(sec) || !Number.isInteger(nsec) || nsec < 0 || nsec >= 1e9) throw new Error(`${String(sec)} s and ${String(nsec)} ns`)
  return BigInt(sec) * 1_000_000_000n + BigInt(nsec)
}

t.test('it goes on by less than milliseconds, and stays near to the wall clock', (t) => {
  // Stopped, as within one millisecond: what is counted goes on.
  const stopped = real()
  Date.now = () => stopped
  t.teardown(() => { Date.now = real })
  const readings = Array.from({ length: 1000 }, read).filter((each) => Math.abs(Number(each / 1_000_000n) - stopped) <= 3)
  t.ok(new Set(readings).size > readings.length / 2, 'not by whole milliseconds')
  t.end()
})

t.test('who sets the clock sets it', (t) => {
  t.teardown(() => { Date.now = real })
  for (const shiftMs of [-3_600_000, 86_400_000, -1, 999, 0]) {
    Date.now = () => real() + shiftMs
    for (let reading = 0; reading < 1000; reading++) {
      const [before, now, after] = [Date.now(), Number(read() / 1_000_000n), Date.now()]
      // This process may have been put aside between the three.
      if (now < before - 3 || now > after + 3) t.fail(`${String(now)}, wanted ${String(before)} to ${String(after)}`)
    }
  }
  t.end()
})
