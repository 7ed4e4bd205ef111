// What opens a vault: its header and slots, the file of this device, member records. FORMAT §5, §6.
import { signKeyPair, sha256 } from '../../../native-deps/sodium.js'
import { createIdentity, openIdentity, type DeviceIdentity } from '../../../lib/crypto/identity.js'
import { kdfBounds } from '../../../lib/crypto/passphrase.js'
import { makeSlot } from '../../../lib/crypto/slots.js'
import { epochPurpose, idRootPurpose, openVault, sealHeader } from '../../../lib/crypto/vault-keys.js'
import { openSecret, sealSecret } from '../../../lib/crypto/wrapping.js'
import { encodePassphraseParameters, readPassphraseParameters, type KeySlot } from '../../../lib/format/key-slot.js'
import { decodeMemberRecord, encodeMember, type SignedMember } from '../../../lib/format/member-record.js'
import { ByteReader } from '../../../lib/format/reader.js'
import { ByteWriter } from '../../../lib/format/writer.js'
import { chunkerDefault, decodeHeader, encodeHeader, encodeHeaderBody, vaultIdOf, type EncodedHeader, type VaultHeader } from '../../../lib/format/vault-header.js'
import { concatBytes, type VaultId } from '../../../lib/terms/bytes.js'
import type { Entropy } from '../../../lib/terms/entropy.js'
import { Random } from '../../model/random.js'
import { testPage } from '../../support/test-keys.js'
import { codecTarget, isOneOf, require, same, type Target } from '../target.js'
import { deviceId, magnitude, textOf } from './samples.js'

function slot(random: Random): KeySlot {
  return {
    slotId: random.bytes(8), kind: 1 + random.below(5), label: textOf(random, 30), createdSec: magnitude(random, 33), publicKey: random.bytes(32),
    sealedMaster: random.bytes(80), masterTag: random.bytes(32), wrappedTagKey: random.bytes(72), parameters: random.bytes(random.below(40)),
  }
}

function header(random: Random, slots: readonly KeySlot[]): VaultHeader {
  const [ownerPublicKey, salt] = [random.bytes(32), random.bytes(32)]
  return {
    generation: 1 + magnitude(random, 30), featuresOptional: random.below(2 ** 32), vaultId: vaultIdOf(ownerPublicKey, salt), ownerPublicKey, salt,
    createdSec: magnitude(random, 33), chunker: chunkerDefault,
    epochs: Array.from({ length: 1 + random.below(4) }, (_, index) => ({ epoch: index + 1, wrappedKey: random.bytes(72) })),
    wrappedIdRoot: random.bytes(72), recovery: random.chance(0.5) ? { state: 'confirmed' } : { state: 'unconfirmed', sealedEntropy: random.bytes(72) },
    ownerCopy: random.bytes(random.below(20)), slots,
  }
}

/** The checksum at the end, made to fit. */
function rechecked(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength < 32) return bytes
  const out = bytes.slice()
  out.set(sha256(out.subarray(0, -32)), out.byteLength - 32)
  return out
}

const headerTarget = codecTarget<EncodedHeader>({
  name: 'header', says: 'the file header, FORMAT §5', refusals: ['corrupt', 'format-unknown', 'not-a-vault'],
  make: (random) => encodeHeader(encodeHeaderBody(header(random, Array.from({ length: 1 + random.below(4) }, () => slot(random)))), random.bytes(32)),
  decode: (input) => decodeHeader(input, 'header'),
  encode: (decoded) => encodeHeader(encodeHeaderBody(decoded.header), decoded.mac),
  repair: rechecked,
})

const page = testPage(5, 2)
const master = page.key('master').slice()
const kit = new Random(77).bytes(32)
const entropyOf = (random: Random): Entropy => ({ bytes: (length) => random.bytes(length) })
const cost = { memoryBytes: kdfBounds.memoryBytesMin, passes: 1 }

/** A header that the kit opens, whatever is done to the rest of it. */
const openedHeader: Target<{ readonly trusted: boolean; readonly master: Uint8Array; readonly header: Uint8Array }> = {
  name: 'header-opened', says: 'a header opened with the recovery kit: key slots, MAC, wrapped keys, FORMAT §5.1 to §5.4', canonical: false, pace: 0.3,
  refusals: ['corrupt', 'format-unknown', 'not-a-vault', 'wrong-passphrase'],
  repair: rechecked,
  make: async (random) => {
    const entropy = entropyOf(random)
    const made = header(random, [])
    const { vaultId } = made
    const slots = [slot(random), await makeSlot({ kind: 'recovery', entropy: kit }, { vaultId, master, label: 'kit', createdSec: 1, entropy, cost })].map((one) => (one.kind === 1 ? { ...one, kind: 9 } : one))
    const wrap = page.key('wrap')
    return sealHeader({
      ...made, slots, wrappedIdRoot: sealSecret(random.bytes(32), wrap, { purpose: idRootPurpose, vaultId, entropy }),
      epochs: made.epochs.map(({ epoch }) => ({ epoch, wrappedKey: sealSecret(random.bytes(32), wrap, { purpose: epochPurpose(epoch), vaultId, entropy }) })),
    }, page)
  },
  decode: async (input) => {
    const opened = await openVault([decodeHeader(input, 'header')], { kind: 'recovery', entropy: kit })
    const result = { trusted: opened.trusted, master: opened.page.key('master').slice(), header: sha256(encodeHeaderBody(opened.header)) }
    opened.page.wipe()
    return result
  },
  judge: ({ trusted, master: found, header: held }, input, known) => {
    require(same(found, master), 'another master key than the one in the slot')
    require(!trusted || isOneOf(input, known), 'a header that was changed is trusted')
    require(same(held, sha256(input.subarray(0, -64))), 'another header than the one that was given')
  },
}

