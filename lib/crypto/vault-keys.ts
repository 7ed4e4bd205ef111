// Makes a vault's keys and opens them again: header and secret in, a filled key page out. FORMAT §5.
// Nothing here touches the disk. The order when opening is slot, master, MAC, then the rest: until the MAC is verified
// nothing of the header may be believed but what led to the master key.

import { wipe } from '../../native-deps/sodium.js'
import { equalBytes } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError, invariant } from '../terms/errors.js'
import type { KeySlot } from '../format/key-slot.js'
import {
  chunkerDefault, encodeHeader, encodeHeaderBody, vaultIdOf, type ChunkerParameters, type EncodedHeader, type VaultHeader,
} from '../format/vault-header.js'
import { deriveFromMaster, installEpoch, installIdRoot, installMaster } from './derivation.js'
import { createIdentity, type DeviceIdentity } from './identity.js'
import { KeyPage } from './key-page.js'
import type { KdfCost } from './passphrase.js'
import { kitEntropyBytes, ownerKeyPair } from './recovery-kit.js'
import { makeSlot, openSlot, type Unlock } from './slots.js'
import { openSecret, sealSecret, tagOf } from './wrapping.js'

export interface CreateVault {
  /** As typed or read from a file; the caller's to wipe. */
  readonly passphrase: Uint8Array
  readonly cost: KdfCost
  readonly entropy: Entropy
  readonly nowSec: number
  readonly deviceName: string
  readonly chunker?: ChunkerParameters
}

export interface CreatedVault extends OpenedVault {
  readonly headerBytes: Uint8Array
  /** The bytes of the store's file `device`. */
  readonly deviceFile: Uint8Array
  readonly identity: DeviceIdentity
  /** 32 bytes of the recovery kit, for recovery-kit.ts; also kept sealed in the header until confirmed. The caller's to wipe. */
  readonly kit: Uint8Array<ArrayBuffer>
}

export interface OpenedVault {
  readonly page: KeyPage
  readonly header: VaultHeader
  /** False: the header was changed by somebody without the keys. Read-only salvage: never rewrite, never publish. */
  readonly trusted: boolean
  /** The slot that opened. */
  readonly slotId: Uint8Array
}

/** A new vault with a passphrase slot and a recovery slot, unconfirmed. */
export async function createVault(options: CreateVault): Promise<CreatedVault> {
  const { entropy, nowSec } = options
  const kit = entropy.bytes(kitEntropyBytes)
  const owner = ownerKeyPair(kit)
  const salt = entropy.bytes(32)
  const vaultId = vaultIdOf(owner.publicKey, salt)
  const page = KeyPage.create()
  const [master, idRoot, epochKey] = [entropy.bytes(32), entropy.bytes(32), entropy.bytes(32)]
  installMaster(page, master)
  installIdRoot(page, idRoot)
  installEpoch(page, 1, epochKey)
  const forSlot = { vaultId, master, createdSec: nowSec, entropy, cost: options.cost }
  const passphraseSlot = await makeSlot({ kind: 'passphrase', passphrase: options.passphrase }, { ...forSlot, label: 'passphrase' })
  const recoverySlot = await makeSlot({ kind: 'recovery', entropy: kit }, { ...forSlot, label: 'recovery kit' })
  const wrap = page.key('wrap')
  const header: VaultHeader = {
    generation: 1, featuresOptional: 0, vaultId, ownerPublicKey: owner.publicKey, salt, createdSec: nowSec,
    chunker: options.chunker ?? chunkerDefault,
    epochs: [{ epoch: 1, wrappedKey: sealSecret(epochKey, wrap, { purpose: epochPurpose(1), vaultId, entropy }) }],
    wrappedIdRoot: sealSecret(idRoot, wrap, { purpose: idRootPurpose, vaultId, entropy }),
    recovery: { state: 'unconfirmed', sealedEntropy: sealSecret(kit, page.key('local'), { purpose: kitPurpose, vaultId, entropy }) },
    ownerCopy: new Uint8Array(0),
    slots: [passphraseSlot, recoverySlot],
  }
  const { identity, file } = createIdentity(page, {
    vaultId, name: options.deviceName, createdSec: nowSec, ownerSecretKey: owner.secretKey, entropy,
  })
  for (const secret of [master, idRoot, epochKey, owner.secretKey]) wipe(secret)
  return { page, header, trusted: true, slotId: passphraseSlot.slotId, headerBytes: sealHeader(header, page), deviceFile: file, identity, kit }
}

/**
 * Opens with the first copy of the header that the secret fits and whose MAC is good; `copies` in order of preference,
 * of which at least one decodes. Throws 'wrong-passphrase' when no slot opens, and what decodeHeader throws.
 */
