// Stands between a daemon and its node and counts what goes by: everything that TCP carries for them, handshakes, records of
// TLS and heads of HTTP included.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface Carried {
  /** Towards the node. */
  readonly up: number
  readonly down: number
  readonly connections: number
}

export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Where the node listens. */
  port = 0
  #up = 0
  #down = 0
  #connections = 0

  private constructor() {
    this.#server = createServer((near) => { this.#meet(near) })
  }

  static async open(): Promise<Relay> {
    const relay = new Relay()
    await new Promise<void>((resolve) => { relay.#server.listen(0, '127.0.0.1', resolve) })
    return relay
  }

  /** `host:port`, for the daemon. */
  get place(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get carried(): Carried {
    return { up: this.#up, down: this.#down, connections: this.#connections }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #meet(near: Socket): void {
    this.#connections++
    const far = connect(this.port, '127.0.0.1')
    for (const [one, other] of [[near, far], [far, near]] as const) {
      this.#sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => { other.destroy() })
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    near.on('data', (piece: Buffer) => { this.#up += piece.byteLength })
    far.on('data', (piece: Buffer) => { this.#down += piece.byteLength })
    near.pipe(far)
    far.pipe(near)
  }
}
