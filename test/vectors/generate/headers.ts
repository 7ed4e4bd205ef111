// Vectors of vault headers and of the file `device`, good and bad. FORMAT §5 and §6.

import { kitWords } from '../../../lib/crypto/recovery-kit.js'
import { createVault, sealHeader } from '../../../lib/crypto/vault-keys.js'
import { createIdentity } from '../../../lib/crypto/identity.js'
import { encodeHeader, encodeHeaderBody, type VaultHeader } from '../../../lib/format/vault-header.js'
import { boxSeal, sha256, signKeyPair } from '../../../native-deps/sodium.js'
import { hex } from '../../../lib/terms/bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { pageOf, type Vector } from '../vector.js'
import { roots } from './blobs.js'

const passphrase = 'Zür\u0069\u0308ch, käse & 42'
const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }

/** The checksum made to fit again, as somebody with an editor would. */
function rechecked(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  out.set(sha256(out.subarray(0, -32)), out.byteLength - 32)
  return out
}

function with1(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const out = bytes.slice()
  out[at] = value
  return out
}

export async function headerVectors(): Promise<Readonly<Record<string, Vector>>> {
  const vault = await createVault({ passphrase: Buffer.from(passphrase), cost, entropy: seededEntropy(42), nowSec: 1_700_000_000, deviceName: 'laptop' })
  const good = vault.headerBytes
  const master = hex(vault.page.key('master'))
  const words = kitWords(vault.kit).join(' ')
  const remade = (change: (header: VaultHeader) => VaultHeader): Uint8Array => sealHeader(change(vault.header), vault.page)
  const evilSlots = vault.header.slots.map((slot) => ({ ...slot, sealedMaster: boxSeal(new Uint8Array(32), slot.publicKey, seededEntropy(43)) }))
  const weak = remade((header) => ({ ...header, slots: header.slots.map((slot) => (slot.kind === 1 ? { ...slot, parameters: with1(with1(slot.parameters, 17, 0), 19, 16) } : slot)) }))
  const base = { kind: 'header', section: '5', passphrase } as const
  return {
    'header-passphrase': { ...base, section: '5.3', says: 'opens with the passphrase, here in NFC', expect: 'ok', header: hex(good), trusted: true, master },
    'header-passphrase-nfd': { ...base, section: '5.3', says: 'the same typed in NFD, from a file with a line end', passphrase: `${passphrase.normalize('NFD')}\n`, expect: 'ok', header: hex(good), trusted: true, master },
    'header-words': { kind: 'header', section: '5.4', says: 'opens with the 24 words', words, expect: 'ok', header: hex(good), trusted: true, master },
    'header-wrong-passphrase': { ...base, section: '5.2', says: 'another passphrase', passphrase: 'guess', expect: 'wrong-passphrase', header: hex(good) },
    'header-damaged': { ...base, says: 'one bit flipped by a dying disk', expect: 'corrupt', header: hex(with1(good, 200, (good[200] ?? 0) ^ 4)) },
    'header-cut': { ...base, says: 'cut in the middle', expect: 'corrupt', header: hex(good.subarray(0, 300)) },
    'header-version-newer': { ...base, says: 'format version 2', expect: 'format-unknown', header: hex(rechecked(with1(good, 9, 2))) },
    'header-feature-unknown': { ...base, says: 'a required feature that is not known', expect: 'format-unknown', header: hex(rechecked(with1(good, 13, 0x10))) },
    'header-foreign': { ...base, says: 'some other file', expect: 'not-a-vault', header: hex(Buffer.from('#!/bin/sh\necho hello\n')) },
    'header-mac-wrong': { ...base, section: '5', says: 'changed by somebody without the keys: opens, for reading only', expect: 'ok', trusted: false, master, header: hex(encodeHeader(encodeHeaderBody({ ...vault.header, createdSec: 1 }), new Uint8Array(32))) },
    'header-foreign-master': { ...base, section: '5.2', says: 'a master key of somebody else sealed to the slot', expect: 'corrupt', header: hex(encodeHeader(encodeHeaderBody({ ...vault.header, slots: evilSlots }), new Uint8Array(32))) },
    'header-cost-too-small': { ...base, section: '5.3', says: 'a slot that asks for 16 KiB of memory', expect: 'corrupt', header: hex(weak) },
  }
}

export function deviceVectors(): Readonly<Record<string, Vector>> {
  const page = pageOf(roots)
  const owner = signKeyPair(new Uint8Array(32).fill(7))
  const vaultId = sha256(owner.publicKey)
  const made = createIdentity(page, {
    vaultId: new Uint8Array(vaultId) as Uint8Array as Parameters<typeof createIdentity>[1]['vaultId'],
    name: 'laptop', createdSec: 1_700_000_000, ownerSecretKey: owner.secretKey, entropy: seededEntropy(44),
  })
  const base = { kind: 'device', section: '6', roots, vaultId: hex(vaultId) } as const
  return {
    'device-identity': { ...base, says: 'the file device opens', expect: 'ok', file: hex(made.file), ownerPublicKey: hex(owner.publicKey) },
    'device-other-owner': { ...base, section: '6.1', says: 'its record is not signed by this owner', expect: 'corrupt', file: hex(made.file), ownerPublicKey: hex(new Uint8Array(32).fill(1)) },
    'device-damaged': { ...base, says: 'one bit', expect: 'corrupt', file: hex(with1(made.file, 100, (made.file[100] ?? 0) ^ 1)), ownerPublicKey: hex(owner.publicKey) },
    'device-newer': { ...base, says: 'version 2 of the file', expect: 'format-unknown', file: hex(with1(made.file, 7, 2)), ownerPublicKey: hex(owner.publicKey) },
  }
}
