// Who a device is: its id and its three public keys, bound together and signed by the vault's owner. FORMAT §6.1.
// It travels in the manifest, so any device (and a node, later) can check a chain with the owner's public key alone.

import type { DeviceId, VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

const version = 1
const signatureBytes = 64

export interface Member {
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  /** Ed25519, signs manifest entries. */
  readonly signPublicKey: Uint8Array
  /** X25519, to which things are sealed for this device. */
  readonly boxPublicKey: Uint8Array
  /** Ed25519, of its TLS certificate. */
  readonly tlsPublicKey: Uint8Array
  readonly createdSec: number
  /** For people; UTF-8, at most 255 bytes. */
  readonly name: string
}

export interface SignedMember {
  readonly member: Member
  /** What the owner signed. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** The bytes that the owner signs; the record is these and the signature. */
export function encodeMember(member: Member): Uint8Array<ArrayBuffer> {
  return new ByteWriter(256).u8(version).bytes(member.vaultId).bytes(member.deviceId).bytes(member.signPublicKey)
    .bytes(member.boxPublicKey).bytes(member.tlsPublicKey).u64(member.createdSec).lengthPrefixed(Buffer.from(member.name, 'utf8')).take()
}

export function decodeMemberRecord(bytes: Uint8Array): SignedMember {
  const reader = new ByteReader(bytes, 'member record')
  const found = reader.u8()
  if (found !== version) {
    throw new VaultError('format-unknown', `member record: written by a newer VaultFS (version ${found})`, { next: 'Update VaultFS and try again.' })
  }
  const member: Member = {
    vaultId: reader.copy(32) as Uint8Array as VaultId,
    deviceId: reader.copy(16) as Uint8Array as DeviceId,
    signPublicKey: reader.copy(32),
    boxPublicKey: reader.copy(32),
    tlsPublicKey: reader.copy(32),
    createdSec: reader.u64(),
    name: reader.text(limits.memberNameBytesMax),
  }
  const signed = new Uint8Array(bytes.subarray(0, reader.position))
  const signature = reader.copy(signatureBytes)
  reader.end()
  return { member, signed, signature }
}
