// The driver's parts that need no kernel: what it negotiates, the bytes of its replies, when it polls, what it builds.
import t from 'tap'
import { DirectoryReply } from '../../native-deps/fuse/directory-reply.js'
import type { Attributes, MountOptions } from '../../native-deps/fuse/handler.js'
import { initReplyBytes, negotiate, putInitReply, readOffer, writeBytesMax } from '../../native-deps/fuse/negotiation.js'
import { initFlags } from '../../native-deps/fuse/protocol.js'
import { RequestBuffer } from '../../native-deps/fuse/protocol-input.js'
import { putAttributes, putEntry, putLong, putNoEntry, validity } from '../../native-deps/fuse/protocol-output.js'
import { Spinner } from '../../native-deps/fuse/spinner.js'

const options: MountOptions = {
  mountPoint: '/m', source: 's', allowOther: false, readOnly: false, spinMicroseconds: 0, entrySeconds: 1, attributeSeconds: 1,
  writeback: false,
}
const attributes: Attributes = {
  ino: 2 ** 40 + 5, mode: 0o100644, nlink: 3, uid: 1, gid: 2, rdev: 0, size: 2 ** 43 + 1, blocks: 8, atimeSec: -1, atimeNsec: 5,
  mtimeSec: 2 ** 33, mtimeNsec: 999_999_999, ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0,
}

t.test('INIT: what both know, and the writeback cache only when asked', async (t) => {
  const input = new RequestBuffer(4096)
  const view = new DataView(input.bytes.buffer)
  const offered = (1n << 43n) - 1n
  ;[7, 99, 131072, Number(offered & 0xffffffffn), Number(offered >> 32n)].forEach((word, index) => view.setUint32(40 + index * 4, word, true))
  input.length = 104
  const offer = readOffer(input)
  t.match(offer, { major: 7, minor: 99, flags: offered, readaheadMax: 131072 })
  const plain = negotiate(offer, options)
  t.equal(plain.minor, 45)
  t.equal(plain.flags & initFlags.writebackCache, 0n)
  t.equal(plain.flags & ((1n << 1n) | (1n << 10n) | (1n << 12n)), 0n, 'no locks, no automatic invalidation')
  t.ok(plain.flags & initFlags.hasResend)
  t.ok(negotiate(offer, { ...options, writeback: true }).flags & initFlags.writebackCache)
  t.equal(negotiate({ ...offer, minor: 31, flags: initFlags.asyncRead }, options).flags, initFlags.asyncRead, 'nothing that was not offered')

  const reply = new DataView(new ArrayBuffer(initReplyBytes))
  putInitReply(reply, 0, offer, plain)
  t.equal(reply.getUint32(20, true), writeBytesMax)
  t.equal(reply.getUint16(28, true) * 4096, writeBytesMax)
  t.equal(BigInt(reply.getUint32(12, true)) | (BigInt(reply.getUint32(32, true)) << 32n), plain.flags)

  view.setUint32(52, 1, true)
  t.equal(readOffer(input).flags, 1n, 'without INIT_EXT the second word means nothing')
})

t.test('64-bit numbers, both ways', async (t) => {
  const input = new RequestBuffer(4096)
  const view = new DataView(input.bytes.buffer)
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    putLong(view, 40, value)
    t.equal(input.long(40), value)
    t.equal(input.signedLong(40), value)
  }
  view.setBigUint64(40, 2n ** 53n, true)
  t.equal(input.long(40), Infinity)
  for (const value of [-1, -(2 ** 40)]) {
    putLong(view, 40, value)
    t.equal(view.getBigInt64(40, true), BigInt(value))
    t.equal(input.signedLong(40), value)
  }
})

t.test('names end at their zero byte or with the request', async (t) => {
  const input = new RequestBuffer(4096)
  input.bytes.write('one\0tw\xff\0', 40, 'latin1')
  input.length = 48
  t.equal(input.name(40), 'one')
  t.equal(input.name(input.nameEnd(40) + 1), 'tw\xff')
  input.length = 42
  t.equal(input.name(40), 'on')
  t.equal(input.data(40, 100).byteLength, 2, 'a length that lies reads no further than the request')
})

