// `vaultfs recovery show|check`: the kit of 24 words. It is kept here, sealed, only until it is confirmed to be on paper.

import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { showAndCheckKit } from '../recovery-dialog.js'
import { readUnlock } from '../secrets.js'

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
    },
  })
