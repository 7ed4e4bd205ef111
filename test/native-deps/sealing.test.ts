// The addon and the packages give the same segments, open each other's, and refuse the same; the packages' way is
// libsodium's own call for each segment.
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { openSealing, type Damage, type Sealing } from '../../native-deps/sealing.js'
import { aeadSeal } from '../../native-deps/sodium.js'

const [addon, packages] = [openSealing('addon'), openSealing('packages')]
const segment = 65_536

interface Sealed {
  readonly out: Uint8Array
  readonly table: Uint8Array
}

interface Run {
  readonly header: Uint8Array
  readonly key: Uint8Array
  readonly first: number
  readonly isEnd: boolean
}

function runOf(first: number, isEnd: boolean): Run {
  return { header: randomBytes(48), key: randomBytes(32), first, isEnd }
}

function sealBy(engine: Sealing, plain: Uint8Array, { header, key, first, isEnd }: Run): Sealed {
  const count = Math.ceil(plain.byteLength / segment)
  const [out, table] = [new Uint8Array(plain.byteLength + count * 16), new Uint8Array(count * 32)]
  engine.seal(out, plain, table, header, key, first, isEnd)
  return { out, table }
}

function openBy(engine: Sealing, { out, table }: Sealed, { header, key, first, isEnd }: Run, into = new Uint8Array(out.byteLength - table.byteLength / 2)): Damage | Uint8Array {
  return engine.open(into, out, table, header, key, first, isEnd) ?? into
}

/** Lengths and hashes of what may be long: tap compares arrays byte by byte. */
function told(...parts: readonly (Uint8Array | Damage)[]): unknown[] {
  return parts.map((part) => (part instanceof Uint8Array ? `${String(part.byteLength)} ${createHash('sha256').update(part).digest('hex')}` : part))
}

/** FORMAT §4.4, in libsodium's words. */
function expectedOf(plain: Uint8Array, { header, key, first, isEnd }: Run): Sealed {
  const segments: Uint8Array[] = []
  for (let at = 0; at < plain.byteLength; at += segment) {
    const bytes = plain.subarray(at, at + segment)
    const nonce = Buffer.alloc(24)
    nonce.writeUInt32BE(first + at / segment, 19)
    nonce[23] = isEnd && at + segment >= plain.byteLength ? 1 : 0
    const out = new Uint8Array(bytes.byteLength + 16)
    aeadSeal(out, bytes, header, nonce, key)
    segments.push(out)
  }
  const hashes = segments.map((bytes) => createHash('sha256').update(bytes).digest())
  return { out: new Uint8Array(Buffer.concat(segments)), table: new Uint8Array(Buffer.concat(hashes)) }
}

t.test('the bytes of libsodium, whatever the length, the place and the end', async (t) => {
  for (const bytes of [1, 15, 64, 4096, segment - 1, segment, segment + 1, 5 * segment, 5 * segment + 5792]) {
    for (const first of [0, 1, 255, 256, 0x01020304]) {
      const run = runOf(first, true)
      const plain = randomBytes(bytes)
      const expected = expectedOf(plain, run)
      for (const engine of [addon, packages]) {
        const found = sealBy(engine, plain, run)
        t.same(told(found.out, found.table), told(expected.out, expected.table), `${String(bytes)} bytes from segment ${String(first)}`)
        t.same(told(openBy(engine, expected, run)), told(plain))
      }
    }
  }
  const [run, plain] = [runOf(7, false), randomBytes(3 * segment)]
  for (const engine of [addon, packages]) {
    const [found, expected] = [sealBy(engine, plain, run), expectedOf(plain, run)]
    t.same(told(found.out, found.table), told(expected.out, expected.table), 'not the end')
  }
})

t.test('many runs with keys of their own, one after the other', async (t) => {
  for (let round = 0; round < 300; round++) {
    const run = runOf(round, round % 2 === 0)
    const plain = randomBytes(run.isEnd ? 1 + (round * 997) % 3000 : segment)
    t.same(told(openBy(addon, sealBy(packages, plain, run), run)), told(plain))
  }
})

