// The daemon's end of the control socket. Who may speak is decided by the file system: the socket is 0600 in a folder
// of 0700 (Node cannot ask a peer's uid). Requests of one connection run concurrently; each is answered once.

import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import type { DaemonPort } from './daemon-port.js'
import { onLines } from './lines.js'
import { decodeRequest, encodeLine, errorMessageOf, type ControlAnswer, type ControlRequest } from './messages.js'

export class ControlServer {
  readonly path: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #answering = new Set<Promise<void>>()

  private constructor(path: string, server: Server) {
    this.path = path
    this.#server = server
  }

  /** Listens at `path`; a socket left there by a dead daemon is replaced (the store's lock says that it is dead). */
  static async open(options: { readonly path: string; readonly port: DaemonPort; readonly logger: Logger }): Promise<ControlServer> {
    const { path, port, logger } = options
    assertPrivate(dirname(path))
    rmSync(path, { force: true })
    const server = createServer()
    const control = new ControlServer(path, server)
    server.maxConnections = limits.controlConnectionsMax
    server.on('connection', (socket) => {
      control.#serve(socket, port, logger)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(fromErrno(error, path))
      })
      server.listen(path, resolve)
    })
    chmodSync(path, 0o600)
    server.on('error', (error) => {
      logger.log('error', 'control socket failed', { reason: error.message })
    })
    return control
  }

  /** Takes no more requests, answers those it has, and removes the socket. May be called twice. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
    while (this.#answering.size > 0) await Promise.all(this.#answering)
    for (const socket of this.#sockets) socket.destroySoon()
    await closed
  }

  #serve(socket: Socket, port: DaemonPort, logger: Logger): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', (error) => {
      logger.log('debug', 'control connection failed', { reason: error.message })
    })
    const send = (answer: ControlAnswer): void => {
      if (socket.writable) socket.write(encodeLine(answer))
    }
    onLines(socket, {
      bytesMax: limits.controlLineBytesMax,
      tooLong: () => socket.destroy(),
      line: (text) => {
        if (!this.#server.listening) return
        const answered = answerLine(text, port, send).finally(() => this.#answering.delete(answered))
        this.#answering.add(answered)
      },
    })
  }
}

/** Never rejects. */
async function answerLine(text: string, port: DaemonPort, send: (answer: ControlAnswer) => void): Promise<void> {
  let id = 0
  try {
    const request = decodeRequest(text)
    id = request.id
    const result = await perform(request, port, (answer) => {
      send(answer)
    })
    send({ id, result: result ?? null })
  } catch (error) {
    send({ id, error: errorMessageOf(error) })
  }
}

function perform({ id, verb, args }: ControlRequest, port: DaemonPort, send: (answer: ControlAnswer) => void): Promise<unknown> {
  switch (verb) {
    case 'ping':
      return Promise.resolve('pong')
    case 'status':
      return port.status()
    case 'sync':
      return port.sync((progress) => {
        send({ id, progress })
      })
    case 'unmount':
      return port.unmount({ lazy: args['lazy'] === true }, (progress) => {
        send({ id, progress })
      })
  }
}

function assertPrivate(folder: string): void {
  const { mode, uid } = lstatSync(folder)
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.())
    throw new VaultError('denied', `${folder} is not private`, {
      subject: folder,
      next: `chmod 700 ${folder}, or set XDG_RUNTIME_DIR to a folder of your own`,
    })
}
