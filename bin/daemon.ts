// The daemon's program, started by `vaultfs mount` only: reads its request and passphrase from one descriptor, says on
// another when the mount is usable. Works from / with a closed umask, so that it holds no folder and leaves nothing
// readable. A fault nobody foresaw ends it at once: the log is the truth, and the supervisor takes the mount away.

import { closeSync, readFileSync, writeSync } from 'node:fs'
import { errorMessageOf } from '../lib/control/messages.js'
import type { Succession } from '../mount/handover.js'
import { hardenProcess } from '../native-deps/secure.js'
import { DaemonLog, daemonLogPath } from './daemon-log.js'
import { runDaemon, type Predecessor } from './daemon-life.js'
import { answerFd, decodeRequest, encodeFailure, encodeReady, encodeRequest, requestFd, type DaemonRequest } from './daemon-request.js'
import { exitCodeOf, exitCodes } from './exit-codes.js'
import { runtimeFiles } from './runtime-folder.js'
import { environmentOfHeirs } from './settings.js'
import { leaveThreadsTheirLimits } from './thrift.js'
import { createVaultService, loadMounting } from './wiring.js'

process.chdir('/')
process.umask(0o077)

/** To whoever started us, once; it may be gone already. */
function answer(line: string): void {
  try {
    writeSync(answerFd, line)
    closeSync(answerFd)
  } catch {
    // Answered before, or nobody listens.
  }
}

async function main(): Promise<number> {
  const hardened = hardenProcess()
  leaveThreadsTheirLimits()
  const predecessor = predecessorFrom(process.argv.slice(3))
  // It is started before it is known whether it is needed, or with which passphrase. What does not load is told later.
  await loadMounting().catch(() => undefined)
  const asked = readFileSync(requestFd)
  if (predecessor === undefined && asked.byteLength === 0) return 0
  const { request, unlock } = decodeRequest(asked)
  closeSync(requestFd)
  // For people who look at ps.
  process.title = `vaultfs mount ${request.mountPoint}`
  const log = new DaemonLog({ path: daemonLogPath(request.store), level: request.settings.logLevel })
  if (!hardened) log.log('warn', 'the kernel did not agree to keep core dumps off')
  process.on('SIGHUP', () => {
    log.reopen()
  })
  const fatal = (error: unknown): void => {
    log.log('error', 'unforeseen fault', { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    answer(encodeFailure(errorMessageOf(error)))
    process.exit(exitCodes['broken-invariant'])
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  try {
    await runDaemon({
      ...(request.settings.afterCrash === 'detach' || predecessor !== undefined ? {} : { succession: successionOf(request) }),
      ...(predecessor === undefined ? {} : { predecessor }),
      request, unlock, service: createVaultService(), logger: log,
      ready: (ready) => {
        log.open()
        answer(encodeReady(ready))
      },
    })
    return 0
  } catch (error) {
    log.log('error', 'the daemon failed', { reason: error instanceof Error ? error.message : String(error) })
    answer(encodeFailure(errorMessageOf(error)))
    return exitCodeOf(error)
  } finally {
    if (unlock.kind === 'passphrase') unlock.passphrase.fill(0)
    if (unlock.kind === 'master') unlock.master.fill(0)
  }
}

/** Another process of this program, as this one was started; the supervisor adds how it is to go on, and why. */
function successionOf(request: DaemonRequest): (master: Uint8Array, place: string) => Succession {
  return (master, place) => ({
    resumes: request.settings.afterCrash === 'resume',
    heir: (connection) => ({
      program: process.execPath, args: [...process.execArgv, import.meta.filename, request.mountPoint], environment: environmentOfHeirs(),
      output: runtimeFiles(request.settings, request.store).output,
      request: encodeRequest({ ...request, connection: connection ?? null, place }, { kind: 'master', master }),
    }),
  })
}

/** What the supervisor said; undefined: `vaultfs mount` started this one. */
function predecessorFrom([how, end]: readonly string[]): Predecessor | undefined {
  if (how !== 'resume' && how !== 'remount') return undefined
  return { how, end: end === 'hung' ? 'hung' : 'died' }
}

process.exit(await main())
