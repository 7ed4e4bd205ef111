// Starts the daemon in the background and waits until its mount is usable, or until it says why not. It is begun before the
// passphrase is known, so that it has loaded its code by then. The passphrase goes over a pipe; what the program says beside its log (Node, when it dies) goes to a file in the runtime folder. Ctrl-C
// while waiting takes the half-made mount back.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { errorOf } from '../lib/control/messages.js'
import { answerFd, decodeDaemonAnswer, encodeRequest, requestFd, type DaemonRequest, type MountReady } from './daemon-request.js'
import { runtimeFiles } from './runtime-folder.js'
import { thriftFlags } from './thrift-flags.js'
import type { Unlock } from './secrets.js'

export class StartingDaemon {
  readonly #child: ChildProcess
  readonly #output: string

  constructor({ settings, store, mountPoint }: Pick<DaemonRequest, 'settings' | 'store' | 'mountPoint'>) {
    this.#output = runtimeFiles(settings, store).output
    this.#child = spawnDaemon(mountPoint, this.#output)
    // An error of the program's start is told when the request is handed over.
    this.#child.on('error', () => undefined)
  }

  /** Once: the daemon works for us from here on. */
  async finish(request: DaemonRequest, unlock: Unlock): Promise<MountReady> {
    const cancel = (): void => {
      this.#child.kill('SIGTERM')
    }
    process.once('SIGINT', cancel)
    process.once('SIGTERM', cancel)
    try {
      const line = await firstLine(this.#child, encodeRequest(request, unlock))
      if (line === undefined)
        throw new VaultError('io', 'the daemon ended before its mount was usable', { next: `what it said is in ${this.#output}` })
      const answer = decodeDaemonAnswer(line)
      if ('code' in answer) throw errorOf(answer)
      return answer
    } finally {
      process.off('SIGINT', cancel)
      process.off('SIGTERM', cancel)
      this.release()
    }
  }

  /** One that was asked for nothing yet ends by itself. Idempotent. */
  release(): void {
    for (const stream of this.#child.stdio) stream?.destroy()
    this.#child.unref()
  }
}

function spawnDaemon(mountPoint: string, outputPath: string): ChildProcess {
  const output = openSync(outputPath, 'w', 0o600)
  try {
    // The mount point is there for people who look at ps, and the name of the program so that it is found there.
    const flags = [...process.execArgv, ...thriftFlags.filter((flag) => !process.execArgv.includes(flag))]
    return spawn(process.execPath, [...flags, join(import.meta.dirname, 'daemon.js'), mountPoint], {
      stdio: ['ignore', output, output, 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
    })
  } finally {
    closeSync(output)
  }
}

/** Hands over the request; undefined when the daemon ends without a word. */
function firstLine(child: ChildProcess, request: Buffer): Promise<string | undefined> {
  const input = child.stdio[requestFd] as Writable
  const output = child.stdio[answerFd] as Readable
  // A daemon that dies early breaks the pipe; that shows as its missing answer.
  input.on('error', () => undefined)
  input.end(request, () => request.fill(0))
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('error', (error) => {
      reject(fromErrno(error, process.execPath))
    })
    output.setEncoding('utf8')
    output.on('data', (piece: string) => {
      text += piece
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    output.on('end', () => {
      resolve(undefined)
    })
  })
}
