// What the vault's owner has said to nodes, told to each when it is reached: that the recovery kit may come in, where a node
// was met before the store had that record, and which devices count no more. Nobody need know that something is missing.
// Once a connection is opened; what fails waits for the next time.
import { readHeaders } from './crypto/header-store.js'
import { readRecoveryFile } from './crypto/recovery-file.js'
import { readRevocations } from './crypto/revocations-file.js'
import type { HttpPeer } from './peer/http-peer.js'
import { tellRecovery } from './peer/recovery-record.js'
import { tellRevocations } from './peer/revocation-telling.js'
import { equalBytes, type VaultId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import type { Logger } from './terms/log.js'

/** For `onReached` of a peer. */
export function ownerTeller(store: string, vaultId: VaultId, logger: Logger): (peer: HttpPeer) => void {
  const tell = async (peer: HttpPeer): Promise<void> => {
    const [record, revocations] = [await readRecoveryFile(store), await readRevocations(store)]
    if (record === undefined && revocations.length === 0) return
    const { copies } = await readHeaders(store)
    // A header's id is the hash of its owner's key, so this one's owner is the vault's.
    const own = copies.find(({ header }) => equalBytes(header.vaultId, vaultId))
    if (own === undefined) return
    const owner = { vaultId, ownerPublicKey: own.header.ownerPublicKey }
    const devices = await tellRevocations(peer, revocations, owner)
    if (devices > 0) logger.log('info', 'a node shuts devices out from now on', { node: peer.name, devices })
    const told = await tellRecovery(peer, record, owner)
    if (told === 'sent') logger.log('info', 'a node lets the recovery kit in from now on', { node: peer.name })
  }
  return (peer) => {
    tell(peer).catch((error: unknown) => {
      if (error instanceof VaultError && error.code === 'cancelled') return
      logger.log('warn', 'a node was not told what the owner says', { node: peer.name, reason: error instanceof Error ? error.message : String(error) })
    })
  }
}