t.test('struct fuse_attr and an entry that is not there', async (t) => {
  const view = new DataView(new ArrayBuffer(128))
  putAttributes(view, 0, attributes)
  t.equal(view.getBigUint64(0, true), 2n ** 40n + 5n)
  t.equal(view.getBigUint64(8, true), 2n ** 43n + 1n)
  t.equal(view.getBigInt64(24, true), -1n)
  t.equal(view.getBigInt64(32, true), 2n ** 33n)
  t.equal(view.getUint32(52, true), 999_999_999)
  t.equal(view.getUint32(60, true), 0o100644)
  const valid = { entry: validity(1.5), attributes: validity(9) }
  putNoEntry(view, 0, attributes, valid)
  t.equal(view.getBigUint64(0, true), 0n)
  t.equal(view.getBigUint64(16, true), 1n)
  t.equal(view.getUint32(32, true), 500_000_000)
  putNoEntry(view, 0, { ...attributes, entrySeconds: 0 }, valid)
  t.same([view.getBigUint64(16, true), view.getUint32(32, true)], [0n, 0], 'one that says for how long itself')
  putEntry(view, 0, { ...attributes, entrySeconds: 2.5, attributeSeconds: 3600 }, valid)
  t.same([view.getBigUint64(16, true), view.getUint32(32, true)], [2n, 500_000_000])
  t.same([view.getBigUint64(24, true), view.getUint32(36, true)], [3600n, 0])
})

t.test('a listing: padded, bounded, with node ids only where references are counted', async (t) => {
  const reply = new DirectoryReply({ entry: validity(1), attributes: validity(1) })
  reply.bytes.fill(0xee)
  reply.begin(80, false)
  t.ok(reply.fill('abc', 9, 0o040755, 5, null))
  t.equal(reply.length, 32)
  t.equal(reply.bytes.readUInt32LE(16), 3)
  t.equal(reply.bytes.readUInt32LE(20), 4, 'the type is a directory\'s')
  t.equal(reply.bytes.toString('latin1', 24, 32), 'abc\0\0\0\0\0')
  t.ok(reply.fill('12345678', 9, 0o100644, 6, null))
  t.equal(reply.length, 64, 'no padding where none is needed')
  t.notOk(reply.fill('x', 9, 0o100644, 7, null))
  t.ok(reply.fill('n'.repeat(256), 9, 0o100644, 8, null), 'a name that nobody could open is left out')
  t.equal(reply.length, 64)

  reply.begin(4096, true)
  reply.fill('.', 1, 0o040755, 1, attributes)
  reply.fill('f', 2, 0o100644, 2, attributes)
  reply.fill('g', 3, 0o100644, 3, null)
  t.equal(reply.length, 3 * 160)
  t.same([0, 160, 320].map((at) => reply.bytes.readBigUInt64LE(at)), [0n, 2n ** 40n + 5n, 0n])
  t.same([0, 160, 320].map((at) => reply.bytes.readBigUInt64LE(at + 136)), [1n, 2n, 3n], 'where to go on')
})

t.test('polling is given up where it finds nothing, and tried again', async (t) => {
  t.equal(new Spinner(0).next(), 0)
  const spinner = new Spinner(50)
  for (let miss = 0; miss < 4; miss++) {
    t.equal(spinner.next(), 50)
    spinner.missed()
  }
  t.equal(Array.from({ length: 64 }, () => spinner.next()).filter((spin) => spin > 0).length, 1)
  spinner.hit()
  t.equal(spinner.next(), 50)
})

t.test('who has one request at a time is not looked at twice; whoever else comes is found', async (t) => {
  const looksOf = (spinner: Spinner, count: number): number => Array.from({ length: count }, () => spinner.looks()).filter(Boolean).length
  const quiet = new Spinner(0)
  for (let miss = 0; miss < 4; miss++) {
    t.ok(quiet.looks())
    quiet.looked(false)
  }
  t.equal(looksOf(quiet, 64), 4)
  quiet.looked(true)
  t.equal(looksOf(quiet, 64), 64)
  // Polling is tried again as often as before, however seldom it is looked.
  const spinner = new Spinner(50)
  for (let miss = 0; miss < 4; miss++) spinner.missed()
  let trials = 0
  for (let burst = 0; burst < 640; burst++) {
    if (!spinner.looks()) continue
    spinner.looked(false)
    if (spinner.next() > 0) trials++
  }
  t.ok(trials >= 9 && trials <= 11, `${String(trials)} trials`)
  spinner.hit()
  t.equal(looksOf(spinner, 64), 64, 'where it polls it looks')
})
