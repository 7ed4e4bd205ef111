// Whom a node knows: vaults with their owners, members, revocations and recovery keys, and the invitations that are open.
// One document, replaced as a whole, so that an invitation is used up in the very write that grants what it was for.
// What the owner signed was verified before it came here, once: who sends much would have it verified again at every change.
import { decodeMemberRecord } from '../format/member-record.js'
import { equalBytes, hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { verifiedRecoveryRecord, verifiedRevocation, type VaultOwner } from '../wire/owner-records.js'
import { pinOf } from '../wire/pin.js'

export interface VaultGrant extends VaultOwner {
  readonly salt: Uint8Array
  readonly addedSec: number
  /** Records as their owner signed them. */
  readonly members: readonly Uint8Array[]
  readonly revocations: readonly Uint8Array[]
  readonly recovery: Uint8Array | undefined
  /** Bytes; undefined: what the node says for all; null: no limit. */
  readonly quotaBytes: number | null | undefined
  readonly dailyBytes: number | null | undefined
}

export interface OpenInvitation {
  /** Hexadecimal. */
  readonly id: string
  readonly secret: Uint8Array
  readonly expirySec: number
  readonly failures: number
}

export interface Access {
  readonly vaults: readonly VaultGrant[]
  readonly invitations: readonly OpenInvitation[]
}

export const noAccess: Access = { vaults: [], invitations: [] }

export type KnownPrincipal =
  | { readonly kind: 'device'; readonly vaultId: VaultId; readonly deviceId: DeviceId; readonly signPublicKey: Uint8Array }
  | { readonly kind: 'recovery'; readonly vaultId: VaultId }

/** By pin, in hexadecimal. A revoked device is nobody. No vault has the key of one that was here before it. */
export function principalsOf({ vaults }: Access): Map<string, KnownPrincipal> {
  const found = new Map<string, KnownPrincipal>()
  for (const grant of vaults) {
    for (const [pin, principal] of principalsOfVault(grant)) if (!found.has(pin)) found.set(pin, principal)
  }
  return found
}

function principalsOfVault(grant: VaultGrant): Map<string, KnownPrincipal> {
  const { vaultId } = grant
  const found = new Map<string, KnownPrincipal>()
  const revoked = revokedDevices(grant)
  // The recovery key first: a device that has the same key is a device.
  if (grant.recovery !== undefined) found.set(hex(pinOf(verifiedRecoveryRecord(grant.recovery).tlsPublicKey)), { kind: 'recovery', vaultId })
  for (const record of grant.members) {
    const { deviceId, signPublicKey, tlsPublicKey } = decodeMemberRecord(record).member
    if (!revoked.has(hex(deviceId))) found.set(hex(pinOf(tlsPublicKey)), { kind: 'device', vaultId, deviceId, signPublicKey })
  }
  return found
}

export function revokedDevices(grant: VaultGrant): ReadonlySet<string> {
  return new Set(grant.revocations.map((record) => hex(verifiedRevocation(record).deviceId)))
}

export function grantOf({ vaults }: Access, vaultId: VaultId): VaultGrant | undefined {
  return vaults.find((grant) => equalBytes(grant.vaultId, vaultId))
}

/** With one vault changed. Throws 'not-permitted' when it is not known any more. */
export function withGrant(access: Access, vaultId: VaultId, change: (grant: VaultGrant) => VaultGrant): Access {
  if (grantOf(access, vaultId) === undefined) throw new VaultError('not-permitted', 'this node does not keep that vault any more')
  return { ...access, vaults: access.vaults.map((grant) => (equalBytes(grant.vaultId, vaultId) ? change(grant) : grant)) }
}

export function encodeAccess({ vaults, invitations }: Access): Uint8Array {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return Buffer.from(JSON.stringify({
    version: 1,
    vaults: vaults.map(({ vaultId, ownerPublicKey, salt, addedSec, members, revocations, recovery, quotaBytes, dailyBytes }) => ({
      id: hex(vaultId), owner: hex(ownerPublicKey), salt: hex(salt), addedSec, members: members.map(base64), revocations: revocations.map(base64),
      ...(recovery === undefined ? {} : { recovery: base64(recovery) }), ...(quotaBytes === undefined ? {} : { quotaBytes }), ...(dailyBytes === undefined ? {} : { dailyBytes }),
    })),
    invitations: invitations.map(({ id, secret, expirySec, failures }) => ({ id, secret: hex(secret), expirySec, failures })),
  }))
}

interface StoredGrant {
  readonly id: string
  readonly owner: string
  readonly salt: string
  readonly addedSec: number
  readonly members: readonly string[]
  readonly revocations: readonly string[]
  readonly recovery?: string
  readonly quotaBytes?: number | null
  readonly dailyBytes?: number | null
}

interface StoredAccess {
  readonly version: number
  readonly vaults: readonly StoredGrant[]
  readonly invitations: readonly { readonly id: string; readonly secret: string; readonly expirySec: number; readonly failures: number }[]
}

/** Our own document. Throws 'format-unknown' for a newer one. */
export function decodeAccess(bytes: Uint8Array): Access {
  const stored = JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredAccess
  if (stored.version !== 1) throw new VaultError('format-unknown', `what the node knows was written by a newer VaultFS (version ${stored.version})`, { next: 'Update VaultFS and try again.' })
  return {
    vaults: stored.vaults.map(({ id, owner, salt, addedSec, members, revocations, recovery, quotaBytes, dailyBytes }) => ({
      vaultId: fromHex(id) as Uint8Array as VaultId, ownerPublicKey: fromHex(owner), salt: fromHex(salt), addedSec,
      members: members.map(fromBase64), revocations: revocations.map(fromBase64),
      recovery: recovery === undefined ? undefined : fromBase64(recovery), quotaBytes, dailyBytes,
    })),
    invitations: stored.invitations.map(({ id, secret, expirySec, failures }) => ({ id, secret: fromHex(secret), expirySec, failures })),
  }
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
