// `vaultfs device list|revoke`: the devices of a vault. A laptop that was stolen is shut out of all nodes by the owner's
// word, which takes the recovery kit's words: whoever has the laptop does not have those.

import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import type { DeviceReport } from '../device-request.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { readUnlock } from '../secrets.js'

export const deviceCommand = (context: Context) =>
  verb({
    command: 'device',
    describe: 'The devices of a vault; shut one out that was lost or stolen',
    builder: (options) => options.command(listCommand(context)).command(revokeCommand(context)).demandCommand(1, 'list or revoke?'),
    handler: () => undefined,
  })

const mountpoint = { type: 'string', describe: 'Where the vault is mounted' } as const

const listCommand = (context: Context) =>
  verb({
    command: 'list [mountpoint]',
    describe: 'The devices that this store and its nodes know',
    builder: (options) => options.positional('mountpoint', mountpoint).options({ ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption }),
    handler: async (args) => {
      const { store, name } = placeOf(context, args)
      requireVault(context, store)
      const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
      const devices = await context.service.devices({ store, unlock, logger: loggerTo(context) })
      if (args.json) context.out(JSON.stringify(devices))
      else for (const device of devices) context.out(deviceLine(device))
    },
  })

const revokeCommand = (context: Context) =>
  verb({
    command: 'revoke <device> [mountpoint]',
    describe: 'Shut a device out of all nodes, by the recovery kit',
    builder: (options) =>
      options.positional('device', { type: 'string', demandOption: true, describe: 'Its name, or the beginning of its id' }).positional('mountpoint', mountpoint)
        .options({ ...storeOption, ...recoveryFileOption, ...jsonOption, after: { type: 'number', requiresArg: true, describe: 'The last of its entries that counts (default: all that store and nodes have)' } }),
    handler: async (args) => {
      if (args.after !== undefined && !(Number.isSafeInteger(args.after) && args.after >= 0)) throw new VaultError('usage', '--after takes the number of an entry', { subject: '--after' })
      const { store } = placeOf(context, args)
      requireVault(context, store)
      const unlock = args.recoveryFile === undefined
        ? { kind: 'recovery' as const, words: await context.terminal.line('The 24 words: ', '--recovery-file FILE') }
        : await readUnlock(args, context.terminal, '')
      const words = unlock.kind === 'recovery' ? unlock.words : ''
      const outcome = await context.service.revokeDevice({ store, unlock, words, device: args.device, after: args.after, logger: loggerTo(context) })
      if (args.json) context.out(JSON.stringify(outcome))
      else {
        context.out(`${outcome.name} (${outcome.id.slice(0, 8)}) is revoked: what it said up to entry ${outcome.lastSequence} counts, nothing after`)
        for (const { node, reason } of outcome.nodes) context.out(reason === null ? `  ${node} shuts it out` : `  ${node} could not be told: ${reason}`)
        context.note('it keeps what it has, and the keys to it: change the passphrases and secrets that lay in the vault')
      }
      const untold = outcome.nodes.filter(({ reason }) => reason !== null).map(({ node }) => node)
      if (untold.length > 0) {
        throw new VaultError('offline', `${untold.join(', ')} could not be told`, { subject: untold.join(', '), next: 'mount the vault: it tells them when it reaches them; or run this again' })
      }
    },
  })

function deviceLine({ id, name, createdSec, isThis, entries, revokedAfter }: DeviceReport): string {
  const state = [
    ...(isThis ? ['this one'] : []), ...(revokedAfter === null ? [] : [`revoked after entry ${revokedAfter}`]), ...(entries === null ? [] : [count(entries, 'entry', 'entries')]),
  ]
  return `${id.slice(0, 8)}  ${name}  since ${new Date(createdSec * 1000).toISOString().slice(0, 10)}${state.length === 0 ? '' : `  ${state.join(', ')}`}`
}

function loggerTo(context: Context): { log(level: string, message: string): void } {
  return { log: (level, message) => { if (level === 'error') context.note(message) } }
}
