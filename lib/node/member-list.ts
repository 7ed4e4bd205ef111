// What the owner of a vault says of its devices, taken into what a node knows. Every record is verified here, whoever
// brought it, and none is ever replaced by an older word.
import { verifyTagged } from '../crypto/signature.js'
import { decodeMemberRecord, type Member } from '../format/member-record.js'
import { equalBytes, hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { decodeRecoveryRecord, decodeRevocation, verifiedRecoveryRecord, type VaultOwner } from '../wire/owner-records.js'
import { pinOf } from '../wire/pin.js'
import { principalsOf, revokedDevices, withGrant, type Access, type VaultGrant } from './access.js'
import { nodeLimits } from './node-limits.js'

/** Throws 'corrupt' for what this vault's owner did not sign. */
export function ownersMember(record: Uint8Array, { vaultId, ownerPublicKey }: VaultOwner): Member {
  const { member, signed, signature } = decodeMemberRecord(record)
  if (!equalBytes(member.vaultId, vaultId) || !verifyTagged('member/v1', signed, { signature, publicKey: ownerPublicKey })) {
    throw new VaultError('corrupt', "a member record that this vault's owner did not sign")
  }
  return member
}

/** A revoked device stays shut out, but what it had said is verified with its record. Throws 'exists' for another device's key, 'too-many'. */
export function withMember(access: Access, grant: VaultGrant, record: Uint8Array): VaultGrant {
  const member = ownersMember(record, grant)
  const device = hex(member.deviceId)
  const known = grant.members.find((one) => equalBytes(decodeMemberRecord(one).member.deviceId, member.deviceId))
  if (known !== undefined) {
    const before = decodeMemberRecord(known).member
    // Its chain is verified with the key that it began with.
    if (!equalBytes(before.signPublicKey, member.signPublicKey)) throw new VaultError('exists', `device ${device} is known with another key`, { subject: device })
    if (before.createdSec >= member.createdSec) return grant
  } else if (grant.members.length >= nodeLimits.membersPerVaultMax) {
    throw new VaultError('too-many', `a vault has at most ${nodeLimits.membersPerVaultMax} members`)
  }
  const holder = principalsOf(access).get(hex(pinOf(member.tlsPublicKey)))
  const isOthers = holder !== undefined && !(equalBytes(holder.vaultId, grant.vaultId) && holder.kind === 'device' && equalBytes(holder.deviceId, member.deviceId))
  if (isOthers) throw new VaultError('exists', `the TLS key of device ${device} is another's here`, { subject: device })
  return { ...grant, members: [...grant.members.filter((one) => one !== known), record] }
}

/** Throws 'too-many'. */
export function withRevocation(grant: VaultGrant, record: Uint8Array): VaultGrant {
  const { deviceId } = decodeRevocation(record, grant)
  if (revokedDevices(grant).has(hex(deviceId))) return grant
  if (grant.revocations.length >= nodeLimits.revocationsPerVaultMax) throw new VaultError('too-many', `a vault has at most ${nodeLimits.revocationsPerVaultMax} revocations`)
  return { ...grant, revocations: [...grant.revocations, record] }
}

/** There is one recovery kit in a vault's life. Throws 'exists' for another key than the one that is known, and for one that somebody has. */
export function withRecovery(access: Access, grant: VaultGrant, record: Uint8Array): VaultGrant {
  const { tlsPublicKey } = decodeRecoveryRecord(record, grant)
  if (grant.recovery !== undefined) {
    if (!equalBytes(verifiedRecoveryRecord(grant.recovery).tlsPublicKey, tlsPublicKey)) throw new VaultError('exists', 'this vault has another recovery key here')
    return grant
  }
  // The grant as it will be: its newest member is not in what is known yet.
  if (principalsOf(withGrant(access, grant.vaultId, () => grant)).has(hex(pinOf(tlsPublicKey)))) throw new VaultError('exists', "the recovery key is another's here")
  return { ...grant, recovery: record }
}
