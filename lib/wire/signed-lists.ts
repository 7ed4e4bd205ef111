// What a node says that it holds, signed, so that it can be shown to others: pages of its inventory, and its heads.
// PROTOCOL §5, §6.
import { signTagged, verifyTagged } from '../crypto/signature.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { concatBytes, equalBytes, hex, type BlobId, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'

export interface InventoryPage {
  readonly vaultId: VaultId
  /** By the node's clock, seconds since 1970. */
  readonly sec: number
  /** Ids behind this one; zeros: from the beginning. */
  readonly after: Uint8Array
  readonly isLast: boolean
  /** In the order of ids. */
  readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[]
}

export interface DeviceHead {
  readonly deviceId: DeviceId
  readonly sequence: number
  readonly hash: ManifestHash
  /** Of the whole chain up to there. */
  readonly bytes: number
}

export interface HeadList {
  readonly vaultId: VaultId
  readonly sec: number
  /** Ascending by device. */
  readonly heads: readonly DeviceHead[]
}

export const inventoryPageMax = 65_536
/** More devices than a vault has. */
export const headsMax = 1024
/** Id and length; device, sequence, hash and bytes. */
export const inventoryRowBytes = 32 + 4
const headRowBytes = 16 + 8 + 32 + 8
const inventoryMagic = 0x56_46_49_01
const headsMagic = 0x56_46_48_01

export function encodeInventoryPage(page: InventoryPage, secretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(96 + 36 * page.blobs.length).u32(inventoryMagic).bytes(page.vaultId).u64(page.sec).bytes(page.after)
    .u8(page.isLast ? 1 : 0).u32(page.blobs.length)
  for (const { blobId, length } of page.blobs) writer.bytes(blobId).u32(length)
  const signed = writer.take()
  return concatBytes(signed, signTagged('inventory/v1', signed, secretKey))
}

/** Throws 'corrupt' for what that node did not sign, or says of another vault or place. */
export function decodeInventoryPage(bytes: Uint8Array, asked: { readonly vaultId: VaultId; readonly after: Uint8Array; readonly publicKey: Uint8Array }): InventoryPage {
  const reader = new ByteReader(signedPart(bytes, 'inventory/v1', asked.publicKey), 'inventory of the node')
  if (reader.u32() !== inventoryMagic) throw reader.corrupt('not a page of an inventory')
  const vaultId = reader.copy(32) as Uint8Array as VaultId
  const sec = reader.u64()
  const after = reader.copy(32)
  if (!equalBytes(vaultId, asked.vaultId) || !equalBytes(after, asked.after)) throw reader.corrupt('it is of something else than what was asked for')
  const last = reader.u8()
  if (last > 1) throw reader.corrupt('neither the last page nor not')
  const count = reader.u32()
  if (count > inventoryPageMax || count * inventoryRowBytes !== reader.remaining) throw reader.corrupt(`a page of ${count} blobs`)
  let before = after
  const blobs = Array.from({ length: count }, () => {
    const blobId = reader.copy(32) as Uint8Array as BlobId
    if (Buffer.compare(blobId, before) <= 0) throw reader.corrupt('ids that do not ascend')
    before = blobId as Uint8Array as Uint8Array<ArrayBuffer>
    return { blobId, length: reader.u32() }
  })
  reader.end()
  if (last === 0 && count === 0) throw reader.corrupt('an empty page that is not the last')
  return { vaultId, sec, after, isLast: last === 1, blobs }
}

export function encodeHeadList(list: HeadList, secretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(128).u32(headsMagic).bytes(list.vaultId).u64(list.sec).u32(list.heads.length)
  for (const { deviceId, sequence, hash, bytes } of list.heads) writer.bytes(deviceId).u64(sequence).bytes(hash).u64(bytes)
  const signed = writer.take()
  return concatBytes(signed, signTagged('heads/v1', signed, secretKey))
}

/** Throws 'corrupt' for what that node did not sign, or says of another vault. */
export function decodeHeadList(bytes: Uint8Array, asked: { readonly vaultId: VaultId; readonly publicKey: Uint8Array }): HeadList {
  const reader = new ByteReader(signedPart(bytes, 'heads/v1', asked.publicKey), 'heads of the node')
  if (reader.u32() !== headsMagic) throw reader.corrupt('not a list of heads')
  const vaultId = reader.copy(32) as Uint8Array as VaultId
  if (!equalBytes(vaultId, asked.vaultId)) throw reader.corrupt('it is of another vault')
  const sec = reader.u64()
  const count = reader.u32()
  if (count > headsMax || count * headRowBytes !== reader.remaining) throw reader.corrupt(`${count} heads`)
  let before: Uint8Array = new Uint8Array(0)
  const heads = Array.from({ length: count }, () => {
    const deviceId = reader.copy(16) as Uint8Array as DeviceId
    if (Buffer.compare(deviceId, before) <= 0) throw reader.corrupt(`device ${hex(deviceId)} is not in its place`)
    before = deviceId
    return { deviceId, sequence: reader.u64(), hash: reader.copy(32) as Uint8Array as ManifestHash, bytes: reader.u64() }
  })
  reader.end()
  return { vaultId, sec, heads }
}

function signedPart(bytes: Uint8Array, domain: 'inventory/v1' | 'heads/v1', publicKey: Uint8Array): Uint8Array {
  const end = bytes.byteLength - 64
  const signed = bytes.subarray(0, Math.max(end, 0))
  if (end < 0 || !verifyTagged(domain, signed, { signature: bytes.subarray(end), publicKey })) {
    throw new VaultError('corrupt', 'a list that the node did not sign', { next: 'do not trust this node: it, or something between, changes what it says' })
  }
  return signed
}
