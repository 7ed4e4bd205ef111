// A node that was met before the store had the recovery record is told of the kit when it is reached: nobody need know that
// something is missing. Once a connection is opened; what fails waits for the next time.
import { readHeaders } from './crypto/header-store.js'
import { readRecoveryFile } from './crypto/recovery-file.js'
import type { HttpPeer } from './peer/http-peer.js'
import { tellRecovery } from './peer/recovery-record.js'
import { equalBytes, type VaultId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import type { Logger } from './terms/log.js'

/** For `onReached` of a peer. */
export function recoveryTeller(store: string, vaultId: VaultId, logger: Logger): (peer: HttpPeer) => void {
  const tell = async (peer: HttpPeer): Promise<void> => {
    const record = await readRecoveryFile(store)
    if (record === undefined) return
    const { copies } = await readHeaders(store)
    // A header's id is the hash of its owner's key, so this one's owner is the vault's.
    const own = copies.find(({ header }) => equalBytes(header.vaultId, vaultId))
    if (own === undefined) return
    const told = await tellRecovery(peer, record, { vaultId, ownerPublicKey: own.header.ownerPublicKey })
    if (told === 'sent') logger.log('info', 'a node lets the recovery kit in from now on', { node: peer.name })
  }
  return (peer) => {
    tell(peer).catch((error: unknown) => {
      if (error instanceof VaultError && error.code === 'cancelled') return
      logger.log('warn', 'a node was not told of the recovery kit', { node: peer.name, reason: error instanceof Error ? error.message : String(error) })
    })
  }
}
