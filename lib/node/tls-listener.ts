// The door: TLS 1.3, both sides with a certificate, and nobody comes further than the handshake whose key is not known.
// HTTP sees a socket only after that. PROTOCOL §1. Node's own check of certificates is off: ours is the key's hash.
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { hex } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import type { TlsIdentity } from '../wire/certificate.js'
import { pinOfSpki } from '../wire/pin.js'
import { nodeLimits } from './node-limits.js'

export interface Door {
  /** Whether a key is known. */
  isKnown(pin: Uint8Array): boolean
  /** What others have changed of that meanwhile. */
  refresh(): Promise<void>
  /** Whether a stranger may come in for one request. */
  readonly isOpenToStrangers: boolean
}

export interface TlsListenerOptions {
  readonly identity: TlsIdentity
  readonly door: Door
  readonly known: HttpServer
  readonly strangers: HttpServer
  readonly logger: Logger
}

export interface ListenerCounts {
  accepted: number
  refused: number
  open: number
}

/** SSL_OP_NO_TICKET of OpenSSL. What it hands out instead leads to a cache that there is none of: nothing is resumed. */
const noTickets = 1 << 14

export class TlsListener {
  readonly counts: ListenerCounts = { accepted: 0, refused: 0, open: 0 }
  readonly #options: TlsListenerOptions
  readonly #server: Server
  /** Of known keys: the pin in hexadecimal, and their sockets. */
  readonly #sockets = new Map<string, Set<TLSSocket>>()
  readonly #pins = new WeakMap<object, Uint8Array>()
  readonly #strangers = new Set<TLSSocket>()
  readonly #handshakes = new Set<Socket>()

  constructor(options: TlsListenerOptions) {
    this.#options = options
    const { key, cert } = options.identity
    this.#server = createServer({
      key, cert, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false,
      handshakeTimeout: nodeLimits.handshakeMs, secureOptions: noTickets, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000,
    })
    this.#server.maxConnections = nodeLimits.connectionsMax
    this.#server.on('connection', (socket: Socket) => { this.#greet(socket) })
    this.#server.on('secureConnection', (socket) => { void this.#meet(socket) })
    // Who breaks off a handshake is nobody's business.
    this.#server.on('tlsClientError', () => undefined)
  }

  /** Rejects what listen(2) says. Answers the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        const { code, message } = fromErrno(error, `${host}:${port}`)
        reject(new VaultError(code, message, { subject: `${host}:${port}`, next: 'choose another --listen', cause: error }))
      })
      this.#server.listen(port, host, () => { resolve((this.#server.address() as AddressInfo).port) })
    })
  }

  /** Of a socket that HTTP has. */
  pinOf(socket: object): Uint8Array | undefined {
    return this.#pins.get(socket)
  }

  /** Ends at once the sockets of keys that are not known any more. */
  dropStrangers(): void {
    for (const sockets of this.#sockets.values()) {
      for (const socket of sockets) {
        const pin = this.#pins.get(socket)
        if (pin === undefined || !this.#options.door.isKnown(pin)) socket.destroy()
      }
    }
  }

  /** No new ones. */
  stopListening(): void {
    this.#server.close()
  }

  destroyAll(): void {
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy()
    for (const socket of [...this.#strangers, ...this.#handshakes]) socket.destroy()
  }

  #greet(socket: Socket): void {
    socket.on('error', () => undefined)
    const ofAddress = [...this.#handshakes].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress).length
    if (this.#handshakes.size >= nodeLimits.handshakesMax || ofAddress >= nodeLimits.handshakesPerAddressMax) {
      this.counts.refused++
      socket.destroy()
      return
    }
    this.#handshakes.add(socket)
    socket.on('close', () => { this.#handshakes.delete(socket) })
    // Without a listener of its own: until the key is known it counts as one that shakes hands, but not for ever.
    const timer = setTimeout(() => { if (this.#handshakes.has(socket)) socket.destroy() }, 2 * nodeLimits.handshakeMs)
    socket.on('close', () => { clearTimeout(timer) })
  }

  async #meet(socket: TLSSocket): Promise<void> {
    socket.on('error', () => undefined)
    try {
      const pin = socket.isSessionReused() ? undefined : pinOfPeer(socket)
      if (pin === undefined) return this.#refuse(socket, 'it showed no key')
      const { door } = this.#options
      // Somebody may have let it in a moment ago, by a command or another process.
      if (!door.isKnown(pin)) await door.refresh()
      if (socket.destroyed) return
      this.#settle(socket)
      if (door.isKnown(pin)) this.#admit(socket, pin)
      else if (door.isOpenToStrangers && this.#strangers.size < nodeLimits.strangersMax) this.#admitStranger(socket, pin)
      else this.#refuse(socket, 'its key is not known')
    } catch (error) {
      this.#refuse(socket, error instanceof Error ? error.message : String(error))
    }
  }

  /** It shakes hands no more. */
  #settle(socket: TLSSocket): void {
    for (const raw of this.#handshakes) {
      if (raw.remotePort === socket.remotePort && raw.remoteAddress === socket.remoteAddress) this.#handshakes.delete(raw)
    }
  }

  #admit(socket: TLSSocket, pin: Uint8Array): void {
    const name = hex(pin)
    const sockets = this.#sockets.get(name) ?? new Set<TLSSocket>()
    if (sockets.size >= nodeLimits.connectionsPerKeyMax) return this.#refuse(socket, 'its key has too many connections')
    this.#sockets.set(name, sockets.add(socket))
    this.#pins.set(socket, pin)
    this.counts.accepted++
    this.counts.open++
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0 && this.#sockets.get(name) === sockets) this.#sockets.delete(name)
      this.counts.open--
    })
    this.#options.known.emit('connection', socket)
  }

  #admitStranger(socket: TLSSocket, pin: Uint8Array): void {
    this.#pins.set(socket, pin)
    this.#strangers.add(socket)
    const timer = setTimeout(() => { socket.destroy() }, nodeLimits.strangerMs)
    socket.on('close', () => {
      clearTimeout(timer)
      this.#strangers.delete(socket)
    })
    this.#options.strangers.emit('connection', socket)
  }

  #refuse(socket: TLSSocket, reason: string): void {
    this.counts.refused++
    this.#options.logger.log('info', 'a connection was refused', { from: socket.remoteAddress ?? '', reason })
    socket.destroy()
  }
}

function pinOfPeer(socket: TLSSocket): Uint8Array | undefined {
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? undefined : pinOfSpki(certificate.publicKey.export({ type: 'spki', format: 'der' }))
}
