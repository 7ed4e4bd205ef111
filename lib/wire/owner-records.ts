// What only the vault's owner can say to a node: who may come in with the recovery kit, whose word counts no more, and
// which blobs may go. PROTOCOL §7, §8. Checked with the owner's public key alone.
import { sha256 } from '../../native-deps/sodium.js'
import { signTagged, verifyTagged, type SignatureDomain } from '../crypto/signature.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { concatBytes, equalBytes, type BlobId, type DeviceId, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'

export interface VaultOwner {
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
}

export interface RecoveryRecord {
  readonly vaultId: VaultId
  readonly tlsPublicKey: Uint8Array
}

export interface Revocation {
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  readonly lastSequence: number
  readonly sec: number
}

export interface DeletionIntent {
  readonly vaultId: VaultId
  readonly sec: number
  /** 16 random bytes, its name. */
  readonly intentId: Uint8Array
  readonly blobIds: readonly BlobId[]
}

const version = 1
const signatureBytes = 64
export const deletionIdsMax = 65_536

/** FORMAT §3: a vault's id is the hash of its owner's key and a salt. */
export function isOwnerOf(vaultId: VaultId, ownerPublicKey: Uint8Array, salt: Uint8Array): boolean {
  return equalBytes(sha256(concatBytes(ownerPublicKey, salt)), vaultId)
}

export function encodeRecoveryRecord({ vaultId, tlsPublicKey }: RecoveryRecord, ownerSecretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return signedBy(ownerSecretKey, 'recovery/v1', new ByteWriter(128).u8(version).bytes(vaultId).bytes(tlsPublicKey))
}

export function decodeRecoveryRecord(bytes: Uint8Array, owner: VaultOwner): RecoveryRecord {
  opened(bytes, owner, { domain: 'recovery/v1', what: 'recovery record' })
  return verifiedRecoveryRecord(bytes)
}

/** Of a record that was verified when it came. */
export function verifiedRecoveryRecord(bytes: Uint8Array): RecoveryRecord {
  const reader = fieldsOf(bytes, 'recovery record')
  const record = { vaultId: reader.copy(32) as Uint8Array as VaultId, tlsPublicKey: reader.copy(32) }
  reader.end()
  return record
}

export function encodeRevocation({ vaultId, deviceId, lastSequence, sec }: Revocation, ownerSecretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return signedBy(ownerSecretKey, 'revocation/v1', new ByteWriter(128).u8(version).bytes(vaultId).bytes(deviceId).u64(lastSequence).u64(sec))
}

/** Of the record as a whole. */
export const revocationBytes = 1 + 32 + 16 + 8 + 8 + signatureBytes

export function decodeRevocation(bytes: Uint8Array, owner: VaultOwner): Revocation {
  opened(bytes, owner, { domain: 'revocation/v1', what: 'revocation' })
  return verifiedRevocation(bytes)
}

/** Of a record that was verified when it came. */
export function verifiedRevocation(bytes: Uint8Array): Revocation {
  const reader = fieldsOf(bytes, 'revocation')
  const record = { vaultId: reader.copy(32) as Uint8Array as VaultId, deviceId: reader.copy(16) as Uint8Array as DeviceId, lastSequence: reader.u64(), sec: reader.u64() }
  reader.end()
  return record
}

export function encodeDeletion({ vaultId, sec, intentId, blobIds }: DeletionIntent, ownerSecretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(256 + 32 * blobIds.length).u8(version).bytes(vaultId).u64(sec).bytes(intentId).u32(blobIds.length)
  for (const id of blobIds) writer.bytes(id)
  return signedBy(ownerSecretKey, 'deletion/v1', writer)
}

export function decodeDeletion(bytes: Uint8Array, owner: VaultOwner): DeletionIntent {
  const reader = opened(bytes, owner, { domain: 'deletion/v1', what: 'deletion intent' })
  const [sec, intentId, count] = [reader.u64(), reader.copy(16), reader.u32()]
  if (count > deletionIdsMax || count * 32 !== reader.remaining) throw reader.corrupt(`${count} blobs`)
  const blobIds = Array.from({ length: count }, () => reader.copy(32) as Uint8Array as BlobId)
  reader.end()
  return { vaultId: owner.vaultId, sec, intentId, blobIds }
}

function signedBy(ownerSecretKey: Uint8Array, domain: SignatureDomain, writer: ByteWriter): Uint8Array<ArrayBuffer> {
  const signed = writer.take()
  return concatBytes(signed, signTagged(domain, signed, ownerSecretKey))
}

/** Behind the version, without the signature. */
function fieldsOf(bytes: Uint8Array, what: string): ByteReader {
  const reader = new ByteReader(bytes.subarray(0, Math.max(bytes.byteLength - signatureBytes, 0)), what)
  reader.u8()
  return reader
}

/** Behind version and vault. Throws 'corrupt' for what the owner did not sign, 'format-unknown' for a newer version. */
function opened(bytes: Uint8Array, { vaultId, ownerPublicKey }: VaultOwner, { domain, what }: { readonly domain: SignatureDomain; readonly what: string }): ByteReader {
  const end = bytes.byteLength - signatureBytes
  const signed = bytes.subarray(0, Math.max(end, 0))
  const reader = new ByteReader(signed, what)
  const found = reader.u8()
  if (found !== version) throw new VaultError('format-unknown', `${what}: written by a newer VaultFS (version ${found})`, { next: 'Update VaultFS and try again.' })
  const isOwners = verifyTagged(domain, signed, { signature: bytes.subarray(end), publicKey: ownerPublicKey })
  if (!equalBytes(reader.bytes(32), vaultId) || !isOwners) throw reader.corrupt("not signed by this vault's owner")
  return reader
}
