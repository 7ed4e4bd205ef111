// Sealed blobs: what comes back, what padding hides, that ranges open little, that no key covers two texts, and that
// every kind of damage is 'corrupt' and nothing else. FORMAT §4.

import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import { chunkIdOf } from '../../../lib/crypto/chunk-id.js'
import { KeyRing } from '../../../lib/crypto/key-ring.js'
import { openBlob, openIndex, openRange, readRange, wipeIndex, type ReadSealed } from '../../../lib/crypto/open.js'
import { sealChunk, type SealedBlob } from '../../../lib/crypto/seal.js'
import {
  blobHeaderBytes, decodeBlobHeader, indexLength, paddedLength, paddedOfSealed, sealedLengthOf, segmentRange, segmentsOf,
} from '../../../lib/format/blob-envelope.js'
import { blobReferenceBytes, decodeBlobReference, encodeBlobReference, type BlobReference } from '../../../lib/format/blob-reference.js'
import { hex } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'
import { sealPadded } from '../../support/sealed-padding.js'
import { testPage } from '../../support/test-keys.js'

const page = testPage(1, 2)
const ring = new KeyRing(page)
const seal = (plain: Uint8Array, kind: 'chunk' | 'page' = 'chunk'): SealedBlob => sealChunk(plain, chunkIdOf(plain, ring.idHasher(kind)), ring.sealing, kind)
const reader = (sealed: Uint8Array): ReadSealed => (offset, length) => sealed.subarray(offset, offset + length)

/** Text that compresses to about a quarter, then noise, then text: frames of all kinds. */
function mixed(length: number): Uint8Array {
  const text = Buffer.from(Array.from({ length: 4000 }, (_, line) => `line ${line * 7919 % 1009} of something\n`).join(''))
  const out = new Uint8Array(length)
  for (let at = 0; at < length; at += text.byteLength) out.set(text.subarray(0, Math.min(text.byteLength, length - at)), at)
  if (length > 300_000) out.set(randomBytes(9, 100_000), 130_000)
  return out
}

function throwsCorrupt(t: Test, run: () => unknown, what: string): void {
  try {
    run()
    t.ok(false, `${what}: opened`)
  } catch (error) {
    t.ok(error instanceof VaultError && (error.code === 'corrupt' || error.code === 'format-unknown'), `${what}: ${String(error)}`)
  }
}

t.test('every length and kind of content comes back, whole and in ranges', async (t) => {
  const random = numbers(4)
  const contents: readonly Uint8Array[] = [
    ...[0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_072, 200_001].map((length) => randomBytes(length, length)),
    ...[1, 5000, 65_536, 65_537, 300_000, 1_048_576, 1_700_001].map(mixed), new Uint8Array(1_000_000),
  ]
  for (const plain of contents) {
    const blob = seal(plain)
    const name = `${plain.byteLength} bytes, ${blob.framing}`
    t.equal(hex(openBlob(blob, blob.sealed, ring)), hex(plain), name)
    t.equal(blob.sealedLength, blob.sealed.byteLength)
    t.equal(hex(blob.blobId), hex(blobIdOf(blob.sealed)))
    const index = openIndex({ reference: blob, read: reader(blob.sealed), keys: ring })
    for (let count = 0; count < 20; count += 1) {
      const from = Math.floor(random() * (plain.byteLength + 1))
      const length = Math.floor(random() * (plain.byteLength - from + 1))
      const out = new Uint8Array(length)
      readRange(index, reader(blob.sealed), from, length, out)
      if (hex(out) !== hex(plain.subarray(from, from + length))) t.fail(`${name}: ${from} + ${length}`)
    }
    wipeIndex(index)
  }
})

t.test('sizes tell only the bucket', async (t) => {
  const lengths = new Set(Array.from({ length: 300 }, (_, index) => seal(randomBytes(index, 60_000 + index * 17)).sealedLength))
  t.same([...lengths], [65_536 + 48 + 48], 'three hundred lengths, one size')
  let before = 0
  for (let padded = paddedLength(0); padded <= limits.blobPlainBytesMax; padded = paddedLength(padded + 1)) {
    t.equal(paddedOfSealed(sealedLengthOf(padded)), padded)
    t.ok(before === 0 || (padded / before > 1.41 && padded / before < 1.4149), `${padded} is √2 of ${before}`)
    before = padded
  }
  t.equal(paddedOfSealed(sealedLengthOf(4096) + 1), undefined)
  t.equal(paddedOfSealed(10), undefined)
  const [text, other] = [seal(mixed(400_000)), seal(mixed(390_000))]
  t.equal(text.framing, 'zstd')
  t.equal(text.sealedLength, other.sealedLength, 'compressed lengths are padded too')
})

