// A link of a device's chain: clear fields that a node needs to append it, a sealed body that only members read, and
// the device's signature over both. FORMAT §7.1. Its exact bytes are kept and sent; nothing ever encodes one again.

import { sha256 } from '../../native-deps/sodium.js'
import { equalBytes, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { paddedBodyBytesMin } from './entry-body.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

/** "VFE" and the entry's version. */
const magic = 0x56_46_45_01
/** Magic, vault, device, sequence, previous, epoch, length of the body. */
export const entryClearBytes = 4 + 32 + 16 + 8 + 32 + 4 + 4
export const entrySignatureBytes = 64
/** Of a body beside its padded plaintext: nonce and tag. */
const sealBytes = 24 + 16
const sealedBodyBytesMax = sealBytes + limits.entryBodyBytesMax
export const entryBytesMin = entryClearBytes + sealBytes + paddedBodyBytesMin + entrySignatureBytes
export const entryBytesMax = entryClearBytes + sealedBodyBytesMax + entrySignatureBytes

export interface EntryClear {
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  /** From 1. */
  readonly sequence: number
  /** Hash of entry sequence − 1; zeros for the first. */
  readonly previous: ManifestHash
  readonly epoch: number
  /** Length of the sealed body. */
  readonly bodyLength: number
}

export interface ManifestEntry {
  readonly clear: EntryClear
  /** The associated data of the body. */
  readonly clearBytes: Uint8Array
  /** Nonce, cipher, tag. */
  readonly sealedBody: Uint8Array
  /** What is signed and hashed: clear fields and sealed body. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

export const noPrevious: ManifestHash = new Uint8Array(32) as Uint8Array as ManifestHash

export function encodeEntryClear(clear: EntryClear): Uint8Array<ArrayBuffer> {
  return new ByteWriter(entryClearBytes).u32(magic).bytes(clear.vaultId).bytes(clear.deviceId).u64(clear.sequence)
    .bytes(clear.previous).u32(clear.epoch).u32(clear.bodyLength).take()
}

/** The length of the entry that begins here, or undefined when fewer than its clear fields are here or they are none. */
export function entryLengthAt(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < entryClearBytes) return undefined
  const reader = new ByteReader(bytes, 'manifest entry')
  if (reader.u32() >>> 8 !== magic >>> 8) return undefined
  reader.bytes(entryClearBytes - 8)
  const bodyLength = reader.u32()
  if (bodyLength > sealedBodyBytesMax) return undefined
  return entryClearBytes + bodyLength + entrySignatureBytes
}

/** Views of `bytes`, which must be one whole entry. Throws 'corrupt' or 'format-unknown'; checks no signature. */
export function decodeEntry(bytes: Uint8Array): ManifestEntry {
  const reader = new ByteReader(bytes, 'manifest entry')
  const found = reader.u32()
  if (found !== magic) {
    if (found >>> 8 !== magic >>> 8) throw reader.corrupt('not a manifest entry')
    throw new VaultError('format-unknown', `manifest entry: written by a newer VaultFS (version ${found & 0xff})`, {
      subject: 'manifest', next: "Update VaultFS; when this is the newest, the entry is damaged: restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
    })
  }
  const vaultId = reader.copy(32) as Uint8Array as VaultId
  const deviceId = reader.copy(16) as Uint8Array as DeviceId
  const sequence = reader.u64()
  const previous = reader.copy(32) as Uint8Array as ManifestHash
  const epoch = reader.u32()
  const bodyLength = reader.u32()
  if (bodyLength > sealedBodyBytesMax) throw reader.corrupt(`a body of ${bodyLength} bytes`)
  // The first entry, and only the first, has nothing before it.
  if (sequence === 0 || (sequence === 1) !== equalBytes(previous, noPrevious)) throw reader.corrupt(`sequence ${sequence} after nothing`)
  const sealedBody = reader.bytes(bodyLength)
  const signed = bytes.subarray(0, reader.position)
  const signature = reader.bytes(entrySignatureBytes)
  reader.end()
  return {
    clear: { vaultId, deviceId, sequence, previous, epoch, bodyLength },
    clearBytes: bytes.subarray(0, entryClearBytes), sealedBody, signed, signature,
  }
}

/** FORMAT §3. Without the signature, so that one statement has one hash. */
export function entryHash(signed: Uint8Array): ManifestHash {
  return sha256(signed) as Uint8Array as ManifestHash
}
