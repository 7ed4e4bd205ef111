// What is said of the event loop's delay, against turns of a known length. A busy machine makes delays longer, never
// shorter: only the lower bounds are exact.
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { LoopDelay } from '../../native-deps/loop-delay.js'

function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Events of the loop, by which it knows that it is not idle. */
async function active(ms: number): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  let sent = 0
  port2.on('message', () => { sent++ })
  const until = performance.now() + ms
  while (performance.now() < until) {
    port1.postMessage(0)
    await sleep(1)
  }
  port1.close()
  port2.close()
  if (sent === 0) throw new Error('no event came')
}

t.test('an active loop is sampled once a millisecond, and a long turn in full', async (t) => {
  const delay = new LoopDelay()
  t.teardown(() => { delay.end() })
  t.throws(() => new LoopDelay(), 'there is one in a process')
  await active(200)
  const before = delay.report()
  t.ok(before.count > 100 && before.count < 100_000, `${before.count} samples`)
  busy(60)
  await active(20)
  const after = delay.report()
  const between = (ms: number): number => {
    const above = ({ atMost, count }: typeof after): number => count - (atMost.find((each) => each.ms === ms)?.count ?? NaN)
    return above(after) - above(before)
  }
  t.ok(between(50) >= 8, `${between(50)} samples above 50 ms of a turn of 60 ms`)
  t.ok(between(10) >= 45, `${between(10)} above 10 ms`)
  t.ok(after.max >= 58 && after.max < 5000, `the longest ${after.max} ms`)
  t.ok(after.p50 <= after.p99 && after.p99 <= after['p99.9'] && after['p99.9'] <= after.max, 'percentiles in order')
  t.ok(after.sum >= 60 * 58 / 2, 'the sum of 60, 59, 58 …')
  t.ok(after.sinceSec >= 0.28, 'since when')
})

t.test('an idle loop is left asleep, and a long turn then counts all the same', async (t) => {
  const delay = new LoopDelay()
  t.teardown(() => { delay.end() })
  await active(20)
  await sleep(400)
  const idle = delay.report()
  await sleep(300)
  const later = delay.report()
  t.ok(later.count - idle.count < 150, `${later.count - idle.count} samples in 300 idle milliseconds`)
  // A timer's turn: no event began it.
  await sleep(50)
  busy(40)
  await sleep(5)
  const long = delay.report()
  t.ok(long.max >= 38, `the longest ${long.max} ms`)
  t.ok(long.count - later.count >= 35, `${long.count - later.count} samples of a turn of 40 ms`)
})
