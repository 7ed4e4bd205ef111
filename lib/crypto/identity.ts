// This device's own keys: made once for a store, kept in its file `device`, sealed under the vault's local key.
// FORMAT §6.2. A store that is copied or restored must take a new identity before it signs: two devices with one
// identity would fork its chain.

import { boxKeyPair, signKeyPair, wipe } from '../../native-deps/sodium.js'
import { equalBytes, concatBytes, hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { decodeMemberRecord, encodeMember, type Member } from '../format/member-record.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { KeyPage } from './key-page.js'
import { signTagged, verifyTagged } from './signature.js'
import { openSecret, sealSecret } from './wrapping.js'

const magic = Buffer.from('VFSDEV\0\x01', 'latin1')

export interface DeviceIdentity {
  readonly member: Member
  /** The member record as the owner signed it, for the manifest. */
  readonly record: Uint8Array
}

export interface NewIdentity {
  readonly vaultId: VaultId
  readonly name: string
  readonly createdSec: number
  readonly ownerSecretKey: Uint8Array
  readonly entropy: Entropy
}

/** Makes keys, puts the secret ones into the page, and gives the bytes of the file `device`. */
export function createIdentity(page: KeyPage, options: NewIdentity): { readonly identity: DeviceIdentity; readonly file: Uint8Array } {
  const { vaultId, entropy } = options
  const seeds = entropy.bytes(96)
  const keys = keysOf(seeds)
  const deviceId = entropy.bytes(16) as Uint8Array as DeviceId
  const member: Member = {
    vaultId, deviceId, signPublicKey: keys.sign.publicKey, boxPublicKey: keys.box.publicKey, tlsPublicKey: keys.tls.publicKey,
    createdSec: options.createdSec, name: clipped(options.name),
  }
  const signed = encodeMember(member)
  const record = concatBytes(signed, signTagged('member/v1', signed, options.ownerSecretKey))
  const body = new ByteWriter(512).bytes(seeds).lengthPrefixed(record)
  const sealed = sealSecret(body.view(), page.key('local'), { purpose: purposeOf(deviceId), vaultId, entropy })
  wipe(body.view())
  install(page, keys)
  wipe(seeds)
  return { identity: { member, record }, file: concatBytes(magic, vaultId, deviceId, sealed) }
}

/** Opens the file `device` into the page. Throws 'corrupt' when it is not this vault's or was changed. */
export function openIdentity(page: KeyPage, file: Uint8Array, vault: { readonly vaultId: VaultId; readonly ownerPublicKey: Uint8Array }): DeviceIdentity {
  const reader = new ByteReader(file, 'the file "device"')
  const found = reader.bytes(magic.byteLength)
  if (!equalBytes(found.subarray(0, 7), magic.subarray(0, 7))) throw reader.corrupt('not a device identity')
  if (found[7] !== magic[7]) throw new VaultError('format-unknown', 'the file "device" was written by a newer VaultFS', { next: 'Update VaultFS and try again.' })
  if (!equalBytes(reader.bytes(32), vault.vaultId)) throw reader.corrupt('the identity of a device in another vault')
  const deviceId = reader.copy(16)
  const body = openSecret(reader.rest(), page.key('local'), { purpose: purposeOf(deviceId), vaultId: vault.vaultId })
  if (body === undefined) throw reader.corrupt('it does not open')
  const inner = new ByteReader(body, 'the file "device"')
  const keys = keysOf(inner.bytes(96))
  const record = new Uint8Array(inner.lengthPrefixed(limits.memberRecordBytesMax))
  inner.end()
  wipe(body)
  const member = verifyMember(record, vault)
  const own = equalBytes(member.deviceId, deviceId) && equalBytes(member.signPublicKey, keys.sign.publicKey) &&
    equalBytes(member.boxPublicKey, keys.box.publicKey) && equalBytes(member.tlsPublicKey, keys.tls.publicKey)
  if (!own) throw inner.corrupt('keys that are not those of its member record')
  install(page, keys)
  return { member, record }
}

/** A record that the owner signed for this vault, or 'corrupt'. */
export function verifyMember(record: Uint8Array, vault: { readonly vaultId: VaultId; readonly ownerPublicKey: Uint8Array }): Member {
  const { member, signed, signature } = decodeMemberRecord(record)
  const good = equalBytes(member.vaultId, vault.vaultId) && verifyTagged('member/v1', signed, { signature, publicKey: vault.ownerPublicKey })
  if (!good) throw new VaultError('corrupt', `device ${hex(member.deviceId)}: its member record is not signed by the vault's owner`, { subject: hex(member.deviceId) })
  return member
}

function keysOf(seeds: Uint8Array): { readonly sign: Pair; readonly box: Pair; readonly tls: Pair } {
  return { sign: signKeyPair(seeds.subarray(0, 32)), box: boxKeyPair(seeds.subarray(32, 64)), tls: signKeyPair(seeds.subarray(64, 96)) }
}
type Pair = ReturnType<typeof boxKeyPair>

function install(page: KeyPage, keys: ReturnType<typeof keysOf>): void {
  page.set('device-sign', keys.sign.secretKey)
  page.set('device-box', keys.box.secretKey)
  page.set('device-tls', keys.tls.secretKey)
  for (const pair of [keys.sign, keys.box, keys.tls]) wipe(pair.secretKey)
}

function purposeOf(deviceId: Uint8Array): string {
  return `device/v1 ${Buffer.from(deviceId).toString('hex')}`
}

/** A name of at most 255 bytes that ends between characters. */
function clipped(name: string): string {
  let out = name
  while (Buffer.byteLength(out, 'utf8') > 255) out = out.slice(0, -1)
  return out
}
