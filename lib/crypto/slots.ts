// Key slots: from a secret to an X25519 key pair, and the master key sealed to its public key. FORMAT §5.2.
// Sealing needs only the public key, so a new master reaches every slot unattended. But a public key is public: without
// the tag anybody could seal a master of his own to it and read all that is written afterwards. The tag's key comes
// from the slot's secret and lies wrapped under the master, so only who had either could have made it.

import { boxKeyPair, boxOpen, boxSeal, blake2b, wipe, type KeyPair } from '../../native-deps/sodium.js'
import { concatBytes, equalBytes, type VaultId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import {
  encodePassphraseParameters, readPassphraseParameters, slotIdBytes, slotKinds, type KeySlot, type SlotKind,
} from '../format/key-slot.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { deriveFromMaster } from './derivation.js'
import { passphraseSecret, type KdfCost } from './passphrase.js'
import { kitSlotSecret } from './recovery-kit.js'
import { openSecret, sealSecret, tagOf } from './wrapping.js'

/** What a person gives to open a vault. All bytes stay the caller's to wipe. */
export type Unlock =
  /** As typed or read; normalised here. */
  | { readonly kind: 'passphrase'; readonly passphrase: Uint8Array }
  /** The kit's 32 bytes, from recovery-kit.ts's kitEntropy. */
  | { readonly kind: 'recovery'; readonly entropy: Uint8Array }
  /** 32 bytes, generated. */
  | { readonly kind: 'key-file'; readonly key: Uint8Array }

export interface NewSlot {
  readonly vaultId: VaultId
  readonly master: Uint8Array
  readonly label: string
  readonly createdSec: number
  readonly entropy: Entropy
  /** For a passphrase. */
  readonly cost: KdfCost
}

interface SlotSecrets {
  readonly pair: KeyPair
  readonly tagKey: Uint8Array
}

export async function makeSlot(unlock: Unlock, options: NewSlot): Promise<KeySlot> {
  const { vaultId, master, entropy } = options
  const slotId = entropy.bytes(slotIdBytes)
  const kind = slotKinds[unlock.kind]
  const parameters = unlock.kind === 'passphrase'
    ? encodePassphraseParameters({ salt: entropy.bytes(16), ...options.cost }, new ByteWriter(32))
    : new Uint8Array(0)
  const blank = { slotId, kind, parameters }
  const secrets = await secretsOf(unlock, blank, vaultId)
  const slot = {
    ...blank, label: options.label, createdSec: options.createdSec, publicKey: secrets.pair.publicKey,
    ...sealMaster({ slotId, publicKey: secrets.pair.publicKey, tagKey: secrets.tagKey }, master, { vaultId, entropy }),
  }
  wipeSecrets(secrets)
  return slot
}

/** The master key; undefined when the secret is not this slot's. Throws 'corrupt' when the slot was tampered with. */
export async function openSlot(slot: KeySlot, unlock: Unlock, vaultId: VaultId): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (slot.kind !== slotKinds[unlock.kind]) return undefined
  const secrets = await secretsOf(unlock, slot, vaultId)
  try {
    if (!equalBytes(secrets.pair.publicKey, slot.publicKey)) return undefined
    const tag = masterTag(secrets.tagKey, slot.slotId, slot.sealedMaster, vaultId)
    const master = equalBytes(tag, slot.masterTag) ? boxOpen(slot.sealedMaster, secrets.pair) : undefined
    if (master === undefined) {
      throw new VaultError('corrupt', 'the key slot was changed by somebody who did not have its key', {
        subject: slot.label, next: 'Restore the header from a copy that you trust.',
      })
    }
    return master
  } finally {
    wipeSecrets(secrets)
  }
}

/** The slot with a new master in it, without its secret; the old master gives the key of the tag. */
export function resealSlot(
  slot: KeySlot, masters: { readonly old: Uint8Array; readonly next: Uint8Array }, options: { readonly vaultId: VaultId; readonly entropy: Entropy },
): KeySlot {
  const oldWrap = deriveFromMaster(masters.old, 'wrap')
  const tagKey = openSecret(slot.wrappedTagKey, oldWrap, { purpose: tagKeyPurpose(slot.slotId), vaultId: options.vaultId })
  wipe(oldWrap)
  if (tagKey === undefined) throw new VaultError('corrupt', 'a key slot does not belong to this vault', { subject: slot.label })
  const resealed = { ...slot, ...sealMaster({ slotId: slot.slotId, publicKey: slot.publicKey, tagKey }, masters.next, options) }
  wipe(tagKey)
  return resealed
}

export function slotKindName(kind: number): SlotKind | undefined {
  if (kind === slotKinds.passphrase) return 'passphrase'
  if (kind === slotKinds.recovery) return 'recovery'
  return kind === slotKinds['key-file'] ? 'key-file' : undefined
}

function sealMaster(
  slot: { readonly slotId: Uint8Array; readonly publicKey: Uint8Array; readonly tagKey: Uint8Array },
  master: Uint8Array, { vaultId, entropy }: { readonly vaultId: VaultId; readonly entropy: Entropy },
): Pick<KeySlot, 'sealedMaster' | 'masterTag' | 'wrappedTagKey'> {
  const sealedMaster = boxSeal(master, slot.publicKey, entropy)
  const wrap = deriveFromMaster(master, 'wrap')
  const wrappedTagKey = sealSecret(slot.tagKey, wrap, { purpose: tagKeyPurpose(slot.slotId), vaultId, entropy })
  wipe(wrap)
  return { sealedMaster, masterTag: masterTag(slot.tagKey, slot.slotId, sealedMaster, vaultId), wrappedTagKey }
}

function masterTag(tagKey: Uint8Array, slotId: Uint8Array, sealedMaster: Uint8Array, vaultId: VaultId): Uint8Array {
  return tagOf('master/v1', tagKey, vaultId, slotId, sealedMaster)
}

function tagKeyPurpose(slotId: Uint8Array): string {
  return `slot/v1 ${Buffer.from(slotId).toString('hex')}`
}

/** FORMAT §5.2: kind, vault, slot and parameters are bound, so weaker parameters give another key, not an easier one. */
async function secretsOf(unlock: Unlock, slot: Pick<KeySlot, 'slotId' | 'kind' | 'parameters'>, vaultId: VaultId): Promise<SlotSecrets> {
  const secret = await secretOf(unlock, slot.parameters)
  const both = new Uint8Array(64)
  const label = Buffer.from('slot/v1\0', 'latin1')
  blake2b(both, concatBytes(label, new Uint8Array([slot.kind]), vaultId, slot.slotId, slot.parameters), secret)
  const secrets = { pair: boxKeyPair(both.subarray(0, 32)), tagKey: both.slice(32) }
  wipe(both)
  wipe(secret)
  return secrets
}

async function secretOf(unlock: Unlock, parameters: Uint8Array): Promise<Uint8Array> {
  if (unlock.kind === 'passphrase') {
    return await passphraseSecret(unlock.passphrase, readPassphraseParameters(new ByteReader(parameters, 'passphrase slot')))
  }
  if (unlock.kind === 'recovery') return kitSlotSecret(unlock.entropy)
  if (unlock.key.byteLength !== 32) throw new VaultError('invalid', 'a key file has exactly 32 bytes', { subject: 'key file' })
  return new Uint8Array(unlock.key)
}

function wipeSecrets(secrets: SlotSecrets): void {
  wipe(secrets.pair.secretKey)
  wipe(secrets.tagKey)
}
