// The part of the vault service that mounts: the header's slots, this device's identity, then store and page go to
// mount/mount.ts. Loaded by the daemon only.

import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readHeaders, writeDurably } from '../lib/crypto/header-store.js'
import { openIdentity, type DeviceIdentity } from '../lib/crypto/identity.js'
import { openVault, sealHeader, type OpenedVault } from '../lib/crypto/vault-keys.js'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { mountVault } from '../mount/mount.js'
import { unencryptedSwap } from '../native-deps/secure.js'
import { wipe } from '../native-deps/sodium.js'
import { cryptoUnlock, deviceName } from './key-service.js'
import { systemClock, systemEntropy } from './system-sources.js'
import { PastService } from './past-service.js'
import type { MountedVault, MountRequest } from './vault-service.js'

/** Seconds for which the kernel may answer by itself: it is told of what changes beside it, or (portably) asks again. */
const kernelSeconds = { kernel: 24 * 3600, 'fuse-native': 1 } as const
const salvageWarning = 'The header was changed by somebody without the keys, so the vault is read-only: restore the file header from a copy.'

export async function mountService(request: MountRequest): Promise<MountedVault> {
  const { store, name, mountPoint, driver, allowOther, writeback, showVersions, spinMicroseconds, logger } = request
  const opened = await openKeys(request)
  const { page, header, trusted } = opened
  const readOnly = request.readOnly || !trusted
  if (!trusted) logger.log('warn', salvageWarning)
  const identity = await openDevice(store, opened).catch((error: unknown) => {
    page.wipe()
    throw error
  })
  const mounted = await mountVault({
    store, page, header, identity, readOnly, retention: request.retention, driver, showVersions, logger,
    bulkThreads: availableParallelism(), owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    clock: systemClock, entropy: systemEntropy,
    options: {
      mountPoint, source: `vaultfs:${name}`, allowOther, readOnly, spinMicroseconds, writeback,
      entrySeconds: kernelSeconds[driver], attributeSeconds: kernelSeconds[driver],
    },
  })
  const salvage = trusted ? [] : [salvageWarning]
  const ofMachine = [...salvage, ...swapWarnings()]
  return {
    closed: mounted.closed,
    past: new PastService({ mounted, member: identity.member }),
    limitations: [...mounted.limitations, ...salvage],
    status: () => {
      const { warnings, ...report } = mounted.report()
      const { state, pids } = mounted
      return Promise.resolve({ ...report, name, store, mountPoint, driver, pid: process.pid, pids, state, warnings: [...warnings, ...ofMachine] })
    },
    sync: (onProgress) => mounted.sync(onProgress),
    unmount: (options, onProgress) => mounted.unmount(options, onProgress),
  }
}

function swapWarnings(): readonly string[] {
  const areas = unencryptedSwap()
  return areas.length === 0 ? [] : [`Swap on ${areas.join(', ')} is not encrypted, and what you work on may be written there: encrypt it, or turn it off.`]
}

async function openKeys({ store, unlock, logger, readOnly }: MountRequest): Promise<OpenedVault> {
  const { copies, damaged } = await readHeaders(store)
  const secret = cryptoUnlock(unlock)
  const opened = await openVault(copies, secret).finally(() => {
    if (secret.kind === 'recovery') wipe(secret.entropy)
  })
  for (const name of damaged) {
    logger.log('warn', 'a copy of the header is missing or damaged', { copy: name })
    if (opened.trusted && !readOnly) await writeDurably(join(store, name), sealHeader(opened.header, opened.page))
  }
  return opened
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
