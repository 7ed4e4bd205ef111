// The part of the vault service that mounts: opens the keys, then hands store and page to mount/mount.ts.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readHeaders } from '../lib/crypto/header-store.js'
import { openIdentity } from '../lib/crypto/identity.js'
import { openVault } from '../lib/crypto/vault-keys.js'
import { fromErrno } from '../lib/terms/errors.js'
import { mountVault } from '../mount/mount.js'
import { wipe } from '../native-deps/sodium.js'
import { cryptoUnlock, deviceName } from './key-service.js'
import { systemClock, systemEntropy } from './system-sources.js'
import type { MountedVault, MountRequest } from './vault-service.js'

/** Seconds for which the kernel may answer by itself: all changes come through this mount, so for as long as it likes. */
const kernelSeconds = 24 * 3600

export async function mountService(request: MountRequest): Promise<MountedVault> {
  const { store, name, mountPoint, allowOther, readOnly, writeback, spinMicroseconds, logger } = request
  const { copies } = await readHeaders(store)
  const secret = cryptoUnlock(request.unlock)
  const opened = await openVault(copies, secret).finally(() => {
    if (secret.kind === 'recovery') wipe(secret.entropy)
  })
  const { page, header, trusted } = opened
  if (!trusted) logger.log('warn', 'the header was changed by somebody without the keys: mounted read-only')
  const mounted = await mountVault({
    store, page, header, identity: openIdentity(page, readDevice(store), header), readOnly: readOnly || !trusted,
    bulkThreads: availableParallelism(), owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    clock: systemClock, entropy: systemEntropy, logger, driver: request.driver,
    options: {
      mountPoint, source: `vaultfs:${name}`, allowOther, readOnly: readOnly || !trusted, spinMicroseconds, writeback,
      entrySeconds: kernelSeconds, attributeSeconds: kernelSeconds,
    },
  })
  return {
    closed: mounted.closed, limitations: mounted.limitations,
    status: () => Promise.resolve({
      ...mounted.report(), name, store, mountPoint, driver: request.driver, pid: process.pid, pids: mounted.pids, state: mounted.state,
    }),
    sync: (onProgress) => mounted.sync(onProgress),
    unmount: (options, onProgress) => mounted.unmount(options, onProgress),
  }
}

function readDevice(store: string): Uint8Array {
  const path = join(store, deviceName)
  try {
    return readFileSync(path)
  } catch (error) {
    throw fromErrno(error, path)
  }
}
