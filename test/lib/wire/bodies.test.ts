// What travels as bytes: frames, rows of ids, signed lists, owner's records. Round trips, and everything that is refused:
// whoever is at the other end may send what he likes.
import tap from 'tap'
import { createHash } from 'node:crypto'
import { concatBytes, hex, type BlobId, type DeviceId, type ManifestHash, type Sealed, type VaultId } from '../../../lib/terms/bytes.js'
import { signTagged } from '../../../lib/crypto/signature.js'
import { blobBytesMax, blobIdBytes, decodeFrames, decodeIds, encodeFrames, encodeIds, frameHead, frameHeadBytes, type SealedBlob } from '../../../lib/wire/blob-frames.js'
import {
  decodeDeletion, decodeRecoveryRecord, decodeRevocation, encodeDeletion, encodeRecoveryRecord, encodeRevocation, isOwnerOf, revocationBytes,
} from '../../../lib/wire/owner-records.js'
import { decodeHeadList, decodeInventoryPage, encodeHeadList, encodeInventoryPage } from '../../../lib/wire/signed-lists.js'
import { sealedLengthOf, paddedLength } from '../../../lib/format/blob-envelope.js'
import { vaultIdOf } from '../../../lib/format/vault-header.js'
import { limits } from '../../../lib/terms/limits.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'

const vaultId = randomBytes(1, 32) as Uint8Array as VaultId
const node = signKeyPair(randomBytes(2, 32))
const ids = Array.from({ length: 5 }, (_, index) => randomBytes(10 + index, 32) as Uint8Array as BlobId).sort((one, other) => Buffer.compare(one, other))
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte))

tap.test('frames of blobs', (t) => {
  const blobs: readonly SealedBlob[] = ids.map((blobId, index) => ({ blobId, sealed: randomBytes(index, index * 1000) as Uint8Array as Sealed }))
  const body = concatBytes(...encodeFrames(blobs))
  t.same(decodeFrames(body, 5), blobs)
  t.same(decodeFrames(new Uint8Array(0), 5), [])
  t.equal(decodeFrames(body, 5)[4]?.sealed.buffer, body.buffer, 'views, not copies')
  t.throws(() => decodeFrames(body, 4), { code: 'invalid' }, 'more than were asked for')
  for (const cut of [1, frameHeadBytes - 1, body.byteLength - 1]) t.throws(() => decodeFrames(body.subarray(0, cut), 5), { code: 'invalid' }, `cut at ${cut}`)
  t.throws(() => decodeFrames(frameHead(randomBytes(1, 32) as Uint8Array as BlobId, blobBytesMax + 1), 5), { code: 'invalid' })
  t.equal(blobBytesMax, sealedLengthOf(paddedLength(limits.blobPlainBytesMax)), 'as long as the format lets a blob be')
  t.end()
})

tap.test('rows of ids', (t) => {
  t.same(decodeIds(encodeIds(ids), 5), ids)
  t.same(decodeIds(new Uint8Array(0), 5), [])
  t.throws(() => decodeIds(encodeIds(ids), 4), { code: 'invalid' })
  t.throws(() => decodeIds(new Uint8Array(blobIdBytes + 1), 5), { code: 'invalid' })
  t.end()
})

tap.test('pages of an inventory', (t) => {
  const after = new Uint8Array(32)
  const page = { vaultId, sec: 1_700_000_000, after, isLast: false, blobs: ids.map((blobId, length) => ({ blobId, length })) }
  const asked = { vaultId, after, publicKey: node.publicKey }
  const bytes = encodeInventoryPage(page, node.secretKey)
  t.same(decodeInventoryPage(bytes, asked), page)
  t.equal(bytes.byteLength, 4 + 32 + 8 + 32 + 1 + 4 + 5 * 36 + 64, 'as PROTOCOL §5 has it')
  for (let at = 0; at < bytes.byteLength; at += 5) t.throws(() => decodeInventoryPage(flipped(bytes, at), asked), { code: 'corrupt' }, `byte ${at}`)
  for (const cut of [0, 63, 64, bytes.byteLength - 1]) t.throws(() => decodeInventoryPage(bytes.subarray(0, cut), asked), { code: 'corrupt' })
  const signed = (changes: Partial<typeof page>): Uint8Array => encodeInventoryPage({ ...page, ...changes }, node.secretKey)
  t.throws(() => decodeInventoryPage(bytes, { ...asked, after: ids[0] ?? after }), { code: 'corrupt' }, 'an old page again')
  t.throws(() => decodeInventoryPage(bytes, { ...asked, vaultId: randomBytes(9, 32) as Uint8Array as VaultId }), { code: 'corrupt' })
  t.throws(() => decodeInventoryPage(bytes, { ...asked, publicKey: randomBytes(9, 32) }), { code: 'corrupt' })
  t.throws(() => decodeInventoryPage(signed({ blobs: [...page.blobs].reverse() }), asked), { code: 'corrupt' }, 'ids that do not ascend')
  t.throws(() => decodeInventoryPage(signed({ blobs: page.blobs.slice(0, 1).concat(page.blobs.slice(0, 1)) }), asked), { code: 'corrupt' }, 'one twice')
  t.throws(() => decodeInventoryPage(signed({ blobs: [] }), asked), { code: 'corrupt' }, 'one that never ends')
  t.same(decodeInventoryPage(signed({ blobs: [], isLast: true }), asked).blobs, [])
  t.throws(() => decodeInventoryPage(concatBytes(bytes.subarray(0, -64), signTagged('heads/v1', bytes.subarray(0, -64), node.secretKey)), asked), { code: 'corrupt' }, 'signed as something else')
  t.end()
})

