// Two engines, one definition: our addon and rabin-native under our polynomial make the same cuts, and with the public
// polynomial the package's own. Above all where the addon's four searches meet and where a stretch ends.

import t from 'tap'
import { Chunker as Package } from 'rabin-native'
import { polynomialFrom } from '../../lib/chunk/polynomial.js'
import { openCutter, type RabinBounds, type RabinCutter } from '../../native-deps/rabin.js'
import { numbers, randomBytes } from '../support/random-bytes.js'

const publicPolynomial = 0x3da3358b4dc173n
const full = { bytesMin: 512 * 1024, bytesMax: 8 * 1024 * 1024, maskBits: 20 }

function lengthsOf(cutter: RabinCutter, bytes: Uint8Array, from = 0, until = bytes.length): number[] {
  const lengths: number[] = []
  for (let at = from; ;) {
    const length = cutter.next(bytes, at, until)
    if (length === 0) return lengths
    lengths.push(length)
    at += length
  }
}

t.test('the package\'s own cuts', (t) => {
  const bytes = randomBytes(11, 12 * 1024 * 1024)
  const theirs: number[] = []
  const packageChunker = new Package({ minSize: full.bytesMin, maxSize: full.bytesMax })
  for (const chunk of packageChunker.push(bytes)) theirs.push(chunk.length)
  t.ok(theirs.length > 3)
  for (const engine of ['addon', 'package'] as const) t.same(lengthsOf(openCutter(publicPolynomial, full, engine), bytes), theirs, engine)
  t.end()
})

t.test('both engines, bounds and polynomials of many kinds', (t) => {
  const random = numbers(1)
  const below = (limit: number): number => Math.floor(random() * limit)
  const bytes = randomBytes(2, 700_000)
  bytes.fill(0, 200_000, 260_000)
  let cuts = 0
  for (let round = 0; round < 60; round++) {
    const bytesMin = 64 + below(5000)
    // A rare cut makes whole stretches of four searches without one, a frequent one hits each of them.
    const bounds: RabinBounds = { bytesMin, bytesMax: bytesMin + below(150_000), maskBits: 4 + below(14) }
    const polynomial = polynomialFrom(randomBytes(round, 32))
    const from = below(1000)
    const until = bytes.length - below(70_000)
    const [ours, theirs] = (['addon', 'package'] as const).map((engine) => lengthsOf(openCutter(polynomial, bounds, engine), bytes, from, until))
    t.same(ours, theirs, JSON.stringify(bounds))
    cuts += ours?.length ?? 0
  }
  t.ok(cuts > 1000, `${cuts} cuts`)
  t.end()
})

t.test('a stretch that ends anywhere', (t) => {
  const bytes = randomBytes(3, 40_000)
  const bounds = { bytesMin: 100, bytesMax: 39_000, maskBits: 14 }
  const [ours, theirs] = (['addon', 'package'] as const).map((engine) => openCutter(polynomialFrom(new Uint8Array(32)), bounds, engine))
  if (ours === undefined || theirs === undefined) throw new Error('no engine')
  for (let until = 0; until < bytes.length; until += 61) {
    if (ours.next(bytes, 0, until) !== theirs.next(bytes, 0, until)) t.fail(`until ${until}`)
  }
  t.throws(() => ours.next(bytes, 0, bytes.length + 1))
  t.throws(() => ours.next(bytes, 10, 5))
  t.throws(() => theirs.next(new Uint8Array(new SharedArrayBuffer(1000)), 0, 1000), { code: 'broken-invariant' })
  t.end()
})
