// The part of the vault service that makes anew what is derived. Loaded by `vaultfs rebuild` only.

import { availableParallelism } from 'node:os'
import { HeadMark } from '../lib/vault-head-mark.js'
import { rebuildStore, type Rebuilt, type RebuildProgress } from '../lib/vault-rebuild.js'
import { VaultError } from '../lib/terms/errors.js'
import type { Logger } from '../lib/terms/log.js'
import { retentionDefault } from '../lib/terms/retention.js'
import { hardenProcess } from '../native-deps/secure.js'
import { openKeys } from './open-keys.js'
import type { Unlock } from './secrets.js'
import { systemClock, systemEntropy } from './system-sources.js'

export interface RebuildRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly logger: Logger
  readonly headsFolder: string
}

/** The caller holds the store's lock. */
export async function rebuildService({ store, unlock, logger, headsFolder }: RebuildRequest, onProgress: (progress: RebuildProgress) => void): Promise<Rebuilt> {
  hardenProcess()
  process.umask(0o077)
  const { opened: { page, header, trusted }, identity } = await openKeys({ store, unlock, logger, readOnly: false })
  try {
    if (!trusted) {
      throw new VaultError('denied', `the header of ${store} was changed by somebody without the keys, so nothing is written`, {
        subject: store, next: 'restore the file header from a copy',
      })
    }
    const rebuilt = await rebuildStore({
      store, page, header, identity, logger, readOnly: false, bulkThreads: availableParallelism(), bulkStartsLate: true,
      // Nothing is let go of meanwhile.
      retention: { ...retentionDefault, offsetMin: 0 },
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock: systemClock, entropy: systemEntropy,
    }, onProgress)
    // Which records there were does not count any more; which manifest entries there were does.
    new HeadMark({ folder: headsFolder, vaultId: header.vaultId, deviceId: identity.member.deviceId, logger }).forgetLog()
    return rebuilt
  } finally {
    page.wipe()
  }
}
