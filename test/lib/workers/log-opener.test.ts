// Parts of many extents of the log: right bytes, in memory that does not grow with how many were opened.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { extentAssociatedData, extentOverheadBytes, sealExtentInto } from '../../../lib/format/log-record.js'
import type { LogExtent } from '../../../lib/store/log-port.js'
import { LogOpener } from '../../../lib/workers/log-opener.js'
import { randomBytes } from '../../../native-deps/sodium.js'

const count = 400
const extentsMax = 8

t.test('parts of extents, in and out of their order', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-log-opener-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const path = join(folder, 'segment')
  const owner = { vault: randomBytes(32), device: randomBytes(16) }
  const key = randomBytes(32)
  const extents: LogExtent[] = []
  const plain = (number: number): Uint8Array => new Uint8Array(60_000 - number).fill(number % 251)
  const sealed: Uint8Array[] = []
  for (let number = 0, position = 0; number < count; number++) {
    const data = plain(number)
    const extent = { segment: 1, position, length: data.byteLength, lsn: number + 1, generation: 1, ino: 7, offset: number * 65536 }
    const out = new Uint8Array(data.byteLength + extentOverheadBytes)
    sealExtentInto(out, data, extentAssociatedData(owner, extent), randomBytes(24), key)
    sealed.push(out)
    extents.push(extent)
    position += out.byteLength
  }
  writeFileSync(path, Buffer.concat(sealed))
  sealed.length = 0
  // What the test itself made is gone before it is counted; nothing is collected while it reads.
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const opener = new LogOpener({ owner, key, pathOf: () => path, extentsMax })
  const before = process.memoryUsage().arrayBuffers
  const wrong: number[] = []
  const out = new Uint8Array(100)
  const read = (number: number): void => {
    const extent = extents[number]
    if (extent === undefined) return
    opener.read(extent, extent.length - 100, 100, out)
    if (!out.every((byte) => byte === number % 251)) wrong.push(number)
  }
  for (let number = 0; number < count; number++) {
    read(number)
    read(Math.max(0, number - 3))
    read(Math.max(0, number - 3 * extentsMax))
  }
  t.strictSame(wrong, [])
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown <= (extentsMax + 4) * 65536, `${String(grown)} bytes`)
  opener.close()
  t.end()
})
