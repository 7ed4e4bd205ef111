// One way to open a vault, as it stands in the header: a public key to which the master key is sealed. FORMAT §5.2.
// The secret (passphrase, words, key file) yields the secret key; crypto/slots.ts does that. A slot of an unknown kind
// is kept as it is: an older VaultFS must not throw out the key that a newer one put in.

import { invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { ByteReader } from './reader.js'
import type { ByteWriter } from './writer.js'

export const slotIdBytes = 8
const sealedMasterBytes = 32 + 48

export const slotKinds = { passphrase: 1, recovery: 2, 'key-file': 3 } as const
export type SlotKind = keyof typeof slotKinds

export interface KeySlot {
  readonly slotId: Uint8Array
  /** One of `slotKinds`, or a number that a newer VaultFS knows. */
  readonly kind: number
  /** For people; UTF-8, at most 64 bytes. */
  readonly label: string
  readonly createdSec: number
  readonly publicKey: Uint8Array
  readonly sealedMaster: Uint8Array
  /** By the slot's own secret over `sealedMaster`: a public key alone would let anybody put another master in. */
  readonly masterTag: Uint8Array
  /** The key of that tag, wrapped under the master, so that a new master can be sealed without the slot's secret. */
  readonly wrappedTagKey: Uint8Array
  /** Of the kind: for a passphrase salt and cost, else empty. */
  readonly parameters: Uint8Array
}

export interface PassphraseParameters {
  readonly salt: Uint8Array
  readonly memoryBytes: number
  readonly passes: number
}

export function writeSlot(writer: ByteWriter, slot: KeySlot): void {
  const label = Buffer.from(slot.label, 'utf8')
  invariant(label.byteLength <= limits.keySlotLabelBytesMax && slot.parameters.byteLength <= limits.keySlotParametersBytesMax, 'a slot that fits')
  invariant(slot.sealedMaster.byteLength === sealedMasterBytes, 'a sealed master key of 80 bytes')
  writer.bytes(slot.slotId).u8(slot.kind).lengthPrefixed(label).u64(slot.createdSec).bytes(slot.publicKey)
    .bytes(slot.sealedMaster).bytes(slot.masterTag).bytes(slot.wrappedTagKey).lengthPrefixed(slot.parameters)
}

export function readSlot(reader: ByteReader): KeySlot {
  return {
    slotId: reader.copy(slotIdBytes),
    kind: reader.u8(),
    label: reader.text(limits.keySlotLabelBytesMax),
    createdSec: reader.u64(),
    publicKey: reader.copy(32),
    sealedMaster: reader.copy(sealedMasterBytes),
    masterTag: reader.copy(32),
    wrappedTagKey: reader.copy(72),
    parameters: new Uint8Array(reader.lengthPrefixed(limits.keySlotParametersBytesMax)),
  }
}

/** FORMAT §5.3: salt, memory in KiB, passes. */
export function encodePassphraseParameters(parameters: PassphraseParameters, writer: ByteWriter): Uint8Array<ArrayBuffer> {
  return writer.bytes(parameters.salt).u32(parameters.memoryBytes / 1024).u8(parameters.passes).take()
}

export function readPassphraseParameters(reader: ByteReader): PassphraseParameters {
  const parameters = { salt: reader.copy(16), memoryBytes: reader.u32() * 1024, passes: reader.u8() }
  reader.end()
  return parameters
}
