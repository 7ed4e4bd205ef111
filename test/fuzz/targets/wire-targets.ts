// What vault and node say to each other, each made by somebody who has the key that signs it and says what he likes.
// PROTOCOL. And what a store keeps of nodes, FORMAT §6.3.
import { signKeyPair, sha256 } from '../../../native-deps/sodium.js'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import { openPeers, sealPeers } from '../../../lib/crypto/peers-file.js'
import { signTagged, type SignatureDomain } from '../../../lib/crypto/signature.js'
import { decodePeerList, encodePeerList, type KnownPeer } from '../../../lib/format/peer-list.js'
import { framesAsked, healthFrom } from '../../../lib/peer/answers.js'
import type { PeerHealth } from '../../../lib/store/peer-port.js'
import { concatBytes, type BlobId, type DeviceId, type ManifestHash, type Sealed, type VaultId } from '../../../lib/terms/bytes.js'
import type { VaultError } from '../../../lib/terms/errors.js'
import { decodeFrames, decodeIds, encodeFrames, encodeIds, type SealedBlob } from '../../../lib/wire/blob-frames.js'
import { decodeInvitation, encodeInvitation, type Invitation } from '../../../lib/wire/invitation.js'
import { decodeKeptHeaders, encodeKeptHeaders, type KeptHeader } from '../../../lib/wire/kept-headers.js'
import { decodeDeletion, decodeRecoveryRecord, decodeRevocation, encodeDeletion, encodeRecoveryRecord, encodeRevocation } from '../../../lib/wire/owner-records.js'
import { decodePairingAnswer, decodePairingRequest, encodePairingAnswer, encodePairingRequest } from '../../../lib/wire/pairing-messages.js'
import { decodeProblem } from '../../../lib/wire/problem.js'
import { decodeHeadList, decodeInventoryPage, encodeHeadList, encodeInventoryPage } from '../../../lib/wire/signed-lists.js'
import { Random } from '../../model/random.js'
import { testPage } from '../../support/test-keys.js'
import { oddJson } from '../json-mutator.js'
import { codecTarget, isOneOf, require, same, type Target } from '../target.js'
import { deviceId, magnitude, textOf } from './samples.js'

const vaultId = new Random(1).bytes(32) as Uint8Array as VaultId
const node = signKeyPair(new Random(2).bytes(32))
const owner = signKeyPair(new Random(3).bytes(32))
const who = { vaultId, ownerPublicKey: owner.publicKey }
const unknowns = ['corrupt', 'format-unknown'] as const
const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8')
const sorted = <Bytes extends Uint8Array>(all: readonly Bytes[]): Bytes[] => [...all].sort((one, other) => Buffer.compare(one, other))

/** The signature at the end, made to fit. */
const resigned = (domain: SignatureDomain, secretKey: Uint8Array) => (input: Uint8Array): Uint8Array => {
  const signed = input.subarray(0, Math.max(0, input.byteLength - 64))
  return concatBytes(signed, signTagged(domain, signed, secretKey))
}

function placeOf(random: Random): string {
  return random.pick(['attic.example:8440', '[2001:db8::1]:80', '192.0.2.7:65535', 'a:1'])
}

const codePrefix = 'vfsn1_'

const invitation = codecTarget<Invitation>({
  name: 'invitation', says: "an invitation's bytes behind base64, PROTOCOL §10", refusals: [...unknowns, 'usage'],
  make: (random) => bytesOfCode(encodeInvitation({
    expirySec: magnitude(random, 32), secret: random.bytes(16), pin: random.bytes(32), places: Array.from({ length: random.below(9) }, () => placeOf(random)),
  })),
  decode: (input) => decodeInvitation(codePrefix + Buffer.from(input).toString('base64url')),
  encode: (decoded) => bytesOfCode(encodeInvitation(decoded)),
  repair: (input) => (input.byteLength < 4 ? input : concatBytes(input.subarray(0, -4), sha256(input.subarray(0, -4)).subarray(0, 4))),
})

function bytesOfCode(code: string): Uint8Array {
  return new Uint8Array(Buffer.from(code.slice(codePrefix.length), 'base64url'))
}

