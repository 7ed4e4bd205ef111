// Vectors of what a store keeps of nodes, good and bad: the files `peers` and `recovery`. FORMAT §6.3, §6.4.
import { sealPeers } from '../../../lib/crypto/peers-file.js'
import { kitWords, ownerKeyPair, recoveryTlsKeyPair } from '../../../lib/crypto/recovery-kit.js'
import type { KnownPeer } from '../../../lib/format/peer-list.js'
import { vaultIdOf } from '../../../lib/format/vault-header.js'
import { recoveryRecordOf } from '../../../lib/peer/recovery-record.js'
import { hex } from '../../../lib/terms/bytes.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { pageOf, type Vector } from '../vector.js'
import { roots } from './blobs.js'

export function nodeVectors(): Readonly<Record<string, Vector>> {
  return { ...peersVectors(), ...recoveryVectors() }
}

function peersVectors(): Readonly<Record<string, Vector>> {
  const vaultId = vaultIdOf(randomBytes(50, 32), randomBytes(51, 32))
  const attic: KnownPeer = { peerId: randomBytes(52, 8), name: 'attic', pin: randomBytes(53, 32), signing: randomBytes(54, 32), places: ['attic.example:9463', '[2001:db8::1]:9463'], addedSec: 1_700_000_000 }
  const other: KnownPeer = { ...attic, peerId: randomBytes(55, 8), name: 'Großmutters Keller', places: [] }
  const sealed = (peers: readonly KnownPeer[]): Uint8Array => sealPeers(peers, pageOf(roots), vaultId, seededEntropy(56))
  const good = sealed([attic, other])
  const base = { kind: 'peers', section: '6.3', roots, vaultId: hex(vaultId) } as const
  const changed = (at: number, value: number): string => hex(good.map((byte, index) => (index === at ? value : byte)))
  return {
    'peers': {
      ...base, says: 'two nodes, one without an address', expect: 'ok', file: hex(good),
      peers: [attic, other].map((peer) => ({ ...peer, peerId: hex(peer.peerId), pin: hex(peer.pin), signing: hex(peer.signing) })),
    },
    'peers-none': { ...base, says: 'no node', expect: 'ok', file: hex(sealed([])), peers: [] },
    'peers-one-name': { ...base, says: 'two nodes of one name', expect: 'corrupt', file: hex(sealed([attic, { ...other, name: 'attic' }])) },
    'peers-damaged': { ...base, says: 'one byte', expect: 'corrupt', file: changed(90, (good[90] ?? 0) ^ 1) },
    'peers-newer': { ...base, says: 'version 2 of the file', expect: 'format-unknown', file: changed(7, 2) },
  }
}

function recoveryVectors(): Readonly<Record<string, Vector>> {
  const kit = randomBytes(60, 32)
  const owner = ownerKeyPair(kit).publicKey
  const vaultId = vaultIdOf(owner, randomBytes(61, 32))
  const record = recoveryRecordOf(kit, vaultId)
  const base = { kind: 'recovery', section: '6.4', words: kitWords(kit).join(' '), vaultId: hex(vaultId), ownerPublicKey: hex(owner), tlsPublicKey: hex(recoveryTlsKeyPair(kit).publicKey) } as const
  return {
    'recovery-record': { ...base, says: 'the key that the kit comes with', expect: 'ok', record: hex(record) },
    'recovery-record-other-owner': { ...base, says: 'signed by the owner of another vault', expect: 'corrupt', record: hex(record), ownerPublicKey: hex(randomBytes(62, 32)) },
    'recovery-record-key-changed': { ...base, says: 'another key in its place', expect: 'corrupt', record: hex(record.map((byte, index) => (index === 40 ? byte ^ 1 : byte))) },
  }
}
