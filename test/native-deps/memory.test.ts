// Pages that hold nothing, and free ones in the middle of malloc's heap go back to the kernel when asked for.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { copyShared, discardPages, returnFreeMemory } from '../../native-deps/system.js'
import { randomBytes } from '../support/random-bytes.js'

const buffers = 2000
/** Below the size from which malloc maps each piece by itself. */
const bufferBytes = 60_000
/** These stay, all over the heap: the end of it is never free. */
const keptEvery = 50

t.test('what lies free between pieces in use is returned', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const kept: Buffer[] = []
  const fill = (): void => {
    const all = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(bufferBytes).fill(1))
    kept.push(...all.filter((_, index) => index % keptEvery === 0))
  }
  fill()
  collect()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const before = process.memoryUsage.rss()
  await returnFreeMemory()
  const returned = before - process.memoryUsage.rss()
  t.ok(returned > (buffers * bufferBytes) / 2, `${String(returned)} bytes`)
  t.ok(kept.every((buffer) => buffer.every((byte) => byte === 1)), 'what is in use stays')
})

t.test('pages of shared memory are returned and read as zeros', (t) => {
  const bytes = new Uint8Array(new SharedArrayBuffer(64 * 1024 * 1024)).fill(7)
  const before = process.memoryUsage.rss()
  discardPages(bytes.subarray(100_000, bytes.byteLength - 100_000))
  t.ok(before - process.memoryUsage.rss() > bytes.byteLength * 0.9)
  t.ok(bytes.subarray(0, 100_000).every((byte) => byte === 7) && bytes.subarray(-100_000).every((byte) => byte === 7), 'what lies beside it stays')
  t.ok(bytes.subarray(110_000, -110_000).every((byte) => byte === 0))
  bytes.fill(8)
  t.ok(bytes.every((byte) => byte === 8), 'it can be used again')
  discardPages(bytes.subarray(5, 100))
  t.ok(bytes.every((byte) => byte === 8), 'less than a page is nothing')
  t.end()
})

t.test('copies between shared and private memory as set() does', (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(20_000))
  const source = randomBytes(1, 10_000)
  for (const [at, from, length] of [[0, 0, 10_000], [13, 7, 1024], [4095, 1, 1023], [9999, 9999, 1], [5, 5, 0]] as const) {
    const expected = new Uint8Array(20_000)
    expected.set(source.subarray(from, from + length), at)
    shared.fill(0)
    copyShared(shared.subarray(at), source.subarray(from, from + length))
    t.same(shared, expected)
    const back = new Uint8Array(length)
    copyShared(back, shared.subarray(at, at + length))
    t.same(back, source.subarray(from, from + length))
  }
  t.throws(() => { copyShared(shared.subarray(15_000), source) }, { code: 'io' }, 'no byte goes past the end')
  t.throws(() => { copyShared(shared.subarray(19_500), source.subarray(0, 1000)) }, RangeError)
  t.equal(shared[19_999], 0)
  t.end()
})
