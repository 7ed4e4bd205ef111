// Changes to an opened vault's header: each takes the opened vault and gives a new header of the next generation, to be
// written by header-store.ts. FORMAT §5.5. None touches data. What removing a slot does not do is said there: who
// holds the old secret and an old copy of the header opens what existed.

import { wipe } from '../../native-deps/sodium.js'
import { equalBytes } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { slotKinds, type KeySlot } from '../format/key-slot.js'
import type { VaultHeader } from '../format/vault-header.js'
import { deriveFromMaster, installEpoch, installMaster } from './derivation.js'
import { KeyPage } from './key-page.js'
import { kdfDefault, type KdfCost } from './passphrase.js'
import { makeSlot, resealSlot, slotKindName, type Unlock } from './slots.js'
import { epochPurpose, idRootPurpose, kitPurpose, slotById, unconfirmedKit, type OpenedVault } from './vault-keys.js'
import { openSecret, sealSecret } from './wrapping.js'

export interface ChangeOptions {
  readonly entropy: Entropy
  readonly nowSec: number
  readonly cost?: KdfCost
}

/** A new passphrase instead of the one of slot `slotId`, which must be a passphrase's; other slots stay. */
export async function changePassphrase(
  vault: OpenedVault, passphrase: Uint8Array, options: ChangeOptions & { readonly slotId?: Uint8Array },
): Promise<VaultHeader> {
  const old = passphraseSlotOf(vault, options.slotId)
  const slot = await newSlot(vault, { kind: 'passphrase', passphrase }, { ...options, label: old.label })
  return next(vault, { slots: vault.header.slots.map((candidate) => (candidate === old ? slot : candidate)) })
}

export async function addSlot(vault: OpenedVault, unlock: Unlock, options: ChangeOptions & { readonly label: string }): Promise<VaultHeader> {
  if (vault.header.slots.length >= limits.keySlotsMax) {
    throw new VaultError('too-many', `a vault has at most ${limits.keySlotsMax} keys`, { next: 'Remove one that is not needed.' })
  }
  const slot = await newSlot(vault, unlock, options)
  return next(vault, { slots: [...vault.header.slots, slot] })
}

export function removeSlot(vault: OpenedVault, slotId: Uint8Array): VaultHeader {
  const slots = vault.header.slots.filter((slot) => !equalBytes(slot.slotId, slotId))
  if (slots.length === vault.header.slots.length) throw new VaultError('not-found', 'the vault has no such key', { subject: Buffer.from(slotId).toString('hex') })
  if (!slots.some((slot) => slotKindName(slot.kind) !== undefined)) {
    throw new VaultError('denied', 'the last key of a vault can not be removed', { next: 'Add another one first.' })
  }
  return next(vault, { slots })
}

/** The words were checked: the sealed copy goes, and only the paper knows them. */
export function confirmRecovery(vault: OpenedVault): VaultHeader {
  return next(vault, { recovery: { state: 'confirmed' } })
}

export interface NewMaster {
  readonly header: VaultHeader
  /** Holds the new master and the new epoch; the old page is the caller's to wipe. Device keys are in it as before. */
  readonly page: KeyPage
}

/**
 * Revocation: a new master key in all slots and a new epoch. The log must be empty and the catalog is to be made anew
 * (their keys follow the master), and the file `device` is to be sealed again before the old header goes.
 */
export function replaceMaster(vault: OpenedVault, entropy: Entropy): NewMaster {
  requireTrusted(vault)
  const { header, page } = vault
  const { vaultId } = header
  const [master, epochKey] = [entropy.bytes(32), entropy.bytes(32)]
  const wraps = { old: page.key('wrap'), next: deriveFromMaster(master, 'wrap') }
  const rewrapped = (wrapped: Uint8Array, purpose: string): Uint8Array => {
    const key = openSecret(wrapped, wraps.old, { purpose, vaultId })
    if (key === undefined) throw new VaultError('corrupt', `the vault's header: ${purpose} does not open`, { subject: 'vault header' })
    const out = sealSecret(key, wraps.next, { purpose, vaultId, entropy })
    wipe(key)
    return out
  }
  const epoch = (header.epochs.at(-1)?.epoch ?? 0) + 1
  const changed = copiedPage(page, master, { epoch, epochKey })
  const kit = unconfirmedKit(vault)
  const renewed = next(vault, {
    epochs: [
      ...header.epochs.map((known) => ({ epoch: known.epoch, wrappedKey: rewrapped(known.wrappedKey, epochPurpose(known.epoch)) })),
      { epoch, wrappedKey: sealSecret(epochKey, wraps.next, { purpose: epochPurpose(epoch), vaultId, entropy }) },
    ],
    wrappedIdRoot: rewrapped(header.wrappedIdRoot, idRootPurpose),
    recovery: kit === undefined
      ? header.recovery
      : { state: 'unconfirmed', sealedEntropy: sealSecret(kit, changed.key('local'), { purpose: kitPurpose, vaultId, entropy }) },
    slots: header.slots.map((slot) => resealSlot(slot, { old: page.key('master'), next: master }, { vaultId, entropy })),
  })
  for (const secret of [master, epochKey, wraps.next, kit]) if (secret !== undefined) wipe(secret)
  return { header: renewed, page: changed }
}

function copiedPage(page: KeyPage, master: Uint8Array, added: { readonly epoch: number; readonly epochKey: Uint8Array }): KeyPage {
  const out = KeyPage.create()
  out.copyFrom(page)
  installMaster(out, master)
  installEpoch(out, added.epoch, added.epochKey)
  return out
}

async function newSlot(vault: OpenedVault, unlock: Unlock, options: ChangeOptions & { readonly label: string }): Promise<KeySlot> {
  requireTrusted(vault)
  return await makeSlot(unlock, {
    vaultId: vault.header.vaultId, master: vault.page.key('master'), label: options.label, createdSec: options.nowSec,
    entropy: options.entropy, cost: options.cost ?? kdfDefault,
  })
}

function next(vault: OpenedVault, changes: Partial<VaultHeader>): VaultHeader {
  requireTrusted(vault)
  return { ...vault.header, ...changes, generation: vault.header.generation + 1 }
}

function passphraseSlotOf(vault: OpenedVault, slotId: Uint8Array | undefined): KeySlot {
  const slot = slotById(vault.header, slotId ?? vault.slotId)
  if (slot.kind === slotKinds.passphrase) return slot
  // Opened with the kit because the passphrase is forgotten: the new one takes the place of the only one there is.
  const [first, second] = vault.header.slots.filter((candidate) => candidate.kind === slotKinds.passphrase)
  if (first === undefined || second !== undefined) {
    throw new VaultError('invalid', 'which passphrase is to be changed is not clear', { next: 'Open the vault with that passphrase, or remove its key and add a new one.' })
  }
  return first
}

/** A header that somebody changed must not be signed over as if it were ours. */
function requireTrusted(vault: OpenedVault): void {
  if (vault.trusted) return
  throw new VaultError('read-only', 'the vault\'s header was changed by somebody without its keys; it opens for reading only', {
    next: 'Restore the file "header" from a copy that you trust.',
  })
}
