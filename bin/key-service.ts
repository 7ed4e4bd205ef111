// The part of the vault service that needs keys and the header only, no mount: create, passwd, recovery. The header is
// written last, so that a store without one is no vault and a failure leaves nothing that looks like one.

import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { backupName, createHeaders, headerName, readHeaders, replaceHeaders, writeDurably } from '../lib/crypto/header-store.js'
import { readPeers } from '../lib/crypto/peers-file.js'
import { recoveryName, writeRecoveryFile } from '../lib/crypto/recovery-file.js'
import { kitEntropy, kitText, kitWords } from '../lib/crypto/recovery-kit.js'
import type { Unlock as CryptoUnlock } from '../lib/crypto/slots.js'
import { changePassphrase, confirmRecovery } from '../lib/crypto/vault-changes.js'
import { createVault, openVault, unconfirmedKit, type OpenedVault } from '../lib/crypto/vault-keys.js'
import { recoveryRecordOf } from '../lib/peer/recovery-record.js'
import type { VaultId } from '../lib/terms/bytes.js'
import { VaultError } from '../lib/terms/errors.js'
import { encodeAddress } from '../lib/wire/pin.js'
import { wipe } from '../native-deps/sodium.js'
import type { Unlock } from './secrets.js'
import { systemClock, systemEntropy } from './system-sources.js'
import type { RecoveryKit, VaultService } from './vault-service.js'

/** This device's identity, beside the header, and its copy. */
export const deviceName = 'device'
export const deviceBackupName = 'device.backup'

type KeyService = Omit<VaultService, 'mount' | 'exists' | 'rebuild' | 'verify' | 'salvage' | 'recover' | 'peers' | 'devices' | 'revokeDevice'>

export const keyService: KeyService = {
  create: async ({ store, passphrase, kdf }) => {
    const nowSec = systemClock.now().sec
    const created = await createVault({ passphrase, cost: kdf, entropy: systemEntropy, nowSec, deviceName: hostname() })
    try {
      for (const name of [deviceBackupName, deviceName]) await writeDurably(join(store, name), created.deviceFile, { mustBeNew: true })
      await writeRecoveryFile(store, recoveryRecordOf(created.kit, created.header.vaultId))
      await createHeaders(store, created.headerBytes)
      return kitOf(store, created.kit, created.header, [])
    } catch (error) {
      for (const name of [headerName, backupName, recoveryName, deviceName, deviceBackupName]) rmSync(join(store, name), { force: true })
      throw error
    } finally {
      wipe(created.kit)
      created.page.wipe()
    }
  },
  changePassphrase: ({ store, unlock, passphrase, kdf }) =>
    withVault(store, unlock, async (vault) => {
      const header = await changePassphrase(vault, passphrase, { entropy: systemEntropy, nowSec: systemClock.now().sec, cost: kdf })
      await replaceHeaders(store, header, vault.page)
    }),
  recoveryKit: ({ store, unlock }) =>
    withVault(store, unlock, async (vault) => {
      const entropy = unconfirmedKit(vault)
      if (entropy === undefined)
        throw new VaultError('not-found', 'the recovery kit was confirmed, and forgotten here', { subject: store, next: 'look for the paper it was written on' })
      try {
        await keepRecoveryRecord(store, entropy, vault)
        return kitOf(store, entropy, vault.header, await addressesOf(store, vault))
      } finally {
        wipe(entropy)
      }
    }),
  checkRecovery: async ({ store, words }) => {
    try {
      await withVault(store, { kind: 'recovery', words }, async (vault) => {
        const entropy = kitEntropy(words)
        await keepRecoveryRecord(store, entropy, vault).finally(() => { wipe(entropy) })
      })
      return true
    } catch (error) {
      if (error instanceof VaultError && error.code === 'wrong-passphrase') return false
      throw error
    }
  },
  confirmRecovery: ({ store, unlock }) =>
    withVault(store, unlock, async (vault) => {
      if (vault.header.recovery.state === 'unconfirmed') await replaceHeaders(store, confirmRecovery(vault), vault.page)
    }),
}

/** Opens the header for one piece of work, and wipes the keys after it. */
async function withVault<Result>(store: string, unlock: Unlock, work: (vault: OpenedVault) => Result | Promise<Result>): Promise<Result> {
  const { copies } = await readHeaders(store)
  const secret = cryptoUnlock(unlock)
  const vault = await openVault(copies, secret)
  try {
    return await work(vault)
  } finally {
    vault.page.wipe()
    if (secret.kind === 'recovery') wipe(secret.entropy)
  }
}

export function cryptoUnlock(unlock: Unlock): CryptoUnlock {
  return unlock.kind === 'passphrase' ? unlock : { kind: 'recovery', entropy: kitEntropy(unlock.words) }
}

/** For nodes, as long as the words are here. A store that can't be written to has them all the same. */
async function keepRecoveryRecord(store: string, entropy: Uint8Array, { header, trusted }: OpenedVault): Promise<void> {
  if (!trusted) return
  await writeRecoveryFile(store, recoveryRecordOf(entropy, header.vaultId)).catch((error: unknown) => {
    if (!(error instanceof VaultError) || (error.code !== 'read-only' && error.code !== 'denied')) throw error
  })
}

/** What the paper is to say of nodes. A list that is damaged must not keep the words back. */
async function addressesOf(store: string, { page, header }: OpenedVault): Promise<readonly string[]> {
  const known = await readPeers(store, page, header.vaultId).catch(() => [])
  return known.map(({ places, pin }) => encodeAddress({ place: places[0] ?? '?', pin }))
}

function kitOf(store: string, entropy: Uint8Array, header: { readonly vaultId: VaultId; readonly createdSec: number }, nodes: readonly string[]): RecoveryKit {
  const created = new Date(header.createdSec * 1000).toISOString().slice(0, 10)
  return { words: kitWords(entropy), text: kitText({ entropy, vaultId: header.vaultId, created, name: basename(store), nodes }) }
}
