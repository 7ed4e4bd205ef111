// A small node and a client of it, made and taken down with a test.
import { X509Certificate } from 'node:crypto'
import type { KnownPeer } from '../../../lib/format/peer-list.js'
import type { HttpPeer } from '../../../lib/peer/http-peer.js'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { patienceDefault, type Patience } from '../../../lib/peer/patience.js'
import type { VaultId } from '../../../lib/terms/bytes.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { pinOf, pinOfSpki } from '../../../lib/wire/pin.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { SmallNode, type Lie, type SmallNodeOptions } from './small-node.js'

export const vaultId = randomBytes(1, 32) as Uint8Array as VaultId
export const device = signKeyPair(randomBytes(2, 32))
export const tls = await tlsIdentity(device.secretKey)
export const stranger = await tlsIdentity(signKeyPair(randomBytes(3, 32)).secretKey)
export const strangerPin = pinOfSpki(new X509Certificate(stranger.cert).publicKey.export({ type: 'spki', format: 'der' }))
/** So that a test of slowness takes a second. */
export const quick: Patience = { connectMs: 1500, answerMs: 400, silenceMs: 400, graceMs: 700, bytesPerSecond: 1000 }

interface Ends {
  teardown(end: () => Promise<void>): void
}

export interface PairOptions extends Partial<SmallNodeOptions> {
  readonly patience?: Patience
  readonly tls?: typeof tls
  readonly known?: Partial<KnownPeer>
  readonly onTransfer?: (up: number, down: number) => void
}

export async function nodeAndPeer(t: Ends, { patience = patienceDefault, known = {}, onTransfer, tls: own = tls, ...options }: PairOptions = {}): Promise<{ readonly node: SmallNode; readonly peer: HttpPeer }> {
  const node = await SmallNode.start({ seed: 20, vaultId, knows: pinOf(device.publicKey), ...options })
  const peer = openPeer(node.known(known), { vaultId, tls: own, patience, ...(onTransfer === undefined ? {} : { onTransfer }) })
  t.teardown(async () => {
    await peer.close()
    await node.close()
  })
  return { node, peer }
}

/** Instead of the answers of one path. */
export function lieAt(path: string, tell: (...args: Parameters<Lie>) => void): Lie {
  return (request, response, body) => {
    if (!(request.url ?? '').startsWith(path)) return false
    tell(request, response, body)
    return true
  }
}
