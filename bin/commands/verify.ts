// `vaultfs verify`: reads everything that a vault has, mounted or not, and tells what is damaged, with each path and
// version that it touches. With --repair blobs are put back from other stores of the vault.

import { resolve } from 'node:path'
import type { VerifyEvent } from '../../lib/control/verify-port.js'
import { VaultError } from '../../lib/terms/errors.js'
import type { RepairOutcome } from '../../lib/vault-repair.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from '../../lib/vault-verify-report.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { readUnlock, type SecretOptions } from '../secrets.js'
import { StoreLock } from '../store-lock.js'
import { chosenMountPoint } from '../vault-path.js'
import { findingJson, findingLines, repairedText, summaryText } from '../verify-text.js'
import { WorkProgressLine } from '../work-progress.js'

const phases: Readonly<Record<VerifyProgress['phase'], string>> = {
  log: 'reading the log', databases: 'checking the databases', manifest: 'reading the manifest', history: 'comparing the past', state: 'making the state anew',
  contents: 'looking for blobs', catalog: 'comparing the catalog', blobs: 'reading blobs', versions: 'looking for what needs the damaged ones',
}

export const verifyCommand = (context: Context) =>
  verb({
    command: 'verify [mountpoint]',
    describe: 'Read everything, and tell what is damaged, or repair it',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption,
        repair: { type: 'boolean', default: false, describe: 'Put damaged blobs back from copies; the vault must not be mounted' },
        from: { type: 'string', array: true, requiresArg: true, describe: 'A copy of the store, or another device\'s store of the vault, to take whole blobs from' },
      }),
    handler: async (args) => {
      if (args.repair !== (args.from !== undefined)) throw new VaultError('usage', '--repair and --from belong together', { next: 'give both: --repair --from DIR, a copy of the store' })
      const listener = new Listener(context, args.json)
      const began = performance.now()
      const summary = await verify(context, args, listener.take).finally(() => { listener.end() })
      const seconds = (performance.now() - began) / 1000
      if (args.json) context.out(JSON.stringify({ ...summary, seconds, findings: listener.findings.map(findingJson), ...(listener.repaired === undefined ? {} : { repaired: listener.repaired }) }))
      else {
        for (const step of listener.nextSteps) context.note(step)
        context.out(`${summary.findings === 0 ? 'sound' : 'damaged'}: ${summaryText(summary, seconds)}`)
      }
      if (summary.findings > 0) {
        const next = (listener.repaired?.repaired ?? 0) === 0 ? 'nothing was repaired; do what is said above' : 'this is left; do what is said above'
        throw new VaultError('corrupt', `the vault is damaged: ${count(summary.findings, 'finding')}`, { next })
      }
    },
  })

interface Arguments extends SecretOptions {
  readonly mountpoint: string | undefined
  readonly store: string | undefined
  readonly repair: boolean
  readonly from: string[] | undefined
}

/** By the daemon when it is mounted, else here. */
async function verify(context: Context, args: Arguments, take: (events: readonly VerifyEvent[]) => void): Promise<VerifySummary> {
  const place = args.mountpoint === undefined && args.store === undefined ? undefined : placeOf(context, args)
  const mountPoint = place === undefined ? chosenMountPoint(context, args) : mountPointOf(context, place.store)
  if (mountPoint !== undefined) {
    if (args.repair) throw new VaultError('locked', `${mountPoint} is mounted: what is in use is not repaired`, { subject: mountPoint, next: "'vaultfs unmount' it first" })
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
    return await context.service.verify({ store, unlock, logger, signal: broken.signal, ...(args.from === undefined ? {} : { repairFrom: args.from.map((path) => resolve(path)) }) }, take)
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
  /** What was done about what was found before. */
  repaired: RepairOutcome | undefined
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
      else if ('repairing' in event) this.#progress.report({ phase: 'putting blobs back', ...event.repairing, unit: 'items' })
      else if ('repaired' in event) this.#noteRepaired(event.repaired)
      else this.#found(event.finding)
    }
  }

  end(): void {
    this.#progress.end()
  }

  /** What is found is found anew, when there was something to mend with. */
  #noteRepaired(outcome: RepairOutcome): void {
    this.#progress.end()
    this.repaired = outcome
    if (!this.#json) this.#context.out(repairedText(outcome))
    if (outcome.repaired === 0) return
    this.findings.length = 0
    this.nextSteps.clear()
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
