// A node of a few lines, for what a real one never says: it answers blobs, lists and pairings as the protocol has it, and
// a test puts a lie of its own in the place of any answer, down to the bytes of the socket.
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { KnownPeer } from '../../../lib/format/peer-list.js'
import { concatBytes, hex, type BlobId, type Sealed, type VaultId } from '../../../lib/terms/bytes.js'
import { decodeFrames, decodeIds, encodeFrames } from '../../../lib/wire/blob-frames.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { encodeInvitation, exporterBytes, exporterLabel, invitationId, isPairingProof, pairingProof } from '../../../lib/wire/invitation.js'
import { decodePairingRequest, encodePairingAnswer } from '../../../lib/wire/pairing-messages.js'
import { pinOf, pinOfSpki } from '../../../lib/wire/pin.js'
import { encodeHeadList, encodeInventoryPage } from '../../../lib/wire/signed-lists.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'

/** In the place of an answer; false: none of its business. */
export type Lie = (request: IncomingMessage, response: ServerResponse, body: Uint8Array) => boolean

export interface SmallNodeOptions {
  readonly seed: number
  readonly vaultId: VaultId
  /** Who may come in; undefined: everybody. */
  readonly knows?: Uint8Array
  readonly lie?: Lie
  readonly onConnection?: (socket: TLSSocket) => void
}

export class SmallNode {
  readonly blobs = new Map<string, Uint8Array>()
  readonly requests: string[] = []
  readonly tls: ReturnType<typeof signKeyPair>
  readonly signing: ReturnType<typeof signKeyPair>
  lie: Lie | undefined
  pairings = 0
  readonly #options: SmallNodeOptions
  readonly #server: Server
  readonly #sockets = new Set<TLSSocket>()
  readonly #secret: Uint8Array

  private constructor(options: SmallNodeOptions, server: Server) {
    this.#options = options
    this.#server = server
    this.lie = options.lie
    this.tls = signKeyPair(randomBytes(options.seed, 32))
    this.signing = signKeyPair(randomBytes(options.seed + 1, 32))
    this.#secret = randomBytes(options.seed + 2, 16)
  }

  static async start(options: SmallNodeOptions): Promise<SmallNode> {
    const { key, cert } = await tlsIdentity(signKeyPair(randomBytes(options.seed, 32)).secretKey)
    const server = createServer({ key, cert, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    const node = new SmallNode(options, server)
    server.on('secureConnection', (socket: TLSSocket) => {
      node.#sockets.add(socket)
      socket.on('close', () => node.#sockets.delete(socket)).on('error', () => undefined)
      options.onConnection?.(socket)
      const { knows } = options
      if (knows !== undefined && Buffer.compare(pinOfClient(socket), knows) !== 0) socket.destroy()
    })
    server.on('request', (request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('error', () => undefined)
      request.on('end', () => { node.#answer(request, response, new Uint8Array(Buffer.concat(parts))) })
    })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    return node
  }

  get place(): string {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : ''
  }

  get pin(): Uint8Array {
    return pinOf(this.tls.publicKey)
  }

  known(changes: Partial<KnownPeer> = {}): KnownPeer {
    return { peerId: randomBytes(9, 8), name: 'attic', pin: this.pin, signing: this.signing.publicKey, places: [this.place], addedSec: 0, ...changes }
  }

  invitation(expirySec: number, changes: { readonly secret?: Uint8Array; readonly pin?: Uint8Array; readonly places?: readonly string[] } = {}): string {
    return encodeInvitation({ expirySec, secret: this.#secret, pin: this.pin, places: [this.place], ...changes })
  }

  put(bytes: Uint8Array): { readonly blobId: BlobId; readonly sealed: Sealed } {
    const blobId = new Uint8Array(createHash('sha256').update(bytes).digest()) as Uint8Array as BlobId
    this.blobs.set(hex(blobId), bytes)
    return { blobId, sealed: bytes as Sealed }
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => { this.#server.close(() => { resolve() }) })
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Uint8Array): void {
    const url = new URL(request.url ?? '', 'https://node')
    this.requests.push(`${request.method ?? ''} ${url.pathname}`)
    if (this.lie?.(request, response, body) === true) return
    const { vaultId } = this.#options
    switch (url.pathname) {
      case '/v1/blobs/has':
        response.end(Uint8Array.from(decodeIds(body, 4096), (id) => (this.blobs.has(hex(id)) ? 1 : 0)))
        return
      case '/v1/blobs/put':
        response.end(Uint8Array.from(decodeFrames(body, 10_000), ({ blobId, sealed }) => {
          const isNew = !this.blobs.has(hex(blobId))
          this.blobs.set(hex(blobId), sealed.slice())
          return isNew ? 1 : 0
        }))
        return
      case '/v1/blobs/get':
        // Two at a time: whoever asks has to ask again.
        response.end(concatBytes(...encodeFrames(decodeIds(body, 256).slice(0, 2).map((blobId) => ({ blobId, sealed: (this.blobs.get(hex(blobId)) ?? new Uint8Array(0)) as Sealed })))))
        return
      case '/v1/inventory':
        response.end(encodeInventoryPage({ vaultId, sec: 1, after: new Uint8Array(32), isLast: true, blobs: this.sorted() }, this.signing.secretKey))
        return
      case '/v1/heads':
        response.end(encodeHeadList({ vaultId, sec: 1, heads: [] }, this.signing.secretKey))
        return
      case '/v1/health':
        response.end(JSON.stringify({ node: 'small', version: '1', blobs: this.blobs.size, bytes: 0, quota: null, time: 1000, signing: hex(this.signing.publicKey) }))
        return
      case '/v1/pair':
        this.#pair(request.socket as TLSSocket, response, body)
        return
      default:
        response.statusCode = 404
        response.end(JSON.stringify({ code: 'not-found', message: 'it is not here' }))
    }
  }

  sorted(): { readonly blobId: BlobId; readonly length: number }[] {
    return [...this.blobs].sort(([one], [other]) => (one < other ? -1 : 1)).map(([id, bytes]) => ({ blobId: new Uint8Array(Buffer.from(id, 'hex')) as Uint8Array as BlobId, length: bytes.byteLength }))
  }

  #pair(socket: TLSSocket, response: ServerResponse, body: Uint8Array): void {
    const scene = {
      secret: this.#secret, clientPin: pinOfClient(socket), nodePin: this.pin, exporter: socket.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0)),
    }
    const request = decodePairingRequest(Buffer.from(body).toString('utf8'))
    const isGood = Buffer.compare(request.invitationId, invitationId(this.#secret)) === 0 && isPairingProof(request.proof, 'client', scene)
    if (!isGood || this.pairings > 0) {
      response.statusCode = 401
      response.end(JSON.stringify({ code: 'denied', message: 'the invitation is not known, or was used', next: 'ask for a new one' }))
      return
    }
    this.pairings += 1
    response.end(encodePairingAnswer({ proof: pairingProof('node', scene), signing: this.signing.publicKey, name: 'small' }))
  }
}

function pinOfClient(socket: TLSSocket): Uint8Array {
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? new Uint8Array(32) : pinOfSpki(certificate.publicKey.export({ type: 'spki', format: 'der' }))
}