/** What decodes says the same when it is told again. */
function spoken<Value>(name: string, says: string, codec: { make(random: Random): string; encode(value: Value): string; decode(text: string): Value }): Target<Value> {
  return {
    name, says, canonical: false, refusals: ['invalid'], vary: oddJson,
    make: (random) => new Uint8Array(Buffer.from(codec.make(random))),
    decode: (input) => codec.decode(text(input)),
    judge: (value, input) => {
      const [told, given] = [JSON.parse(codec.encode(value)) as Record<string, unknown>, JSON.parse(text(input)) as Record<string, unknown>]
      // Keys beside those that are known are a newer one's.
      for (const [key, each] of Object.entries(told)) require(agrees(each, given[key]), `another ${key} than was said`)
    },
  }
}

function agrees(told: unknown, given: unknown): boolean {
  if (typeof told === 'object' && told !== null) return Object.entries(told).every(([key, each]) => agrees(each, (given as Record<string, unknown>)[key]))
  // Base64 has several spellings of some bytes.
  return told === given || (typeof told === 'string' && typeof given === 'string' && Buffer.from(told, 'base64').equals(Buffer.from(given, 'base64')))
}

const pairingRequest = spoken('pairing-request', 'what a device asks when it pairs, PROTOCOL §10', {
  make: (random) => encodePairingRequest({
    invitationId: random.bytes(16), proof: random.bytes(32), vaultId: random.bytes(32) as Uint8Array as VaultId, ownerPublicKey: random.bytes(32), salt: random.bytes(32),
    member: random.bytes(random.below(300)), recovery: random.chance(0.5) ? undefined : random.bytes(129), header: random.chance(0.5) ? undefined : random.bytes(random.below(900)),
  }),
  encode: encodePairingRequest, decode: decodePairingRequest,
})

const pairingAnswer = spoken('pairing-answer', 'what a node answers to a pairing, PROTOCOL §10', {
  make: (random) => encodePairingAnswer({ proof: random.bytes(32), signing: random.bytes(32), name: textOf(random, 50) }),
  encode: encodePairingAnswer, decode: decodePairingAnswer,
})

const codes: ReadonlySet<string> = new Set([
  'invalid', 'usage', 'format-unknown', 'denied', 'not-permitted', 'not-found', 'chain-broken', 'forked', 'exists', 'too-large', 'corrupt', 'range', 'too-many', 'busy', 'no-space', 'unsupported',
])

/** The first byte gives the status. */
const problem: Target<VaultError> = {
  name: 'problem', says: 'what a node says of a failure, PROTOCOL §2', canonical: false, refusals: [],
  vary: (random, valid) => {
    const odd = oddJson(random, valid.subarray(1))
    return odd === undefined ? undefined : concatBytes(valid.subarray(0, 1), odd)
  },
  make: (random) => Buffer.concat([Buffer.from([random.below(256)]), Buffer.from(JSON.stringify({
    code: random.pick([...codes, 'broken-invariant', 'io']), message: textOf(random, 60), ...(random.chance(0.5) ? { next: textOf(random, 40) } : {}), ...(random.chance(0.5) ? { subject: textOf(random, 20) } : {}),
  }))]),
  decode: (input) => decodeProblem(statusOf(input), text(input.subarray(1)), 'attic'),
  judge: ({ code, message, next, subject }, input) => {
    require(codes.has(code), 'a code that says something of us')
    for (const said of [message, next ?? '', subject ?? '']) require(said.length < 1100 && !/[\p{Cc}\p{Cf}]/u.test(said), 'words that move the cursor, or go on for ever')
    const parsed = jsonOf(text(input.subarray(1)))
    const { message: given } = typeof parsed === 'object' && parsed !== null ? parsed as Record<string, unknown> : {}
    const printable = typeof given === 'string' && /^[\x20-\x7e]{0,1000}$/.test(given)
    require(printable ? message === `node attic: ${given}` : message.startsWith('node attic: '), 'other words than were said')
    if (typeof given !== 'string') require(message === `node attic: it answered with status ${statusOf(input)}`, 'words that nobody said')
  },
}

function statusOf(input: Uint8Array): number {
  return 400 + (input[0] ?? 0)
}

function jsonOf(said: string): unknown {
  try {
    return JSON.parse(said)
  } catch {
    return undefined
  }
}

