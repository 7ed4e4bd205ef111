// Our use of rabin-native (another start of the search, state restored from a template) makes the package's own cuts.

import t from 'tap'
import { Chunker as Package } from 'rabin-native'
import { RabinCutter } from '../../native-deps/rabin.js'
import { randomBytes } from '../support/random-bytes.js'

t.test('a whole-size cut agrees with the package itself', (t) => {
  const bytes = randomBytes(11, 12 * 1024 * 1024)
  const theirs: number[] = []
  const packageChunker = new Package({ minSize: 512 * 1024, maxSize: 8 * 1024 * 1024 })
  for (const chunk of packageChunker.push(bytes)) theirs.push(chunk.length)
  const cutter = new RabinCutter(0x3da3358b4dc173n, { bytesMin: 512 * 1024, bytesMax: 8 * 1024 * 1024, maskBits: 20 })
  const ours: number[] = []
  for (let at = 0, length = -1; length !== 0; at += length) {
    length = cutter.next(bytes, at, bytes.length)
    if (length > 0) ours.push(length)
  }
  t.ok(ours.length > 3)
  t.same(ours, theirs)
  t.end()
})