tap.test('heads', (t) => {
  const heads = Array.from({ length: 3 }, (_, index) => ({
    deviceId: randomBytes(20 + index, 16) as Uint8Array as DeviceId, sequence: index + 1, hash: randomBytes(30 + index, 32) as Uint8Array as ManifestHash, bytes: 1000 * index,
  })).sort((one, other) => Buffer.compare(one.deviceId, other.deviceId))
  const list = { vaultId, sec: 5, heads }
  const asked = { vaultId, publicKey: node.publicKey }
  const bytes = encodeHeadList(list, node.secretKey)
  t.same(decodeHeadList(bytes, asked), list)
  for (let at = 0; at < bytes.byteLength; at += 5) t.throws(() => decodeHeadList(flipped(bytes, at), asked), { code: 'corrupt' }, `byte ${at}`)
  t.throws(() => decodeHeadList(encodeHeadList({ ...list, heads: [...heads].reverse() }, node.secretKey), asked), { code: 'corrupt' })
  t.throws(() => decodeHeadList(encodeHeadList({ ...list, heads: [...heads.slice(0, 1), ...heads.slice(0, 1)] }, node.secretKey), asked), { code: 'corrupt' }, 'a device twice')
  t.throws(() => decodeHeadList(bytes, { ...asked, vaultId: randomBytes(9, 32) as Uint8Array as VaultId }), { code: 'corrupt' })
  t.throws(() => decodeHeadList(concatBytes(bytes, Uint8Array.of(0)), asked), { code: 'corrupt' })
  t.same(decodeHeadList(encodeHeadList({ ...list, heads: [] }, node.secretKey), asked).heads, [])
  t.end()
})

tap.test('what only the owner can say', (t) => {
  const owner = signKeyPair(randomBytes(40, 32))
  const salt = randomBytes(41, 32)
  const own = vaultIdOf(owner.publicKey, salt)
  const who = { vaultId: own, ownerPublicKey: owner.publicKey }
  t.ok(isOwnerOf(own, owner.publicKey, salt))
  t.notOk(isOwnerOf(own, randomBytes(1, 32), salt))
  t.notOk(isOwnerOf(own, owner.publicKey, randomBytes(1, 32)))
  const recovery = { vaultId: own, tlsPublicKey: randomBytes(42, 32) }
  const revocation = { vaultId: own, deviceId: randomBytes(43, 16) as Uint8Array as DeviceId, lastSequence: 77, sec: 1_700_000_000 }
  const deletion = { vaultId: own, sec: 1_700_000_000, intentId: randomBytes(44, 16), blobIds: ids }
  const records: readonly (readonly [string, Uint8Array, (bytes: Uint8Array, by: typeof who) => unknown, unknown])[] = [
    ['recovery', encodeRecoveryRecord(recovery, owner.secretKey), decodeRecoveryRecord, recovery],
    ['revocation', encodeRevocation(revocation, owner.secretKey), decodeRevocation, revocation],
    ['deletion', encodeDeletion(deletion, owner.secretKey), decodeDeletion, deletion],
  ]
  for (const [what, bytes, decode, value] of records) {
    t.same(decode(bytes, who), value, what)
    for (let at = 1; at < bytes.byteLength; at += 3) t.throws(() => decode(flipped(bytes, at), who), { code: 'corrupt' }, `${what}: byte ${at}`)
    t.throws(() => decode(flipped(bytes, 0), who), { code: 'format-unknown' })
    for (const cut of [0, 1, 64, bytes.byteLength - 1]) t.throws(() => decode(bytes.subarray(0, cut), who), `${what}: cut at ${cut}`)
    t.throws(() => decode(concatBytes(bytes, Uint8Array.of(0)), who), { code: 'corrupt' })
    t.throws(() => decode(bytes, { ...who, vaultId }), { code: 'corrupt' }, `${what} of another vault`)
    t.throws(() => decode(bytes, { ...who, ownerPublicKey: node.publicKey }), { code: 'corrupt' }, `${what} of another owner`)
    for (const [other, theirs] of records) if (other !== what) t.throws(() => decode(theirs, who), { code: 'corrupt' }, `a ${other} is no ${what}`)
  }
  t.equal(encodeRevocation(revocation, owner.secretKey).byteLength, revocationBytes)
  t.equal(hex(own), createHash('sha256').update(owner.publicKey).update(salt).digest('hex'))
  t.end()
})