t.test('a small read opens one segment of raw content, at most two of compressed', async (t) => {
  for (const [plain, most] of [[randomBytes(3, 1_048_576), 1], [mixed(1_048_576), 2]] as const) {
    const blob = seal(plain)
    const index = openIndex({ reference: blob, read: reader(blob.sealed), keys: ring })
    for (let at = 0; at + 4096 <= plain.byteLength; at += 50_000) {
      const reads: number[] = []
      readRange(index, (offset, length) => { reads.push(length); return blob.sealed.subarray(offset, offset + length) }, at - at % 4096, 4096, new Uint8Array(4096))
      const bytes = reads.reduce((sum, length) => sum + length, 0)
      t.ok(bytes <= most * 65_552, `${blob.framing} at ${at}: ${bytes} bytes`)
    }
  }
})

t.test('equal frames, equal blobs; other frames, another key', async (t) => {
  const plain = mixed(500_000)
  const id = chunkIdOf(plain, ring.idHasher('chunk'))
  const again = sealChunk(plain, id, new KeyRing(page).sealing, 'chunk')
  const one = seal(plain)
  t.equal(hex(again.sealed), hex(one.sealed), 'by another ring over the same keys')
  const three = sealChunk(plain, id, ring.sealing, 'chunk', 3)
  const salts = [one, three].map((blob) => hex(decodeBlobHeader(blob.sealed, 'blob').salt))
  t.not(salts[0], salts[1], 'two levels of zstd have two salts, hence two keys')
  t.equal(hex(openBlob(three, three.sealed, ring)), hex(plain))
  const keys = [one, three].map((blob) => hex(openIndex({ reference: blob, read: reader(blob.sealed), keys: ring }).blobKey))
  t.not(keys[0], keys[1])
  const asPage = seal(plain, 'page')
  t.not(hex(asPage.chunkId), hex(one.chunkId), 'a page and a chunk of the same bytes have different ids')
  t.not(hex(asPage.blobId), hex(one.blobId))
  t.not(hex(chunkIdOf(plain, new KeyRing(testPage(50)).idHasher('chunk'))), hex(one.chunkId), 'another vault, another id')
})

t.test('blobs of an older epoch open; a missing epoch is said', async (t) => {
  const old = new KeyRing(testPage(1, 1))
  const plain = randomBytes(8, 9000)
  const blob = sealChunk(plain, chunkIdOf(plain, old.idHasher('chunk')), old.sealing, 'chunk')
  t.equal(blob.epoch, 1)
  t.equal(ring.sealing.epoch, 2)
  t.equal(hex(openBlob(blob, blob.sealed, ring)), hex(plain))
  throwsCorrupt(t, () => openBlob({ ...blob, epoch: 3 }, blob.sealed, ring), 'epoch 3')
})

t.test('damage of any kind is corrupt', async (t) => {
  const plain = mixed(200_000)
  const blob = seal(plain)
  const open = (sealed: Uint8Array, reference: BlobReference = blob): unknown => openBlob(reference, sealed, ring)
  for (let at = 0; at < blob.sealed.byteLength; at += at < 400 ? 1 : 997) {
    const flipped = blob.sealed.slice()
    flipped[at] = (flipped[at] ?? 0) ^ (1 << at % 8)
    // The directory's segment and all others are read by a full opening, so no flip can hide.
    throwsCorrupt(t, () => open(flipped), `bit flipped in byte ${at}`)
  }
  for (const length of [0, 1, 47, 48, 100, blob.sealed.byteLength - 1]) throwsCorrupt(t, () => open(blob.sealed.subarray(0, length)), `cut at ${length}`)
  const raw = seal(randomBytes(2, 200_000))
  const padded = paddedOfSealed(raw.sealedLength) ?? 0
  const [first, second] = [segmentRange(padded, 0), segmentRange(padded, 1)]
  const swapped = raw.sealed.slice()
  swapped.copyWithin(first.offset, second.offset, second.offset + second.length)
  swapped.set(raw.sealed.subarray(first.offset, first.offset + first.length), second.offset)
  throwsCorrupt(t, () => open(swapped, raw), 'segments swapped')
  const changes: readonly Partial<BlobReference>[] = [
    { plainLength: raw.plainLength - 1 }, { kind: 'page' }, { framing: 'zstd' }, { epoch: 1 }, { tableHash: new Uint8Array(32) },
    { chunkId: blob.chunkId }, { sealedLength: sealedLengthOf(paddedLength(padded + 1)) }, { sealedLength: raw.sealedLength - 1 },
  ]
  for (const change of changes) throwsCorrupt(t, () => open(raw.sealed, { ...raw, ...change }), `reference with another ${Object.keys(change).join()}`)
  throwsCorrupt(t, () => openBlob(raw, raw.sealed, new KeyRing(testPage(77, 2))), 'another vault\'s keys')
})

