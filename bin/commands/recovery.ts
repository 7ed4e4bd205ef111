// `vaultfs recovery show|check`: the kit of 24 words. It is kept here, sealed, only until it is confirmed to be on paper.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { VaultError } from '../../lib/terms/errors.js'
import { silent } from '../../lib/terms/log.js'
import type { Context } from '../context.js'
import { recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { showAndCheckKit } from '../recovery-dialog.js'
import { readUnlock, type Unlock } from '../secrets.js'

export const recoveryCommand = (context: Context) =>
  verb({
    command: 'recovery',
    describe: 'Show or check the recovery kit',
    builder: (options) => options.command(showCommand(context)).command(checkCommand(context)).demandCommand(1, 'show or check?'),
    handler: () => undefined,
  })

const showCommand = (context: Context) =>
  verb({
    command: 'show [mountpoint]',
    describe: 'Print the kit, and at a terminal ask two of its words back',
    builder: (options) => options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...secretOptions }),
    handler: async (args) => {
      const { store, name } = placeOf(context, args)
      requireVault(context, store)
      const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
      const kit = await context.service.recoveryKit({ store, unlock })
      if (!context.terminal.present) {
        context.out(kit.text)
        context.note("when it is on paper, confirm it with 'vaultfs recovery check --recovery-file FILE'")
        return
      }
      await showAndCheckKit(context.terminal, kit)
      await context.service.confirmRecovery({ store, unlock })
      context.note('the kit is confirmed, and forgotten here: keep the paper')
      await tellNodes(context, store, unlock)
    },
  })

const checkCommand = (context: Context) =>
  verb({
    command: 'check [mountpoint]',
    describe: 'Whether the 24 words open this vault',
    builder: (options) => options.positional('mountpoint', { type: 'string' }).options({ ...storeOption, ...recoveryFileOption }),
    handler: async (args) => {
      const { store, name } = placeOf(context, args)
      requireVault(context, store)
      const unlock =
        args.recoveryFile === undefined
          ? { kind: 'recovery' as const, words: await context.terminal.line('The 24 words: ', '--recovery-file FILE') }
          : await readUnlock(args, context.terminal, '')
      const words = unlock.kind === 'recovery' ? unlock.words : ''
      if (!(await context.service.checkRecovery({ store, words })))
        throw new VaultError('wrong-passphrase', `these words do not open ${name}`, { subject: store, next: 'look for a mistyped word, or for the kit of this vault' })
      await context.service.confirmRecovery({ store, unlock })
      context.note(`the kit opens ${name}`)
      await tellNodes(context, store, unlock)
    },
  })

/** Nodes that were met before this store kept what lets the kit in. What fails is no failure of the kit. */
async function tellNodes(context: Context, store: string, unlock: Unlock): Promise<void> {
  // Name of lib/crypto/peers-file.ts, which is not loaded for this.
  if (!existsSync(join(store, 'peers'))) return
  try {
    const peers = await context.service.peers({ store, unlock, readOnly: true, logger: silent })
    try {
      for (const { name, recovery, failed } of await peers.test(undefined)) {
        if (recovery === 'sent') context.note(`${name} lets the recovery kit in from now on`)
        if (recovery === undefined) context.note(`${name} was not asked whether it lets the recovery kit in (${failed?.error.message ?? 'no answer'}): 'vaultfs peer test' does when it answers`)
      }
    } finally {
      peers.close()
    }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    context.note(`the nodes were not told of the kit (${error.message}): 'vaultfs peer test' does`)
  }
}
