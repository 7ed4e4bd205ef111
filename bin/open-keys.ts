// Opens a store's header with a secret, and this device's identity with the header: what mounting, rebuilding and
// verifying begin with. The page is the caller's to wipe.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readHeaders, writeDurably } from '../lib/crypto/header-store.js'
import { openIdentity, type DeviceIdentity } from '../lib/crypto/identity.js'
import { openVault, openWithMaster, sealHeader, type OpenedVault } from '../lib/crypto/vault-keys.js'
import type { EncodedHeader } from '../lib/format/vault-header.js'
import { equalBytes } from '../lib/terms/bytes.js'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import type { Logger } from '../lib/terms/log.js'
import { wipe } from '../native-deps/sodium.js'
import { cryptoUnlock, deviceBackupName, deviceName } from './key-service.js'
import type { DaemonUnlock, Unlock } from './secrets.js'

export interface OpenKeys {
  readonly store: string
  readonly unlock: DaemonUnlock
  readonly logger: Logger
  /** A damaged copy of the header stays as it is. */
  readonly readOnly: boolean
}

export async function openKeys(request: OpenKeys): Promise<{ readonly opened: OpenedVault; readonly identity: DeviceIdentity }> {
  const opened = await openHeader(request)
  try {
    return { opened, identity: await openDevice(request, opened) }
  } catch (error) {
    opened.page.wipe()
    throw error
  }
}

async function openHeader({ store, unlock, logger, readOnly }: OpenKeys): Promise<OpenedVault> {
  const { copies, damaged } = await readHeaders(store)
  const opened = unlock.kind === 'master' ? openWithMaster(copies, unlock.master) : await openWithSecret(copies, unlock)
  for (const name of damaged) {
    logger.log('warn', 'a copy of the header is missing or damaged', { copy: name })
    if (opened.trusted && !readOnly) await writeDurably(join(store, name), sealHeader(opened.header, opened.page))
  }
  return opened
}

async function openWithSecret(copies: readonly EncodedHeader[], unlock: Unlock): Promise<OpenedVault> {
  const secret = cryptoUnlock(unlock)
  return await openVault(copies, secret).finally(() => {
    if (secret.kind === 'recovery') wipe(secret.entropy)
  })
}

/** From the file or its copy; the one that is missing or damaged is made anew from the other. */
export async function openDevice({ store, logger, readOnly }: Omit<OpenKeys, 'unlock'>, { page, header, trusted }: OpenedVault): Promise<DeviceIdentity> {
  const found = new Map<string, Uint8Array>()
  let identity: DeviceIdentity | undefined
  const wrong: VaultError[] = []
  for (const name of [deviceName, deviceBackupName]) {
    const path = join(store, name)
    try {
      const file = await readFile(path)
      identity ??= openIdentity(page, file, header)
      found.set(name, file)
    } catch (error) {
      const failure = fromErrno(error, path)
      // What the disk says must not look like a damaged copy.
      if (!['not-found', 'corrupt', 'format-unknown'].includes(failure.code)) throw failure
      wrong.push(failure)
    }
  }
  if (identity === undefined) throw wrong.every(({ code }) => code === 'format-unknown') ? wrong[0] : deviceLost(join(store, deviceName), wrong[0])
  const good = found.get(deviceName) ?? found.get(deviceBackupName)
  for (const name of [deviceName, deviceBackupName]) {
    const other = found.get(name)
    if (good === undefined || (other !== undefined && equalBytes(other, good))) continue
    // A store of before there were copies has none yet.
    if (name === deviceName) logger.log('warn', "this device's identity is missing or damaged; its copy is used", { file: name })
    if (trusted && !readOnly) await writeDurably(join(store, name), good)
  }
  return identity
}

function deviceLost(path: string, wrong: VaultError | undefined): VaultError {
  const what = wrong?.code === 'not-found' ? "is missing: this device's identity" : `is damaged (${wrong?.message ?? ''})`
  return new VaultError('corrupt', `${path} ${what}, and so is its copy`, {
    subject: path, next: "bring back the file device or device.backup from any copy of the store; without one, 'vaultfs salvage' saves everything, for a new vault", cause: wrong,
  })
}
