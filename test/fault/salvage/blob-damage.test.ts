// One bit of the cache's segments, in each part of the format: whatever it hits, what salvaging says is lost is just what is.
import { rmSync } from 'node:fs'
import t from 'tap'
import { frameBytes } from '../../../lib/cache/frame.js'
import { segmentPath } from '../../../lib/cache/segment-files.js'
import { CacheInventory } from '../../../lib/cache/inventory.js'
import { blobHeaderBytes, paddedOfSealed, segmentHashBytes, segmentPlainBytes, segmentRange, segmentsOf } from '../../../lib/format/blob-envelope.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import { removeFolder } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { Hand } from '../../support/vault-hand.js'
import { flipBit } from '../verify/damage.js'
import { referencesOf } from '../verify/verified-vault.js'
import { salvaged } from './salvaged-store.js'

t.setTimeout(240_000)

interface Place {
  readonly what: string
  /** From the frame's first byte. */
  readonly at: number
  /** Of the file. */
  readonly lost: readonly [number, number] | undefined
  /** That something is damaged is said, though nothing is lost. */
  readonly said?: boolean
}

/** Of a raw blob that is all of a file. */
function places({ plainLength, sealedLength }: BlobReference): Place[] {
  const padded = paddedOfSealed(sealedLength) ?? 0
  const blob = frameBytes
  const table = blob + blobHeaderBytes
  const segment = (index: number): number => blob + segmentRange(padded, index).offset
  const last = segmentsOf(padded) - 1
  return [
    { what: 'magic of the frame', at: 1, lost: undefined },
    { what: 'dead or alive', at: 3, lost: undefined },
    { what: 'length in the frame', at: 6, lost: undefined },
    { what: 'id in the frame', at: 20, lost: undefined },
    { what: 'magic', at: blob, lost: undefined, said: true },
    { what: 'version', at: blob + 3, lost: undefined, said: true },
    { what: 'suite', at: blob + 4, lost: undefined, said: true },
    { what: 'reserved', at: blob + 6, lost: undefined, said: true },
    { what: 'epoch', at: blob + 11, lost: undefined, said: true },
    { what: 'segments', at: blob + 15, lost: undefined, said: true },
    // The key is made of it.
    { what: 'salt', at: blob + 20, lost: [0, plainLength], said: true },
    { what: 'table', at: table + 5, lost: undefined, said: true },
    { what: 'end of the table', at: table + segmentHashBytes * (last + 1) - 1, lost: undefined, said: true },
    { what: 'first segment', at: segment(0), lost: [0, segmentPlainBytes], said: true },
    { what: 'a tag', at: segment(2) - 1, lost: [segmentPlainBytes, 2 * segmentPlainBytes], said: true },
    { what: 'padding behind the end, in its segment', at: segment(last) - 100, lost: [(last - 1) * segmentPlainBytes, plainLength], said: true },
    { what: 'a segment of padding', at: segment(last) + 500, lost: undefined },
  ]
}

t.test('wherever a bit flips', async (t) => {
  const hand = await Hand.open()
  const { test } = hand
  const bytes = Buffer.from(randomBytes(1, 190_000))
  await hand.write('before', randomBytes(2, 70_000))
  await hand.write('file', bytes)
  await hand.write('behind', randomBytes(3, 70_000))
  await test.settle()
  const [reference] = referencesOf(test, hand.ino('file'))
  if (reference === undefined) throw new Error('a chunk')
  t.equal(reference.plainLength, bytes.byteLength, 'all of the file')
  const store = await test.crashImage()
  await test.remove()
  const inventory = new CacheInventory(`${store}/cache`)
  const location = inventory.reader.locate(reference.blobId)
  inventory.close()
  if (location === undefined) throw new Error('a blob')
  const path = segmentPath(`${store}/cache`, location.segment)
  for (const hasIndex of [true, false]) {
    if (!hasIndex) for (const end of ['', '-wal', '-shm']) rmSync(`${store}/cache/cache.db${end}`, { force: true })
    // The index leads past the frames; behind them it changes nothing.
    for (const { what, at, lost, said = false } of places(reference).slice(0, hasIndex ? Infinity : 5)) {
      flipBit(path, location.offset - frameBytes + at)
      const found = await salvaged(store)
      flipBit(path, location.offset - frameBytes + at)
      const where = `${what}, ${hasIndex ? 'with' : 'without'} index`
      const ranges = found.problems.filter(({ kind }) => kind === 'bytes')
      t.ok(found.hurt.every((each) => each === 'bytes file'), `${where}: no other file`)
      const covered = ranges.reduce((sum, { start = 0, end = 0 }) => sum + end - start, 0)
      t.same([ranges[0]?.start, ranges.at(-1)?.end, covered], lost === undefined ? [undefined, undefined, 0] : [...lost, lost[1] - lost[0]], `${where}: the range`)
      const expected = Buffer.from(bytes)
      if (lost !== undefined) expected.fill(0, ...lost)
      t.ok(found.bytes('files/file').equals(expected), `${where}: every other byte`)
      t.equal(found.problems.some(({ message }) => message.includes('damaged') || message.includes('does not open')), said, `${where}: said`)
      found.remove()
    }
  }
  removeFolder(store)
})