t.test('a flipped bit is told by its segment, and nothing of it comes out', async (t) => {
  const run = runOf(3, true)
  const plain = randomBytes(2 * segment + 1000)
  const sealed = sealBy(addon, plain, run)
  // Beginning, middle and tag of segments, and what the table says of them.
  const places = [[0, 0], [segment - 1, 0], [segment + 15, 0], [segment + 16, 1], [2 * (segment + 16) + 500, 2], [sealed.out.byteLength - 1, 2]] as const
  for (const [place, number] of places) {
    const damaged = sealed.out.slice()
    damaged[place] = (damaged[place] ?? 0) ^ 0x10
    const table = sealed.table.slice()
    table.set(createHash('sha256').update(damaged.subarray(number * (segment + 16), (number + 1) * (segment + 16))).digest(), number * 32)
    for (const engine of [addon, packages]) {
      for (const [what, of] of [['hash', { out: damaged, table: sealed.table }], ['seal', { out: damaged, table }]] as const) {
        const into = new Uint8Array(plain.byteLength).fill(7)
        t.same(openBy(engine, of, run, into), { segment: number, what })
        t.same(told(into.subarray(0, number * segment)), told(plain.subarray(0, number * segment)), 'what came before it')
        t.ok(into.subarray(number * segment).every((byte) => byte === 0), 'nothing else')
      }
    }
  }
  for (let number = 0; number < 3; number++) {
    const table = sealed.table.slice()
    table[number * 32 + 31] = (table[number * 32 + 31] ?? 0) ^ 1
    for (const engine of [addon, packages]) t.same(openBy(engine, { out: sealed.out, table }, run), { segment: number, what: 'hash' })
  }
  t.same(told(openBy(addon, sealed, run)), told(plain), 'and goes on after that')
})

t.test('another header, key, number, or end does not open', async (t) => {
  const run = runOf(3, true)
  const sealed = sealBy(addon, randomBytes(1000), run)
  const others: readonly Partial<Run>[] = [
    { header: Buffer.concat([run.header.subarray(0, 47), Buffer.from([(run.header[47] ?? 0) ^ 1])]) }, { header: run.header.subarray(0, 47) },
    { key: randomBytes(32) }, { first: 4 },
  ]
  for (const other of others) {
    for (const engine of [addon, packages]) t.same(openBy(engine, sealed, { ...run, ...other }), { segment: 0, what: 'seal' })
  }
  const whole = sealBy(addon, randomBytes(segment), run)
  for (const engine of [addon, packages]) t.same(openBy(engine, whole, { ...run, isEnd: false }), { segment: 0, what: 'seal' }, 'the last is no other')
  const middle = sealBy(addon, randomBytes(segment), { ...run, isEnd: false })
  for (const engine of [addon, packages]) t.same(openBy(engine, middle, run), { segment: 0, what: 'seal' }, 'and no other the last')
})

t.test('room that does not fit is a bug, and nothing is written past it', async (t) => {
  const run = runOf(0, true)
  const sealed = sealBy(addon, randomBytes(1000), run)
  for (const engine of [addon, packages]) {
    t.throws(() => openBy(engine, sealed, run, new Uint8Array(999)))
    t.throws(() => openBy(engine, { out: sealed.out, table: new Uint8Array(31) }, run))
    t.throws(() => openBy(engine, { out: new Uint8Array(16), table: new Uint8Array(32) }, run))
    t.throws(() => sealBy(engine, randomBytes(1000), { ...run, isEnd: false }), 'a short segment that is not the last')
    t.throws(() => sealBy(engine, randomBytes(1000), { ...run, key: randomBytes(31) }))
  }
})

t.test('from and into shared memory', async (t) => {
  const run = runOf(0, true)
  const plain = randomBytes(segment + 100)
  const [from, to, back] = [plain.byteLength, plain.byteLength + 32, plain.byteLength].map((bytes) => new Uint8Array(new SharedArrayBuffer(bytes)))
  if (from === undefined || to === undefined || back === undefined) throw new Error('three views')
  from.set(plain)
  const table = new Uint8Array(64)
  addon.seal(to, from, table, run.header, run.key, 0, true)
  const expected = expectedOf(plain, run)
  t.same(told(to, table), told(expected.out, expected.table))
  t.equal(addon.open(back, to.slice(), table, run.header, run.key, 0, true), undefined)
  t.same(told(back), told(plain))
})
