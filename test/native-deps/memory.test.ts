// Free pages in the middle of malloc's heap go back to the kernel when asked for.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { returnFreeMemory } from '../../native-deps/system.js'

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