t.test('segments swapped together with their table hashes do not open: position is bound', async (t) => {
  const blob = seal(randomBytes(6, 131_072))
  const forged = blob.sealed.slice()
  const [first, second] = [segmentRange(131_072, 0), segmentRange(131_072, 1)]
  forged.set(blob.sealed.subarray(second.offset, second.offset + second.length), first.offset)
  forged.set(blob.sealed.subarray(first.offset, first.offset + first.length), second.offset)
  forged.set(blob.sealed.subarray(blobHeaderBytes + 32, blobHeaderBytes + 64), blobHeaderBytes)
  forged.set(blob.sealed.subarray(blobHeaderBytes, blobHeaderBytes + 32), blobHeaderBytes + 32)
  const { sha256 } = await import('../../../native-deps/sodium.js')
  const tableHash = sha256(forged.subarray(blobHeaderBytes, indexLength(segmentsOf(131_072))))
  throwsCorrupt(t, () => openBlob({ ...blob, tableHash }, forged, ring), 'swapped, with a table that fits')
})

t.test('references: fixed size, and only what can be', async (t) => {
  const blob = seal(mixed(100_000), 'page')
  const bytes = encodeBlobReference(blob)
  t.equal(bytes.byteLength, blobReferenceBytes)
  const back = decodeBlobReference(bytes)
  t.equal(hex(encodeBlobReference(back)), hex(bytes))
  t.equal(hex(openBlob(back, blob.sealed, ring)), hex(mixed(100_000)))
  throwsCorrupt(t, () => decodeBlobReference(bytes.subarray(1)), 'too short')
  for (const [at, value] of [[96, 0xff], [100, 0xff], [108, 9], [109, 4]] as const) {
    const bad = bytes.slice()
    bad[at] = value
    throwsCorrupt(t, () => decodeBlobReference(bad), `byte ${at} = ${value}`)
  }
})

t.test('BlobId is what sha256sum says', async (t) => {
  const blob = seal(randomBytes(5, 70_000))
  t.equal(execFileSync('sha256sum', { input: blob.sealed }).toString('latin1').slice(0, 64), hex(blob.blobId))
})

t.test('one range without an index; and shared memory as source', async (t) => {
  const blob = seal(mixed(300_000))
  const shared = new Uint8Array(new SharedArrayBuffer(blob.sealed.byteLength))
  shared.set(blob.sealed)
  const out = new Uint8Array(100)
  openRange({ reference: blob, read: reader(shared), keys: ring }, 199_950, 100, out)
  t.equal(hex(out), hex(mixed(300_000).subarray(199_950, 200_050)))
})

t.test('padding that is not zeros is refused, by whoever opens what it lies in', (t) => {
  const plain = mixed(190_000)
  const padded = new Uint8Array(262_144)
  padded.set(plain)
  const chunkId = chunkIdOf(plain, ring.idHasher('chunk'))
  // In the segment of the last frame; in one of its own.
  for (const [at, isInFrame] of [[195_000, true], [200_000, false]] as const) {
    const dirty = padded.slice()
    dirty[at] = 1
    const { reference, sealed } = sealPadded({ framing: 'raw', plainLength: plain.byteLength, padded: dirty, chunkId }, ring)
    throwsCorrupt(t, () => openBlob(reference, sealed, ring), 'as a whole')
    const part = (from: number): unknown => openRange({ reference, read: reader(sealed), keys: ring }, from, 1000, new Uint8Array(1000))
    t.doesNotThrow(() => part(100_000), 'another frame')
    if (isInFrame) throwsCorrupt(t, () => part(189_000), 'its frame')
  }
  const sound = sealPadded({ framing: 'raw', plainLength: plain.byteLength, padded, chunkId }, ring)
  t.equal(hex(openBlob(sound.reference, sound.sealed, ring)), hex(plain))
  t.end()
})
