// The file `peers` of a store: which nodes it knows, sealed under the vault's local key, because whoever could change it
// could put a node of his own in another's place. FORMAT §6.3.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodePeerList, encodePeerList, type KnownPeer } from '../format/peer-list.js'
import { ByteReader } from '../format/reader.js'
import { concatBytes, equalBytes, type VaultId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError, fromErrno } from '../terms/errors.js'
import { writeDurably } from './header-store.js'
import type { KeyPage } from './key-page.js'
import { openSecret, sealSecret } from './wrapping.js'

export const peersName = 'peers'
const magic = Buffer.from('VFSPRS\0\x01', 'latin1')
const purpose = 'peers/v1'
const subject = 'the file "peers"'

/** None without the file. Throws 'corrupt' when it was changed by somebody without the keys, and what the disk says. */
export async function readPeers(store: string, page: KeyPage, vaultId: VaultId): Promise<readonly KnownPeer[]> {
  const path = join(store, peersName)
  try {
    return openPeers(await readFile(path), page, vaultId)
  } catch (error) {
    const known = fromErrno(error, path)
    if (known.code === 'not-found') return []
    throw known
  }
}

/** Durable when it resolves: the old list or the new one is there after a crash. */
export async function writePeers(store: string, page: KeyPage, vaultId: VaultId, peers: readonly KnownPeer[], entropy: Entropy): Promise<void> {
  await writeDurably(join(store, peersName), sealPeers(peers, page, vaultId, entropy))
}

export function sealPeers(peers: readonly KnownPeer[], page: KeyPage, vaultId: VaultId, entropy: Entropy): Uint8Array<ArrayBuffer> {
  return concatBytes(magic, vaultId, sealSecret(encodePeerList(peers), page.key('local'), { purpose, vaultId, entropy }))
}

export function openPeers(file: Uint8Array, page: KeyPage, vaultId: VaultId): readonly KnownPeer[] {
  const reader = new ByteReader(file, subject)
  const found = reader.bytes(magic.byteLength)
  if (!equalBytes(found.subarray(0, 7), magic.subarray(0, 7))) throw reader.corrupt('not a list of nodes')
  if (found[7] !== magic[7]) throw new VaultError('format-unknown', `${subject} was written by a newer VaultFS`, { next: 'Update VaultFS and try again.' })
  if (!equalBytes(reader.bytes(32), vaultId)) throw reader.corrupt('the nodes of another vault')
  const list = openSecret(reader.rest(), page.key('local'), { purpose, vaultId })
  if (list === undefined) throw changed()
  return decodePeerList(list)
}

function changed(): VaultError {
  return new VaultError('corrupt', `${subject} was changed by somebody without the vault's keys, or is damaged`, {
    subject: peersName, next: 'Remove that file of the store, and pair with each node anew.',
  })
}
