// The owner's word that devices count no more, for nodes: those that do not have it yet are told. Told twice, a node knows it.
import { hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { decodeRevocation, type VaultOwner } from '../wire/owner-records.js'
import { lie } from './answers.js'
import type { HttpPeer } from './http-peer.js'

/** Answers how many it did not know. */
export async function tellRevocations(peer: HttpPeer, records: readonly Uint8Array[], owner: VaultOwner): Promise<number> {
  if (records.length === 0) return 0
  const there = new Set((await peer.revocations()).map((record) => hex(verified(record, owner, peer.name).deviceId)))
  const lacking = records.filter((record) => !there.has(hex(decodeRevocation(record, owner).deviceId)))
  for (const record of lacking) await peer.putRevocation(record)
  return lacking.length
}

function verified(record: Uint8Array, owner: VaultOwner, peer: string): ReturnType<typeof decodeRevocation> {
  try {
    return decodeRevocation(record, owner)
  } catch (error) {
    throw error instanceof VaultError ? lie(peer, 'a revocation that it holds is not signed by the owner of this vault') : error
  }
}
