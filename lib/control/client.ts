// A command's end of the control socket. A daemon that is gone is 'not-mounted', never a bare ECONNREFUSED, and one that
// dies in the middle of a request fails it at once.

import { createConnection, type Socket } from 'node:net'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { VerifySummary } from '../vault-verify-report.js'
import type { DaemonPort, Standing, StatusReport, SyncOutcome } from './daemon-port.js'
import type { OnProgress } from './progress.js'
import { onLines } from './lines.js'
import { decodeAnswer, encodeLine, errorOf, isRecord, type ControlAnswer, type ControlVerb } from './messages.js'
import { PastClient } from './past-client.js'
import type { OnItems, PastPort } from './past-port.js'
import { PeersClient } from './peer-client.js'
import type { PeersPort } from './peer-port.js'
import type { VerifyEvent } from './verify-port.js'

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly onProgress: OnProgress
  readonly onItems: (items: readonly unknown[]) => void
}

export class ControlClient implements DaemonPort {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #closed: Promise<void>
  #lastId = 0
  readonly past: PastPort = new PastClient((request) => this.#ask(request.verb, request.args, request.onProgress, request.onItems))
  readonly peers: PeersPort = new PeersClient((verb, args) => this.#ask(verb, args, () => undefined))

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#failAll(goneError())
        resolve()
      })
    })
    socket.on('error', () => undefined)
    onLines(socket, {
      bytesMax: limits.controlLineBytesMax,
      tooLong: () => socket.destroy(),
      line: (text) => {
        this.#answered(text)
      },
    })
  }

  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path)
      const failed = (error: NodeJS.ErrnoException): void => {
        const gone = error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
        reject(gone ? goneError() : fromErrno(error, path))
      }
      socket.once('error', failed)
      socket.once('connect', () => {
        socket.off('error', failed)
        resolve(new ControlClient(socket))
      })
    })
  }

  async ping(): Promise<void> {
    await this.#ask('ping', {}, () => undefined)
  }

  async status(): Promise<StatusReport> {
    const report = await this.#ask('status', {}, () => undefined)
    if (!isStatusReport(report)) throw new VaultError('invalid', 'the daemon sent a status that is not of this version')
    return report
  }

  async sync(onProgress: OnProgress, wish?: { readonly stallMs: number }): Promise<SyncOutcome> {
    const outcome = await this.#ask('sync', { ...wish }, onProgress)
    if (!isRecord(outcome) || !isRecord(outcome['onlyHere'])) throw new VaultError('invalid', 'the daemon sent an answer that is not of this version')
    return outcome as unknown as SyncOutcome
  }

  async trust(name: string): Promise<void> {
    await this.#ask('trust', { name }, () => undefined)
  }

  async verify(onEvents: OnItems<VerifyEvent>): Promise<VerifySummary> {
    const summary = await this.#ask('verify', {}, () => undefined, (items) => void onEvents(items as readonly VerifyEvent[]))
    if (!isRecord(summary) || typeof summary['findings'] !== 'number') throw new VaultError('invalid', 'the daemon sent a summary that is not of this version')
    return summary as unknown as VerifySummary
  }

  async unmount(options: { readonly lazy: boolean }, onProgress: OnProgress): Promise<Standing | null> {
    const standing = await this.#ask('unmount', { lazy: options.lazy }, onProgress)
    return isRecord(standing) && Array.isArray(standing['peers']) ? standing as unknown as Standing : null
  }

  /** Resolves when the daemon closed its end: it does so last of all. */
  get closed(): Promise<void> {
    return this.#closed
  }

  close(): void {
    this.#socket.end()
    this.#socket.unref()
  }

  #ask(
    verb: ControlVerb, args: Readonly<Record<string, unknown>>, onProgress: OnProgress, onItems: Pending['onItems'] = () => undefined,
  ): Promise<unknown> {
    if (!this.#socket.writable) return Promise.reject(goneError())
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress, onItems })
      this.#socket.write(encodeLine({ id, verb, args }))
    })
  }

  #answered(text: string): void {
    let answer: ControlAnswer
    try {
      answer = decodeAnswer(text)
    } catch (error) {
      this.#failAll(error instanceof Error ? error : goneError())
      return
    }
    const pending = this.#pending.get(answer.id)
    if (pending === undefined) return
    if ('progress' in answer) {
      pending.onProgress(answer.progress)
      return
    }
    if ('items' in answer) {
      pending.onItems(answer.items)
      return
    }
    this.#pending.delete(answer.id)
    if ('error' in answer) pending.reject(errorOf(answer.error))
    else pending.resolve(answer.result)
  }

  #failAll(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error)
    this.#pending.clear()
  }
}

function goneError(): VaultError {
  return new VaultError('not-mounted', 'the daemon of this vault is gone', {
    next: "'vaultfs unmount' cleans up what it left, 'vaultfs mount' brings the vault back",
  })
}

/** The daemon is our own, of the same version as a rule: its main fields are looked at, not every one. */
function isStatusReport(value: unknown): value is StatusReport {
  return isRecord(value) && typeof value['pid'] === 'number' && typeof value['store'] === 'string' && isRecord(value['dirty']) && Array.isArray(value['warnings'])
}
