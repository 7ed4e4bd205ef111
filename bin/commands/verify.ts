// `vaultfs verify`: reads everything that a vault has, mounted or not, and tells what is damaged, with each path and
// version that it touches. Nothing is repaired.

import type { VerifyEvent } from '../../lib/control/verify-port.js'
import { VaultError } from '../../lib/terms/errors.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from '../../lib/vault-verify-report.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { readUnlock, type SecretOptions } from '../secrets.js'
import { StoreLock } from '../store-lock.js'
import { chosenMountPoint } from '../vault-path.js'
import { findingJson, findingLines, summaryText } from '../verify-text.js'
import { WorkProgressLine } from '../work-progress.js'

const phases: Readonly<Record<VerifyProgress['phase'], string>> = {
  log: 'reading the log', databases: 'checking the databases', manifest: 'reading the manifest', history: 'comparing the past', state: 'making the state anew',
  contents: 'looking for blobs', catalog: 'comparing the catalog', blobs: 'reading blobs', versions: 'looking for what needs the damaged ones',
}

export const verifyCommand = (context: Context) =>
  verb({
    command: 'verify [mountpoint]',
    describe: 'Read everything, and tell what is damaged',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption }),
    handler: async (args) => {
      const listener = new Listener(context, args.json)
      const began = performance.now()
      const summary = await verify(context, args, listener.take).finally(() => { listener.end() })
      const seconds = (performance.now() - began) / 1000
      if (args.json) context.out(JSON.stringify({ ...summary, seconds, findings: listener.findings.map(findingJson) }))
      else {
        for (const step of listener.nextSteps) context.note(step)
        context.out(`${summary.findings === 0 ? 'sound' : 'damaged'}: ${summaryText(summary, seconds)}`)
      }
      if (summary.findings > 0) {
        throw new VaultError('corrupt', `the vault is damaged: ${count(summary.findings, 'finding')}`, { next: 'nothing was repaired; do what is said above' })
      }
    },
  })

interface Arguments extends SecretOptions {
  readonly mountpoint: string | undefined
  readonly store: string | undefined
}

/** By the daemon when it is mounted, else here. */
async function verify(context: Context, args: Arguments, take: (events: readonly VerifyEvent[]) => void): Promise<VerifySummary> {
  const place = args.mountpoint === undefined && args.store === undefined ? undefined : placeOf(context, args)
  const mountPoint = place === undefined ? chosenMountPoint(context, args) : mountPointOf(context, place.store)
  if (mountPoint !== undefined) {
    const client = await connectTo(context, mountPoint)
    try {
      return await client.verify(take)
    } finally {
      client.close()
    }
  }
  const { store, name } = placeOf(context, args)
  requireVault(context, store)
  const lock = await StoreLock.take(store, () => false)
  const broken = new AbortController()
  const end = (): void => { broken.abort(new VaultError('cancelled', 'verifying was broken off', { next: 'begin again when you like' })) }
  try {
    const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
    process.once('SIGINT', end).once('SIGTERM', end)
    const logger = { log: (level: string, message: string): void => { if (level === 'error') context.note(message) } }
    return await context.service.verify({ store, unlock, logger, signal: broken.signal }, take)
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    lock.release()
  }
}

/** Of a daemon that is registered there, dead or alive. */
function mountPointOf(context: Context, store: string): string | undefined {
  const known = context.registry.ofStore(store)
  return known?.socket === undefined ? undefined : known.mountPoint
}

/** Tells findings as they come, or keeps them for the one object. */
class Listener {
  readonly findings: VerifyFinding[] = []
  readonly nextSteps = new Set<string>()
  readonly #context: Context
  readonly #json: boolean
  readonly #progress = new WorkProgressLine(process.stderr)

  constructor(context: Context, json: boolean) {
    this.#context = context
    this.#json = json
  }

  readonly take = (events: readonly VerifyEvent[]): void => {
    for (const event of events) {
      if ('progress' in event) this.#report(event.progress)
      else this.#found(event.finding)
    }
  }

  end(): void {
    this.#progress.end()
  }

  #report({ phase, done, total }: VerifyProgress): void {
    this.#progress.report({ phase: phases[phase], done, total, unit: phase === 'blobs' || phase === 'manifest' || phase === 'log' ? 'bytes' : 'items' })
  }

  #found(finding: VerifyFinding): void {
    this.#progress.end()
    this.nextSteps.add(finding.next)
    if (this.#json) this.findings.push(finding)
    else for (const line of findingLines(finding)) this.#context.out(line)
  }
}
