// The daemon's end of the control socket. Who may speak is decided by the file system: the socket is 0600 in a folder
// of 0700 (Node cannot ask a peer's uid). Requests of one connection run concurrently; each is answered once.

import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import type { DaemonPort } from './daemon-port.js'
import type { OnProgress } from './progress.js'
import { onLines } from './lines.js'
import { decodeRequest, encodeItems, encodeLine, errorMessageOf, type ControlAnswer, type ControlRequest } from './messages.js'
import { performPast } from './past-requests.js'
import { performPeers } from './peer-requests.js'

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
    const sender: Sender = {
      send: (answer) => {
        if (socket.writable) socket.write(encodeLine(answer))
      },
      sendItems: async (id, items) => {
        for (const line of encodeItems(id, items)) {
          if (!socket.writable) throw new VaultError('cancelled', 'whoever asked is gone')
          // A long answer goes at the pace of whoever reads it.
          if (!socket.write(line)) await drained(socket)
        }
      },
    }
    onLines(socket, {
      bytesMax: limits.controlLineBytesMax,
      tooLong: () => socket.destroy(),
      line: (text) => {
        if (!this.#server.listening) return
        const answered = answerLine(text, port, sender).finally(() => this.#answering.delete(answered))
        this.#answering.add(answered)
      },
    })
  }
}

interface Sender {
  send(answer: ControlAnswer): void
  /** Parts of a long answer; resolves when the next may be made, rejects when nobody listens any more. */
  sendItems(id: number, items: readonly unknown[]): Promise<void>
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle)
      socket.off('close', settle)
      resolve()
    }
    socket.on('drain', settle)
    socket.on('close', settle)
  })
}

/** Never rejects. */
async function answerLine(text: string, port: DaemonPort, sender: Sender): Promise<void> {
  let id = 0
  try {
    const request = decodeRequest(text)
    id = request.id
    const result = await perform(request, port, sender)
    sender.send({ id, result: result ?? null })
  } catch (error) {
    sender.send({ id, error: errorMessageOf(error) })
  }
}

function perform({ id, verb, args }: ControlRequest, port: DaemonPort, { send, sendItems }: Sender): Promise<unknown> {
  const onProgress: OnProgress = (progress) => {
    send({ id, progress })
  }
  switch (verb) {
    case 'ping':
      return Promise.resolve('pong')
    case 'status':
      return port.status()
    case 'sync':
      return port.sync(onProgress, typeof args['stallMs'] === 'number' ? { stallMs: args['stallMs'] } : undefined)
    case 'trust':
      return port.trust(String(args['name']))
    case 'unmount':
      return port.unmount({ lazy: args['lazy'] === true }, onProgress)
    case 'verify':
      return port.verify((items) => sendItems(id, items))
    default:
      return performPeers({ verb, args }, port.peers) ?? performPast({ verb, args }, port.past, { onProgress, onItems: (items) => sendItems(id, items) })
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
