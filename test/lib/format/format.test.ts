// The smallest parts of the format: numbers at their edges, growing memory, and readers that never run past the end.

import t from 'tap'
import { ByteReader } from '../../../lib/format/reader.js'
import { ByteWriter } from '../../../lib/format/writer.js'
import { decodeHeader } from '../../../lib/format/vault-header.js'
import { VaultError, type ErrorCode } from '../../../lib/terms/errors.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'

function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof VaultError) return error.code
    throw error
  }
}

t.test('numbers come back, at every edge and across every growth of the memory', async (t) => {
  const edges = [0, 1, 127, 128, 255, 16_383, 16_384, 65_535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 42, Number.MAX_SAFE_INTEGER]
  for (const capacity of [1, 2, 3, 5, 300]) {
    const writer = new ByteWriter(capacity)
    for (const value of edges) {
      writer.varint(value).u64(value).lengthPrefixed(randomBytes(1, value % 50)).zeros(2)
      if (value <= 0xff) writer.u8(value)
      if (value <= 0xffff) writer.u16(value)
      if (value <= 0xffff_ffff) writer.u32(value)
    }
    const reader = new ByteReader(writer.ascii('end').take(), 'test')
    for (const value of edges) {
      const read = [reader.varint(), reader.u64()]
      const bytes = reader.lengthPrefixed(50)
      reader.bytes(2)
      if (value <= 0xff) read.push(reader.u8())
      if (value <= 0xffff) read.push(reader.u16())
      if (value <= 0xffff_ffff) read.push(reader.u32())
      t.same(new Set(read), new Set([value]), `${value} in memory that began with ${capacity}`)
      t.same(bytes, randomBytes(1, value % 50))
    }
    t.equal(Buffer.from(reader.rest()).toString(), 'end')
    reader.end()
  }
})

t.test('what can not be is corrupt, or our own fault', async (t) => {
  const reader = (...bytes: number[]): ByteReader => new ByteReader(Uint8Array.from(bytes), 'test')
  t.equal(codeOf(() => reader(1).u16()), 'corrupt')
  t.equal(codeOf(() => reader(0x80).varint()), 'corrupt', 'no end')
  t.equal(codeOf(() => reader(0x80, 0x00).varint()), 'corrupt', 'not the shortest form')
  t.equal(codeOf(() => reader(...Array.from({ length: 9 }, () => 0xff), 1).varint()), 'corrupt', 'too large')
  t.equal(codeOf(() => reader(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0).u64()), 'corrupt')
  t.equal(codeOf(() => reader(5, 1, 2).lengthPrefixed(10)), 'corrupt')
  t.equal(codeOf(() => reader(5, 1, 2, 3, 4, 5).lengthPrefixed(4)), 'corrupt')
  t.equal(codeOf(() => { reader(5).end() }), 'corrupt')
  t.equal(codeOf(() => new ByteWriter().u8(256)), 'broken-invariant')
  t.equal(codeOf(() => new ByteWriter().varint(-1)), 'broken-invariant')
  t.equal(codeOf(() => new ByteWriter().u64(2 ** 53)), 'broken-invariant')
})

t.test('a header reader given noise says what it is and nothing else', async (t) => {
  const random = numbers(1)
  const start = Buffer.concat([Buffer.from('VAULTFS\0'), Buffer.from([0, 1])])
  for (let count = 0; count < 300; count += 1) {
    const noise = randomBytes(count, Math.floor(random() * 700))
    const code = codeOf(() => decodeHeader(count % 2 === 0 ? noise : new Uint8Array(Buffer.concat([start, noise])), 'header'))
    t.equal(code, count % 2 === 0 ? 'not-a-vault' : 'corrupt')
  }
})
