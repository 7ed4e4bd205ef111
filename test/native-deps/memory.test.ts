// Pages that hold nothing, and free ones in the middle of malloc's heap go back to the kernel when asked for.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { discardPages, returnFreeMemory } from '../../native-deps/system.js'

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
