// The chunker against a slow one written from the definition alone; a cut after an edit meets the old boundaries.

import t from 'tap'
import { Chunker } from '../../../lib/chunk/chunker.js'
import { irreducible, polynomialFrom } from '../../../lib/chunk/polynomial.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'
import { referenceLengths } from './reference-chunker.js'

const seed = new Uint8Array(32).fill(7)
const small = { bytesMin: 256, bytesMax: 4096, maskBits: 9 }
const whole = { boundaries: [], resumeAfter: 0, final: true }

t.test('polynomials are irreducible, of degree 53, from the seed alone', (t) => {
  t.equal(irreducible(0x3da3358b4dc173n), true, 'the public one')
  t.equal(irreducible(0x3da3358b4dc171n), false)
  const one = polynomialFrom(seed)
  t.equal(polynomialFrom(new Uint8Array(32).fill(7)), one)
  t.not(polynomialFrom(new Uint8Array(32).fill(8)), one)
  t.equal(irreducible(one), true)
  // Of 400 random ones about one in 26 (no roots) is irreducible; x² divides the next, so it never is.
  let found = 0
  const random = numbers(1)
  for (let i = 0; i < 400; i++) if (irreducible((1n << 53n) | (BigInt(Math.floor(random() * 2 ** 52)) << 1n) | 1n)) found++
  t.ok(found > 3 && found < 60, `${found} of 400`)
  t.end()
})

t.test('cuts where the definition says, with secret polynomials', (t) => {
  for (let key = 0; key < 3; key++) {
    const keySeed = new Uint8Array(32).fill(100 + key)
    const bytes = randomBytes(key, 24_000)
    // Runs of one byte: the maximum and the minimum are reached too.
    bytes.fill(0, 5_000, 9_000)
    bytes.fill(0xa5, 12_000, 19_000)
    const lengths = new Chunker(keySeed, small).cut(bytes, { from: 0, until: bytes.length, ...whole }).lengths
    t.same(lengths, referenceLengths(bytes, polynomialFrom(keySeed), small), `key ${key}`)
    t.ok(lengths.length > 10)
  }
  t.end()
})

t.test('another seed cuts elsewhere', (t) => {
  const bytes = randomBytes(5, 60_000)
  const cut = (fill: number): readonly number[] =>
    new Chunker(new Uint8Array(32).fill(fill), small).cut(bytes, { from: 0, until: bytes.length, ...whole }).lengths
  t.notSame(cut(1), cut(2))
  t.end()
})

t.test('a cut from any boundary equals the continuous cut', (t) => {
  const bytes = randomBytes(9, 200_000)
  const chunker = new Chunker(seed, small)
  const { lengths } = chunker.cut(bytes, { from: 0, until: bytes.length, ...whole })
  let from = 0
  for (let i = 0; i < lengths.length; i++) {
    const again = chunker.cut(bytes, { from, until: bytes.length, ...whole }).lengths
    t.same(again, lengths.slice(i))
    from += lengths[i] ?? 0
  }
  t.equal(from, bytes.length)
  t.end()
})

t.test('minimum, maximum, tail', (t) => {
  const chunker = new Chunker(seed, small)
  t.same(chunker.cut(new Uint8Array(100), { from: 0, until: 100, ...whole }).lengths, [100], 'below the minimum: one chunk')
  t.same(chunker.cut(new Uint8Array(0), { from: 0, until: 0, ...whole }).lengths, [])
  t.same(chunker.cut(new Uint8Array(100), { from: 0, until: 100, ...whole, final: false }).lengths, [], 'a tail is left')
  const bytes = randomBytes(3, 50_000)
  const { lengths } = chunker.cut(bytes, { from: 0, until: bytes.length, ...whole })
  for (const length of lengths.slice(0, -1)) t.ok(length >= small.bytesMin && length <= small.bytesMax)
  const open = chunker.cut(bytes, { from: 0, until: bytes.length, ...whole, final: false }).lengths
  t.same(open, lengths.slice(0, -1), 'the same cuts, without the tail')
  t.end()
})

t.test('after an edit the old boundaries are met again', (t) => {
  const chunker = new Chunker(seed, small)
  const before = randomBytes(21, 300_000)
  const old = chunker.cut(before, { from: 0, until: before.length, ...whole }).lengths
  const starts = old.map((_, i) => old.slice(0, i).reduce((sum, length) => sum + length, 0))
  const chunks = starts.map((from, i) => ({ from, to: from + (old[i] ?? 0) }))
  const random = numbers(22)
  for (let round = 0; round < 40; round++) {
    const from = Math.floor(random() * (before.length - 5000))
    const to = from + 1 + Math.floor(random() * 3000)
    const after = before.slice()
    after.set(randomBytes(1000 + round, to - from), from)
    // The chunk with the byte before the edit: how it ended may have been the edit's doing.
    const begin = chunks.findLast((chunk) => chunk.from < from)?.from ?? 0
    const cut = chunker.cut(after, {
      from: begin, until: after.length, boundaries: chunks.map((chunk) => chunk.from).filter((at) => at >= to), resumeAfter: to, final: true,
    })
    const met = begin + cut.lengths.reduce((sum, length) => sum + length, 0)
    t.ok(met - to < 60_000 || !cut.met, 'soon')
    const expected = chunker.cut(after, { from: 0, until: after.length, ...whole }).lengths
    const kept = (keep: (chunk: { from: number; to: number }) => boolean): number[] => chunks.filter(keep).map((chunk) => chunk.to - chunk.from)
    t.same([...kept((chunk) => chunk.to <= begin), ...cut.lengths, ...kept((chunk) => chunk.from >= met)], expected)
  }
  t.end()
})
