// `vaultfs verify`: reads everything that a vault has, mounted or not, and tells what is damaged, with each path and
// version that it touches. With --repair blobs are put back from other stores of the vault, and from its nodes.

import { resolve } from 'node:path'
import type { VerifyEvent } from '../../lib/control/verify-port.js'
import { VaultError } from '../../lib/terms/errors.js'
import type { NodeNote } from '../../lib/vault-nodes.js'
import type { VerifySummary } from '../../lib/vault-verify-report.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { readUnlock, type SecretOptions } from '../secrets.js'
import { StoreLock } from '../store-lock.js'
import { chosenMountPoint } from '../vault-path.js'
import { VerifyListener } from '../verify-listener.js'
import { findingJson, nodeNoteText, summaryText } from '../verify-text.js'

export const verifyCommand = (context: Context) =>
  verb({
    command: 'verify [mountpoint]',
    describe: 'Read everything, and tell what is damaged, or repair it',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption,
        repair: { type: 'boolean', default: false, describe: "Put damaged and missing blobs back, from the vault's nodes and from copies; it must not be mounted" },
        from: { type: 'string', array: true, requiresArg: true, describe: 'A copy of the store, or another device\'s store of the vault, to take whole blobs from' },
      }),
    handler: async (args) => {
      if (!args.repair && args.from !== undefined) throw new VaultError('usage', '--from says what to repair with', { next: 'give --repair too, or leave it away' })
      const listener = new VerifyListener(context, args.json)
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
    const repair = args.repair ? { repairFrom: (args.from ?? []).map((path) => resolve(path)), onNote: ({ node, message }: NodeNote) => { context.note(nodeNoteText(node, message)) } } : {}
    return await context.service.verify({ store, unlock, logger, signal: broken.signal, ...repair }, take)
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