const passphraseSlot = codecTarget({
  name: 'passphrase-slot', says: 'the parameters of a passphrase slot, FORMAT §5.3',
  make: (random) => encodePassphraseParameters({ salt: random.bytes(16), memoryBytes: random.below(2 ** 32) * 1024, passes: random.below(256) }, new ByteWriter(32)),
  decode: (input) => readPassphraseParameters(new ByteReader(input, 'slot')),
  encode: (decoded) => encodePassphraseParameters(decoded, new ByteWriter(32)),
})

const memberTarget = codecTarget<SignedMember>({
  name: 'member-record', says: 'who a device is, FORMAT §6.1', refusals: ['corrupt', 'format-unknown'],
  make: (random) => concatBytes(encodeMember({
    vaultId: random.bytes(32) as Uint8Array as VaultId, deviceId: deviceId(random), signPublicKey: random.bytes(32), boxPublicKey: random.bytes(32),
    tlsPublicKey: random.bytes(32), createdSec: magnitude(random, 33), name: textOf(random, 120),
  }), random.bytes(64)),
  decode: decodeMemberRecord,
  encode: ({ member, signature }) => concatBytes(encodeMember(member), signature),
})

const owner = signKeyPair(new Uint8Array(32).fill(7))
const vault = { vaultId: sha256(owner.publicKey) as Uint8Array as VaultId, ownerPublicKey: owner.publicKey }

function identityFile(random: Random): Uint8Array {
  return createIdentity(page, { ...vault, name: textOf(random, 60), createdSec: 1, ownerSecretKey: owner.secretKey, entropy: entropyOf(random) }).file
}

const deviceFile: Target<DeviceIdentity> = {
  name: 'device-file', says: 'the file device, sealed, FORMAT §6.2', canonical: false, refusals: ['corrupt', 'format-unknown'], pace: 0.5,
  make: identityFile,
  decode: (input) => openIdentity(page, input, vault),
  judge: (_, input, known) => { require(isOneOf(input, known), 'a device file that was changed opens') },
}

const purposeOf = (id: Uint8Array): string => `device/v1 ${Buffer.from(id).toString('hex')}`
const clearBytes = 8 + 32 + 16

/** Sealed well: by somebody who has the vault's key and another version of the program, or bad intentions. */
const deviceSecret: Target<DeviceIdentity> = {
  name: 'device-secret', says: 'what is sealed in the file device, FORMAT §6.2', canonical: true, refusals: ['corrupt', 'format-unknown'], pace: 0.3,
  make: (random) => {
    const made = identityFile(random)
    const reader = new ByteReader(made, 'device')
    const id = reader.bytes(clearBytes).subarray(40)
    const opened = openSealed(made.subarray(clearBytes), id)
    return concatBytes(id, opened)
  },
  decode: (input) => {
    const id = input.slice(0, 16)
    const sealed = sealSecret(input.subarray(16), page.key('local'), { purpose: purposeOf(id), vaultId: vault.vaultId, entropy: { bytes: (length) => new Uint8Array(length) } })
    return openIdentity(page, concatBytes(Buffer.from('VFSDEV\0\x01', 'latin1'), vault.vaultId, id, sealed), vault)
  },
  judge: ({ member, record }, input) => {
    require(same(member.deviceId, input.subarray(0, 16)), 'the identity of another device')
    const seeds = input.subarray(16, 112)
    require(same(member.signPublicKey, signKeyPair(seeds.subarray(0, 32)).publicKey), 'keys that are not those of the record')
    require(same(input.subarray(112), new ByteWriter(512).lengthPrefixed(record).take()), 'another record than the one that was given')
  },
  fields: () => [{ at: 0, length: 16, kind: 'bytes' }, { at: 16, length: 32, kind: 'bytes' }, { at: 112, length: 2, kind: 'varint' }, { at: 114, length: 1, kind: 'big' }, { at: 114 + 1 + 32 + 16 + 96, length: 8, kind: 'big' }, { at: 114 + 1 + 32 + 16 + 96 + 8, length: 1, kind: 'varint' }],
}

function openSealed(sealed: Uint8Array, id: Uint8Array): Uint8Array {
  const opened = openSecret(sealed, page.key('local'), { purpose: purposeOf(id), vaultId: vault.vaultId })
  if (opened === undefined) throw new Error('the sample does not open')
  return opened
}

export const vaultTargets: readonly Target[] = [headerTarget, openedHeader, passphraseSlot, memberTarget, deviceFile, deviceSecret]
