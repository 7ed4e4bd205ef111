// A node is met: with the code of an invitation both sides prove that they have its secret, over this very connection, so
// that nobody between can be either of them. PROTOCOL §10. From then on each knows the other by key.
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { Client } from 'undici'
import { peerIdBytes, type KnownPeer } from '../format/peer-list.js'
import type { VaultId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import type { TlsIdentity } from '../wire/certificate.js'
import { decodeInvitation, exporterBytes, exporterLabel, invitationId, isPairingProof, pairingProof, type PairingScene } from '../wire/invitation.js'
import { decodePairingAnswer, encodePairingRequest, pairingBytesMax } from '../wire/pairing-messages.js'
import { pinOfSpki } from '../wire/pin.js'
import { pathOf, routes } from '../wire/routes.js'
import { lie } from './answers.js'
import { cancelled, connectToNode } from './connection.js'
import { exchange, HungUp, origin } from './exchange.js'
import { patienceDefault, type Patience } from './patience.js'

export interface Pairing {
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  /** Of the vault's id. */
  readonly salt: Uint8Array
  /** This device's member record, with the TLS key of `tls`. */
  readonly member: Uint8Array
  readonly tls: TlsIdentity
  /** The recovery record, if there is one. */
  readonly recovery: Uint8Array | undefined
  /** As nodes get it: crypto/header-for-nodes.ts. */
  readonly header: Uint8Array | undefined
  /** What the user calls it; undefined: what it calls itself. */
  readonly name: string | undefined
  readonly nowSec: number
  readonly entropy: Entropy
  readonly patience?: Patience
  /** Ends it: 'cancelled'. The invitation may be used up then. */
  readonly signal?: AbortSignal
}

/**
 * Uses the invitation up. The node has written that this device may come in when it resolves; nothing is written here.
 * `name` is the node's own word when none was given: to be looked at before it is used. Rejects 'usage' for what is no
 * invitation, 'denied' for one that ended or that the node does not take, and 'corrupt' when the node does not have its secret.
 */
export async function pairWithNode(code: string, pairing: Pairing): Promise<KnownPeer> {
  const { tls, nowSec, entropy, patience = patienceDefault, signal } = pairing
  const invitation = decodeInvitation(code)
  const called = pairing.name ?? 'of the invitation'
  if (invitation.expirySec <= nowSec) throw expired(invitation.expirySec, nowSec)
  const { socket, place } = await connectToNode(invitation.places, { name: called, pin: invitation.pin, tls, connectMs: patience.connectMs, signal })
  const scene: PairingScene = {
    secret: invitation.secret, exporter: socket.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0)), nodePin: invitation.pin,
    clientPin: pinOfSpki(new X509Certificate(tls.cert).publicKey.export({ type: 'spki', format: 'der' })),
  }
  const request = encodePairingRequest({ ...pairing, invitationId: invitationId(invitation.secret), proof: pairingProof('client', scene) })
  const end = (): void => { socket.destroy() }
  signal?.addEventListener('abort', end)
  const answer = decodeAnswer(await asked(socket, request, called, patience).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(called) : error
  }).finally(() => { signal?.removeEventListener('abort', end) }), called)
  if (!isPairingProof(answer.proof, 'node', scene)) throw lie(called, 'it does not have the secret of the invitation')
  return {
    peerId: entropy.bytes(peerIdBytes), name: pairing.name ?? answer.name, pin: invitation.pin, signing: answer.signing,
    places: [place, ...invitation.places.filter((other) => other !== place)], addedSec: nowSec,
  }
}

/** The one request of this connection. */
async function asked(socket: TLSSocket, request: string, peer: string, patience: Patience): Promise<Uint8Array> {
  let left: TLSSocket | undefined = socket
  const client = new Client(origin, {
    allowH2: false,
    connect: (_, callback) => {
      const given = left
      left = undefined
      // Never before it returned: undici would wait for ever. On another connection the proof would be wrong.
      setImmediate(() => {
        if (given === undefined) callback(new Error('the connection ended'), null)
        else callback(null, given)
      })
    },
  })
  try {
    const body = [Buffer.from(request, 'utf8')]
    return await exchange(client, { method: routes.pair.method, path: pathOf('pair'), media: 'application/json', body, bytesMax: pairingBytesMax }, { peer, patience, connectMs: 0 })
  } catch (error) {
    throw error instanceof HungUp ? refused(peer, error) : error
  } finally {
    await client.destroy()
    socket.destroy()
  }
}

function decodeAnswer(bytes: Uint8Array, peer: string): ReturnType<typeof decodePairingAnswer> {
  try {
    return decodePairingAnswer(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw error instanceof VaultError ? lie(peer, error.message) : error
  }
}

function expired(expirySec: number, nowSec: number): VaultError {
  const moment = (sec: number): string => new Date(sec * 1000).toISOString().slice(0, 19).replace('T', ' ')
  return new VaultError('denied', `the invitation held until ${moment(expirySec)} UTC, and by this machine's clock it is ${moment(nowSec)}`, { next: "let 'vaultfs node invite' make a new one, or set the clock" })
}

function refused(peer: string, cause: unknown): VaultError {
  return new VaultError('denied', `node ${peer}: it hung up: the invitation was used, or it ended`, { subject: peer, next: "let 'vaultfs node invite' make a new one", cause })
}