const frames = codecTarget<readonly SealedBlob[]>({
  name: 'wire-frames', says: 'blobs in one body, PROTOCOL §3', refusals: ['invalid'],
  make: (random) => concatBytes(...encodeFrames(Array.from({ length: random.below(6) }, () => ({ blobId: random.bytes(32) as Uint8Array as BlobId, sealed: random.bytes(random.below(200)) as Uint8Array as Sealed })))),
  decode: (input) => decodeFrames(input, 300),
  encode: (blobs) => concatBytes(...encodeFrames(blobs)),
})

const idRow = codecTarget<readonly BlobId[]>({
  name: 'wire-ids', says: 'ids in one body, PROTOCOL §3', refusals: ['invalid'],
  make: (random) => encodeIds(Array.from({ length: random.below(6) }, () => random.bytes(32) as Uint8Array as BlobId)),
  decode: (input) => decodeIds(input, 8),
  encode: encodeIds,
})

const after = new Uint8Array(32)

const inventory = codecTarget({
  name: 'inventory-page', says: 'a page of what a node holds, PROTOCOL §5',
  make: (random) => {
    const ids = sorted(Array.from({ length: random.below(8) }, () => random.bytes(32) as Uint8Array as BlobId))
    return encodeInventoryPage({ vaultId, sec: magnitude(random, 40), after, isLast: ids.length === 0 || random.chance(0.5), blobs: ids.map((blobId) => ({ blobId, length: random.below(2 ** 32) })) }, node.secretKey)
  },
  decode: (input) => decodeInventoryPage(input, { vaultId, after, publicKey: node.publicKey }),
  encode: (page) => encodeInventoryPage(page, node.secretKey),
  also: ({ blobs }) => { require(blobs.every(({ blobId }, index) => index === 0 || Buffer.compare(blobs[index - 1]?.blobId ?? blobId, blobId) < 0), 'ids that do not ascend') },
  repair: resigned('inventory/v1', node.secretKey),
})

const kept = codecTarget<readonly KeptHeader[]>({
  name: 'kept-headers', says: 'headers that a node kept, PROTOCOL §7',
  make: (random) => encodeKeptHeaders(Array.from({ length: random.below(5) }, () => ({ sec: magnitude(random, 40), deviceId: random.bytes(16) as Uint8Array as DeviceId, bytes: random.bytes(random.below(300)) }))),
  decode: decodeKeptHeaders,
  encode: encodeKeptHeaders,
})

const heads = codecTarget({
  name: 'head-list', says: 'the newest entries that a node has, PROTOCOL §6',
  make: (random) => encodeHeadList({
    vaultId, sec: magnitude(random, 40),
    heads: sorted(Array.from({ length: random.below(5) }, () => deviceId(random))).map((one) => ({ deviceId: one, sequence: magnitude(random, 40), hash: random.bytes(32) as Uint8Array as ManifestHash, bytes: magnitude(random, 50) })),
  }, node.secretKey),
  decode: (input) => decodeHeadList(input, { vaultId, publicKey: node.publicKey }),
  encode: (list) => encodeHeadList(list, node.secretKey),
  repair: resigned('heads/v1', node.secretKey),
})

const recovery = codecTarget({
  name: 'recovery-record', says: 'which key the recovery kit comes with, PROTOCOL §7', refusals: unknowns,
  make: (random) => encodeRecoveryRecord({ vaultId, tlsPublicKey: random.bytes(32) }, owner.secretKey),
  decode: (input) => decodeRecoveryRecord(input, who),
  encode: (record) => encodeRecoveryRecord(record, owner.secretKey),
  repair: resigned('recovery/v1', owner.secretKey),
})

const revocation = codecTarget({
  name: 'revocation', says: 'whose word counts no more, PROTOCOL §7', refusals: unknowns,
  make: (random) => encodeRevocation({ vaultId, deviceId: deviceId(random) as DeviceId, lastSequence: magnitude(random, 40), sec: magnitude(random, 40) }, owner.secretKey),
  decode: (input) => decodeRevocation(input, who),
  encode: (record) => encodeRevocation(record, owner.secretKey),
  repair: resigned('revocation/v1', owner.secretKey),
})

