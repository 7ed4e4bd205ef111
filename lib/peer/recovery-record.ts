// The owner's word, for nodes, that the recovery kit may come in. Only the kit's entropy can make it; nodes that were met
// before it was made are told later.
import { wipe } from '../../native-deps/sodium.js'
import { ownerKeyPair, recoveryTlsKeyPair } from '../crypto/recovery-kit.js'
import type { VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { decodeRecoveryRecord, encodeRecoveryRecord, type VaultOwner } from '../wire/owner-records.js'
import { lie } from './answers.js'
import type { HttpPeer } from './http-peer.js'

export function recoveryRecordOf(kitEntropy: Uint8Array, vaultId: VaultId): Uint8Array<ArrayBuffer> {
  const [owner, tls] = [ownerKeyPair(kitEntropy), recoveryTlsKeyPair(kitEntropy)]
  const record = encodeRecoveryRecord({ vaultId, tlsPublicKey: tls.publicKey }, owner.secretKey)
  for (const { secretKey } of [owner, tls]) wipe(secretKey)
  return record
}

/** Whether the node has one; if not, `record` is sent. 'missing': there is none to send. */
export async function tellRecovery(peer: HttpPeer, record: Uint8Array | undefined, owner: VaultOwner): Promise<'known' | 'sent' | 'missing'> {
  const there = await peer.recovery()
  if (there !== undefined) {
    try {
      decodeRecoveryRecord(there, owner)
    } catch (error) {
      throw error instanceof VaultError ? lie(peer.name, 'the recovery record that it holds is not signed by the owner of this vault') : error
    }
    return 'known'
  }
  if (record === undefined) return 'missing'
  await peer.putRecovery(record)
  return 'sent'
}
