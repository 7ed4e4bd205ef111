// `vaultfs init`: makes a vault without mounting it.

import { resolve } from 'node:path'
import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { costOptions, kdfCost, recoveryOption, secretOptions, storeOption, verb } from '../options.js'
import { nameOf, realStore } from '../place.js'
import { passphraseOptions, readNewPassphrase } from '../secrets.js'
import { checkNewStore, createVault } from '../vault-creation.js'

export const initCommand = (context: Context) =>
  verb({
    command: 'init',
    describe: 'Make a vault in a folder',
    builder: (options) =>
      options.options({
        ...storeOption, ...secretOptions, ...recoveryOption, ...costOptions,
        name: { type: 'string', requiresArg: true, describe: "The vault's name (default: the folder's)" },
      }),
    handler: async (args) => {
      if (args.store === undefined) throw new VaultError('usage', 'where shall the vault be?', { next: 'give --store DIR' })
      const kdf = kdfCost(args)
      const store = realStore(resolve(args.store))
      const recoveryLater = args.recovery === 'later'
      checkNewStore(context, store)
      if (!recoveryLater) context.terminal.require('--recovery later')
      const passphrase = await readNewPassphrase(args, context.terminal, 'A passphrase for the new vault: ', passphraseOptions)
      try {
        await createVault(context, { store, name: args.name ?? nameOf(store), passphrase, kdf, recoveryLater })
      } finally {
        passphrase.fill(0)
      }
      context.note(`made a vault in ${store}`)
      if (recoveryLater) context.note("its recovery kit is not confirmed: 'vaultfs recovery show' prints it")
    },
  })
