// The addon and node:zlib give the same frames, read each other's, and say no to the same.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { openZstd } from '../../native-deps/zstd.js'

const [addon, zlib] = [openZstd('addon'), openZstd('zlib')]
const text = readFileSync(new URL(import.meta.url))
const contents = [
  new Uint8Array(0), new Uint8Array([7]), text.subarray(0, 100), text, new Uint8Array(65536), randomBytes(65536),
  Buffer.concat(Array.from({ length: 40 }, () => text)).subarray(0, 65536), randomBytes(16).toString('hex').repeat(100),
].map((content) => (typeof content === 'string' ? Buffer.from(content) : content))

function framesOf(content: Uint8Array, level: number): Uint8Array[] {
  return [addon, zlib].map((engine) => {
    const out = new Uint8Array(70_000)
    return out.subarray(0, engine.compress(out, content, level))
  })
}

t.test('the same bytes, both ways', async (t) => {
  for (const content of contents) {
    for (const level of [1, 2, 3]) {
      const [ours, theirs] = framesOf(content, level)
      t.same(ours, theirs, `${String(content.byteLength)} bytes at level ${String(level)}`)
      for (const engine of [addon, zlib]) {
        const out = new Uint8Array(content.byteLength)
        t.equal(engine.decompress(out, ours ?? out), content.byteLength)
        t.same(out, new Uint8Array(content))
      }
    }
  }
})

t.test('no room, and no frame', async (t) => {
  const [frame = new Uint8Array()] = framesOf(text, 1)
  const flipped = frame.slice()
  flipped[1] = (flipped[1] ?? 0) ^ 0xff
  for (const engine of [addon, zlib]) {
    t.equal(engine.compress(new Uint8Array(10), randomBytes(1000), 1), undefined)
    t.equal(engine.decompress(new Uint8Array(text.byteLength - 1), frame), undefined)
    t.equal(engine.decompress(new Uint8Array(70_000), frame.subarray(0, frame.byteLength - 3)), undefined)
    t.equal(engine.decompress(new Uint8Array(70_000), flipped), undefined)
    t.equal(engine.decompress(new Uint8Array(70_000), randomBytes(100)), undefined)
    t.equal(engine.decompress(new Uint8Array(70_000), frame), text.byteLength, 'and goes on after that')
  }
})

t.test('from and to shared memory', async (t) => {
  const [shared, packed, back] = [text.byteLength, 70_000, text.byteLength].map((bytes) => new Uint8Array(new SharedArrayBuffer(bytes)))
  if (shared === undefined || packed === undefined || back === undefined) throw new Error('three views')
  shared.set(text)
  const length = addon.compress(packed, shared, 1)
  t.equal(addon.decompress(back, packed.subarray(0, length)), text.byteLength)
  t.same(back.slice(), new Uint8Array(text))
})