const deletion = codecTarget({
  name: 'deletion', says: 'which blobs may go, PROTOCOL §8', refusals: unknowns,
  make: (random) => encodeDeletion({ vaultId, sec: magnitude(random, 40), intentId: random.bytes(16), blobIds: Array.from({ length: random.below(6) }, () => random.bytes(32) as Uint8Array as BlobId) }, owner.secretKey),
  decode: (input) => decodeDeletion(input, who),
  encode: (record) => encodeDeletion(record, owner.secretKey),
  repair: resigned('deletion/v1', owner.secretKey),
})

function peers(random: Random): readonly KnownPeer[] {
  return Array.from({ length: random.below(4) }, (_, index) => ({
    peerId: random.bytes(8), name: `${index} ${textOf(random, 20)}`, pin: random.bytes(32), signing: random.bytes(32), addedSec: magnitude(random, 33),
    places: Array.from({ length: random.below(4) }, () => placeOf(random)),
  }))
}

const peerList = codecTarget({
  name: 'peer-list', says: 'the nodes that a store knows, FORMAT §6.3', refusals: unknowns,
  make: (random) => encodePeerList(peers(random)),
  decode: decodePeerList,
  encode: encodePeerList,
  also: (list) => { require(new Set(list.map(({ name }) => name)).size === list.length, 'two nodes of one name') },
})

const page = testPage(5)

const peersFile: Target<readonly KnownPeer[]> = {
  name: 'peers-file', says: 'the file peers, FORMAT §6.3', refusals: unknowns, canonical: true,
  make: (random) => sealPeers(peers(random), page, vaultId, { bytes: (length) => random.bytes(length) }),
  decode: (input) => openPeers(input, page, vaultId),
  judge: (list, input, known) => {
    require(isOneOf(input, known), 'a list that was changed opens')
    require(same(encodePeerList(list), encodePeerList(openPeers(input, page, vaultId))), 'another list than the file holds')
  },
}

const pool = Array.from({ length: 4 }, (_, index) => new Random(40 + index).bytes(100 + 50 * index) as Uint8Array as Sealed)
const asked = pool.map((sealed) => blobIdOf(sealed))

const blobsAsked: Target<readonly (Sealed | undefined)[]> = {
  name: 'blobs-asked', says: 'what a node answers when it is asked for blobs, PROTOCOL §3', canonical: false, refusals: ['corrupt'],
  make: (random) => concatBytes(...encodeFrames(pool.slice(0, 1 + random.below(4)).map((sealed, index) => ({ blobId: asked[index] as BlobId, sealed: random.chance(0.3) ? sealed.subarray(0, 0) as Sealed : sealed })))),
  decode: (input) => framesAsked(input, asked, 'attic'),
  judge: (blobs, input) => {
    const given = decodeFrames(input, asked.length)
    require(blobs.length === given.length && blobs.every((one, index) => (one?.byteLength ?? 0) === given[index]?.sealed.byteLength), 'other blobs than were given')
    require(blobs.every((one, index) => one === undefined || same(blobIdOf(one), asked[index] ?? one)), 'a blob that is not what was asked for')
  },
}

const health: Target<PeerHealth> = {
  name: 'health', says: 'how a node says it is, PROTOCOL §9', canonical: false, refusals: ['corrupt'], vary: oddJson,
  make: (random) => new Uint8Array(Buffer.from(JSON.stringify({ node: 'x', version: '1.0', blobs: magnitude(random, 50), bytes: magnitude(random, 50), quota: random.chance(0.5) ? null : magnitude(random, 50), time: magnitude(random, 40), signing: Buffer.from(random.bytes(32)).toString('hex') }))),
  decode: (input) => healthFrom(input, 'attic'),
  judge: (found, input) => {
    const said = JSON.parse(text(input)) as Record<string, unknown>
    for (const key of ['blobs', 'bytes', 'quota', 'time'] as const) require(found[key] === said[key] && (found[key] === null ? key === 'quota' : Number.isSafeInteger(found[key])), `another ${key} than was said, or none that can be`)
    require(Buffer.from(found.signing).toString('hex') === said['signing'], 'another key than was said')
    require(/^[\x20-\x7e]{0,100}$/.test(found.version), 'a version that moves the cursor')
  },
}

export const wireTargets: readonly Target[] = [
  invitation, pairingRequest, pairingAnswer, problem, frames, idRow, inventory, kept, heads, recovery, revocation, deletion, peerList, peersFile, blobsAsked, health,
] as readonly Target[]
