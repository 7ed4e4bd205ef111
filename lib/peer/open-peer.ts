// From what a store knows of a node to the node. Nothing is connected until something is asked.
import type { KnownPeer } from '../format/peer-list.js'
import type { VaultId } from '../terms/bytes.js'
import type { TlsIdentity } from '../wire/certificate.js'
import { HttpPeer } from './http-peer.js'
import { patienceDefault, type Patience } from './patience.js'

export interface OpenPeerOptions {
  readonly vaultId: VaultId
  /** Of this device: lib/wire/certificate.ts makes it from the key page's 'device-tls'. */
  readonly tls: TlsIdentity
  readonly patience?: Patience
  readonly onTransfer?: (up: number, down: number) => void
  /** Once, after its first answer: for what it is to be told (recovery-record.ts). */
  readonly onReached?: (peer: HttpPeer) => void
}

export function openPeer(known: KnownPeer, { vaultId, tls, patience = patienceDefault, onTransfer, onReached }: OpenPeerOptions): HttpPeer {
  return new HttpPeer(known, { vaultId, tls, patience, onTransfer, onReached })
}
