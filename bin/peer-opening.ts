// The nodes of a vault that is not mounted, in the command itself: its keys are opened for the one piece of work.
import type { PeersPort } from '../lib/control/peer-port.js'
import type { Logger } from '../lib/terms/log.js'
import { hardenProcess } from '../native-deps/secure.js'
import { openKeys } from './open-keys.js'
import { PeerService } from './peer-service.js'
import type { Unlock } from './secrets.js'

export interface PeersRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly readOnly: boolean
  readonly logger: Logger
}

/** The caller holds the store's lock, and closes: the keys are wiped then. */
export async function openPeers({ store, unlock, readOnly, logger }: PeersRequest): Promise<PeersPort & { close(): void }> {
  hardenProcess()
  process.umask(0o077)
  const { opened, identity } = await openKeys({ store, unlock, logger, readOnly })
  const service = new PeerService({ store, opened, identity, readOnly, onPeersChanged: () => undefined })
  return {
    list: () => service.list(), add: (order) => service.add(order), remove: (name) => service.remove(name),
    rename: (order) => service.rename(order), test: (name) => service.test(name),
    close: () => {
      service.close()
      opened.page.wipe()
    },
  }
}