export async function openVault(copies: readonly EncodedHeader[], unlock: Unlock): Promise<OpenedVault> {
  let salvage: OpenedVault | undefined
  let damage: VaultError | undefined
  for (const copy of copies) {
    const opened = await openWith(copy, unlock)
    if (opened === undefined) continue
    if (opened instanceof VaultError) {
      damage ??= opened
      continue
    }
    if (opened.trusted) {
      salvage?.page.wipe()
      return opened
    }
    if (salvage === undefined) salvage = opened
    else opened.page.wipe()
  }
  if (salvage !== undefined) return salvage
  throw damage ?? wrongSecret(unlock)
}

/**
 * Opens without a slot, by the master key that another process of this device holds: only a copy of the header that this
 * key made. Throws 'wrong-passphrase' when there is none.
 */
export function openWithMaster(copies: readonly EncodedHeader[], master: Uint8Array): OpenedVault {
  const macKey = deriveFromMaster(master, 'header-mac')
  const copy = copies.find(({ covered, mac }) => equalBytes(mac, macOf(covered, macKey)))
  wipe(macKey)
  if (copy === undefined) throw new VaultError('wrong-passphrase', 'the vault has another master key by now', { next: 'Mount it again.' })
  return { page: filledPage(copy.header, master), header: copy.header, trusted: true, slotId: new Uint8Array(0) }
}

/** The bytes of a header file. The page must hold the header's master. */
export function sealHeader(header: VaultHeader, page: KeyPage): Uint8Array<ArrayBuffer> {
  const body = encodeHeaderBody(header)
  return encodeHeader(body, macOf(body, page.key('header-mac')))
}

/** Whether the page's master made its MAC. To be asked before any header on the disk is replaced. */
export function hasOurMac({ covered, mac }: EncodedHeader, page: KeyPage): boolean {
  return equalBytes(mac, macOf(covered, page.key('header-mac')))
}

/** The kit's entropy while it is unconfirmed; undefined afterwards. The caller's to wipe. */
export function unconfirmedKit(vault: OpenedVault): Uint8Array<ArrayBuffer> | undefined {
  const { recovery, vaultId } = vault.header
  if (recovery.state === 'confirmed') return undefined
  const entropy = openSecret(recovery.sealedEntropy, vault.page.key('local'), { purpose: kitPurpose, vaultId })
  if (entropy === undefined) throw new VaultError('corrupt', 'the sealed recovery kit does not open', { subject: 'vault header' })
  return entropy
}

export const idRootPurpose = 'id-root/v1'
export const kitPurpose = 'kit/v1'
export const epochPurpose = (epoch: number): string => `epoch/v1 ${epoch}`

/** Undefined: no slot is of this secret. An error ('corrupt'): one is, or may be, but is damaged; another copy may be whole. */
async function openWith({ header, covered, mac }: EncodedHeader, unlock: Unlock): Promise<OpenedVault | VaultError | undefined> {
  let damage: VaultError | undefined
  for (const slot of header.slots) {
    let master: Uint8Array | undefined
    try {
      master = await openSlot(slot, unlock, header.vaultId)
      if (master === undefined) continue
      const macKey = deriveFromMaster(master, 'header-mac')
      const trusted = equalBytes(mac, macOf(covered, macKey))
      wipe(macKey)
      return { page: filledPage(header, master), header, trusted, slotId: slot.slotId }
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'corrupt') throw error
      damage ??= error
    } finally {
      if (master !== undefined) wipe(master)
    }
  }
  return damage
}

function filledPage(header: VaultHeader, master: Uint8Array): KeyPage {
  const page = KeyPage.create()
  const { vaultId } = header
  installMaster(page, master)
  const wrap = page.key('wrap')
  const install = (wrapped: Uint8Array, purpose: string, use: (key: Uint8Array) => void): void => {
    const key = openSecret(wrapped, wrap, { purpose, vaultId })
    if (key === undefined) {
      page.wipe()
      throw new VaultError('corrupt', `the vault's header: ${purpose} does not open`, { subject: 'vault header', next: 'Restore the header from a copy.' })
    }
    use(key)
    wipe(key)
  }
  install(header.wrappedIdRoot, idRootPurpose, (key) => { installIdRoot(page, key) })
  for (const { epoch, wrappedKey } of header.epochs) {
    install(wrappedKey, epochPurpose(epoch), (key) => { installEpoch(page, epoch, key) })
  }
  return page
}

function macOf(body: Uint8Array, key: Uint8Array): Uint8Array {
  return tagOf('header/v1', key, body)
}

function wrongSecret(unlock: Unlock): VaultError {
  const what = { passphrase: 'the passphrase does not open this vault', recovery: 'these recovery words are of another vault', 'key-file': 'the key file does not open this vault' }
  return new VaultError('wrong-passphrase', what[unlock.kind], { next: 'Try again, or open it with another of its keys (--recovery-file).' })
}

/** For callers that need a certain slot. */
export function slotById(header: VaultHeader, slotId: Uint8Array): KeySlot {
  const slot = header.slots.find((candidate) => equalBytes(candidate.slotId, slotId))
  invariant(slot !== undefined, 'a slot that the header has')
  return slot
}

