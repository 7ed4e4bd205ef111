// The vault's header: who owns it, which features a reader must know, the wrapped keys and the slots that open them.
// FORMAT §5. Decoding needs no key and checks only the checksum (a dying disk); the MAC (an enemy) is checked by
// crypto/vault-keys.ts as soon as a slot gave the master key, and before anything is rewritten.

import { sha256 } from '../../native-deps/sodium.js'
import { equalBytes, type VaultId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { ByteReader } from './reader.js'
import { readSlot, writeSlot, type KeySlot } from './key-slot.js'
import { ByteWriter } from './writer.js'

const magic = Buffer.from('VAULTFS\0', 'latin1')
export const formatVersion = 1
/** Features that a reader must know to read or write; a bit that is set and unknown is refused. None yet. */
const featuresKnown = 0
/** A wrapped key: nonce, 32 bytes, tag. */
export const wrappedKeyBytes = 24 + 32 + 16
export const macBytes = 32
const checksumBytes = 32
/** Chunkers that this build can run: 1 = Rabin with the vault's polynomial. */
const chunkersKnown: ReadonlySet<number> = new Set([1])

export interface ChunkerParameters {
  readonly id: number
  readonly bytesMin: number
  readonly bytesMax: number
  readonly maskBits: number
}

export const chunkerDefault: ChunkerParameters = { id: 1, bytesMin: 512 * 1024, bytesMax: 8 * 1024 * 1024, maskBits: 20 }

export interface WrappedEpoch {
  readonly epoch: number
  readonly wrappedKey: Uint8Array
}

export type RecoveryState =
  /** The person has the words; nobody else has them. */
  | { readonly state: 'confirmed' }
  /** The kit's entropy lies here, sealed under the master key, until the words were checked. */
  | { readonly state: 'unconfirmed'; readonly sealedEntropy: Uint8Array }

export interface VaultHeader {
  /** Grows with every rewrite: of two good copies the higher counts. */
  readonly generation: number
  /** Bits that only say something; unknown ones are kept. */
  readonly featuresOptional: number
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  readonly salt: Uint8Array
  readonly createdSec: number
  readonly chunker: ChunkerParameters
  /** In ascending order; the last is the current one. */
  readonly epochs: readonly WrappedEpoch[]
  readonly wrappedIdRoot: Uint8Array
  readonly recovery: RecoveryState
  /** The owner's seed under a passphrase of its own; empty when there is no such copy. */
  readonly ownerCopy: Uint8Array
  readonly slots: readonly KeySlot[]
}

/** A header as it lies on the disk. */
export interface EncodedHeader {
  readonly header: VaultHeader
  /** What the MAC covers: everything before it. */
  readonly covered: Uint8Array
  readonly mac: Uint8Array
}

/** What the MAC is to be made over. */
export function encodeHeaderBody(header: VaultHeader): Uint8Array<ArrayBuffer> {
  invariant(header.epochs.length >= 1 && header.epochs.length <= limits.keyEpochsMax, 'a header with one to 64 epochs')
  invariant(header.slots.length >= 1 && header.slots.length <= limits.keySlotsMax, 'a header with one to 32 slots')
  const writer = new ByteWriter(1024)
    .bytes(magic).u16(formatVersion).u32(0).u32(header.featuresOptional).u64(header.generation)
    .bytes(header.vaultId).bytes(header.ownerPublicKey).bytes(header.salt).u64(header.createdSec)
    .u8(header.chunker.id).u32(header.chunker.bytesMin).u32(header.chunker.bytesMax).u8(header.chunker.maskBits)
    .u8(header.epochs.length)
  for (const { epoch, wrappedKey } of header.epochs) writer.u32(epoch).bytes(wrappedKey)
  writer.bytes(header.wrappedIdRoot)
  if (header.recovery.state === 'confirmed') writer.u8(1)
  else writer.u8(2).bytes(header.recovery.sealedEntropy)
  writer.lengthPrefixed(header.ownerCopy).u8(header.slots.length)
  for (const slot of header.slots) writeSlot(writer, slot)
  return writer.take()
}

/** Body, MAC, then SHA-256 over both. */
export function encodeHeader(body: Uint8Array, mac: Uint8Array): Uint8Array<ArrayBuffer> {
  invariant(mac.byteLength === macBytes, 'a header MAC of 32 bytes')
  const writer = new ByteWriter(body.byteLength + macBytes + checksumBytes).bytes(body).bytes(mac)
  return writer.bytes(sha256(writer.view())).take()
}

/** `subject` is the file's path. Throws 'not-a-vault', 'format-unknown' or 'corrupt'. */
export function decodeHeader(bytes: Uint8Array, subject: string): EncodedHeader {
  if (bytes.byteLength < magic.byteLength || !equalBytes(bytes.subarray(0, magic.byteLength), magic)) {
    throw new VaultError('not-a-vault', `${subject} is not the header of a vault`, {
      subject, next: 'Check the --store path, or create a vault with "vaultfs init".',
    })
  }
  // The version stands before the checksum: another version may check itself in another way.
  const version = new ByteReader(bytes.subarray(magic.byteLength), subject).u16()
  if (version !== formatVersion) throw unknown(subject, `format version ${version}; this VaultFS knows ${formatVersion}`)
  const checkedLength = bytes.byteLength - checksumBytes
  const sound = checkedLength > macBytes && bytes.byteLength <= limits.headerBytesMax &&
    equalBytes(sha256(bytes.subarray(0, checkedLength)), bytes.subarray(checkedLength))
  if (!sound) throw new VaultError('corrupt', `${subject}: the header is damaged`, { subject, next: 'A second copy lies beside it as header.backup.' })
  const covered = new Uint8Array(bytes.subarray(0, checkedLength - macBytes))
  const mac = new Uint8Array(bytes.subarray(covered.byteLength, checkedLength))
  return { header: decodeBody(covered, subject), covered, mac }
}

function decodeBody(covered: Uint8Array, subject: string): VaultHeader {
  const reader = new ByteReader(covered, subject)
  reader.bytes(magic.byteLength + 2)
  const required = reader.u32()
  if ((required & ~featuresKnown) !== 0) throw unknown(subject, `features 0x${(required & ~featuresKnown).toString(16)}`)
  const featuresOptional = reader.u32()
  const generation = reader.u64()
  const vaultId = reader.copy(32) as Uint8Array as VaultId
  const ownerPublicKey = reader.copy(32)
  const salt = reader.copy(32)
  const createdSec = reader.u64()
  const chunker = readChunker(reader, subject)
  const epochs = readEpochs(reader)
  const wrappedIdRoot = reader.copy(wrappedKeyBytes)
  const recovery = readRecovery(reader)
  const ownerCopy = new Uint8Array(reader.lengthPrefixed(256))
  const count = reader.u8()
  if (count < 1 || count > limits.keySlotsMax) throw reader.corrupt(`${count} key slots`)
  const slots = Array.from({ length: count }, () => readSlot(reader))
  reader.end()
  // The id is what devices and nodes know the vault by, so it must be the owner's.
  if (!equalBytes(vaultId, vaultIdOf(ownerPublicKey, salt))) throw reader.corrupt('a vault id that is not its owner\'s')
  return {
    generation, featuresOptional, vaultId, ownerPublicKey, salt, createdSec, chunker, epochs, wrappedIdRoot, recovery, ownerCopy, slots,
  }
}

/** FORMAT §3: SHA-256(owner public key ‖ salt). */
export function vaultIdOf(ownerPublicKey: Uint8Array, salt: Uint8Array): VaultId {
  const both = new Uint8Array(64)
  both.set(ownerPublicKey)
  both.set(salt, 32)
  return sha256(both) as Uint8Array as VaultId
}

function readChunker(reader: ByteReader, subject: string): ChunkerParameters {
  const chunker = { id: reader.u8(), bytesMin: reader.u32(), bytesMax: reader.u32(), maskBits: reader.u8() }
  if (!chunkersKnown.has(chunker.id)) throw unknown(subject, `chunker ${chunker.id}`)
  const { bytesMin, bytesMax, maskBits } = chunker
  if (bytesMin < 4096 || bytesMax > 8 * 1024 * 1024 || bytesMin > bytesMax || maskBits < 10 || maskBits > 24) {
    throw reader.corrupt('chunk bounds that can not be')
  }
  return chunker
}

function readEpochs(reader: ByteReader): readonly WrappedEpoch[] {
  const count = reader.u8()
  if (count < 1 || count > limits.keyEpochsMax) throw reader.corrupt(`${count} key epochs`)
  let before = 0
  return Array.from({ length: count }, () => {
    const epoch = reader.u32()
    if (epoch <= before || epoch > limits.keyEpochsMax) throw reader.corrupt('key epochs out of order')
    before = epoch
    return { epoch, wrappedKey: reader.copy(wrappedKeyBytes) }
  })
}

function readRecovery(reader: ByteReader): RecoveryState {
  const state = reader.u8()
  if (state === 1) return { state: 'confirmed' }
  if (state === 2) return { state: 'unconfirmed', sealedEntropy: reader.copy(wrappedKeyBytes) }
  throw reader.corrupt(`recovery state ${state}`)
}

function unknown(subject: string, what: string): VaultError {
  return new VaultError('format-unknown', `${subject}: written by a newer VaultFS (${what})`, {
    subject, next: 'Update VaultFS and try again; nothing was changed.',
  })
}
