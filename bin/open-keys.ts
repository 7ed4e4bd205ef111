// Opens a store's header with a secret, and this device's identity with the header: what mounting, rebuilding and
// verifying begin with. The page is the caller's to wipe.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readHeaders, writeDurably } from '../lib/crypto/header-store.js'
import { openIdentity, type DeviceIdentity } from '../lib/crypto/identity.js'
import { openVault, openWithMaster, sealHeader, type OpenedVault } from '../lib/crypto/vault-keys.js'
import type { EncodedHeader } from '../lib/format/vault-header.js'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import type { Logger } from '../lib/terms/log.js'
import { wipe } from '../native-deps/sodium.js'
import { cryptoUnlock, deviceName } from './key-service.js'
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
    return { opened, identity: await openDevice(request.store, opened) }
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

async function openDevice(store: string, { page, header }: OpenedVault): Promise<DeviceIdentity> {
  const path = join(store, deviceName)
  const file = await readFile(path).catch((error: unknown) => {
    const wrong = fromErrno(error, path)
    if (wrong.code !== 'not-found') throw wrong
    throw new VaultError('corrupt', `${path} is missing: this device's identity`, { subject: path, next: 'restore it from a copy of the store', cause: error })
  })
  return openIdentity(page, file, header)
}
