// `vaultfs passwd`: another passphrase for the same keys. The data is not touched; whoever has an old copy of the header
// and the old passphrase can still open what existed until now.

import type { Context } from '../context.js'
import { costOptions, kdfCost, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { readNewPassphrase, readUnlock } from '../secrets.js'

const newInstead = '--new-passphrase-file FILE or --new-passphrase-fd N'

export const passwdCommand = (context: Context) =>
  verb({
    command: 'passwd [mountpoint]',
    describe: 'Change the passphrase',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({
        ...storeOption, ...secretOptions, ...recoveryFileOption, ...costOptions,
        'new-passphrase-file': { type: 'string', requiresArg: true, describe: 'Read the new passphrase from this file' },
        'new-passphrase-fd': { type: 'number', requiresArg: true, describe: 'Read the new passphrase from this open descriptor' },
      }),
    handler: async (args) => {
      const { store, name } = placeOf(context, args)
      requireVault(context, store)
      const kdf = kdfCost(args)
      const unlock = await readUnlock(args, context.terminal, `Present passphrase of ${name}: `)
      const given = { passphraseFile: args.newPassphraseFile, passphraseFd: args.newPassphraseFd }
      const passphrase = await readNewPassphrase(given, context.terminal, 'New passphrase: ', newInstead)
      await context.service.changePassphrase({ store, unlock, passphrase, kdf })
      passphrase.fill(0)
      context.note(`the passphrase of ${name} is changed; an old copy of its header still opens with the old one`)
    },
  })
