// `vaultfs tour`: one minute, no questions, no terminal. A throwaway vault through the same commands that a person types:
// make, mount, copy a folder in, compare, kill the daemon, mount again, compare, overwrite and delete, look into the past,
// restore, compare, unmount, clean up. Any difference fails.

import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { verb } from '../options.js'
import { Tour } from '../tour-steps.js'

export const tourCommand = (context: Context) =>
  verb({
    command: 'tour',
    describe: 'See it work: a throwaway vault, a kill of its daemon, and every byte compared',
    builder: (options) =>
      options.options({
        folder: { type: 'string', requiresArg: true, describe: 'What to copy in (default: some of this program)' },
        damage: { type: 'boolean', default: false, describe: 'Damage a blob midway, to see it noticed' },
        driver: { choices: ['kernel', 'fuse-native'], describe: 'How to speak to the kernel' },
        keep: { type: 'boolean', default: false, describe: 'Leave the vault and its log for a look' },
      }),
    handler: async (args) => {
      const tour = new Tour({ say: context.out, folder: args.folder, damage: args.damage, driver: args.driver ?? context.settings.driver })
      try {
        const differences = await tour.walk()
        if (differences.length > 0)
          throw new VaultError('difference', `${differences.length} differ: ${differences[0] ?? ''}`, { next: 'what is printed above tells where; nothing of yours was touched' })
      } finally {
        tour.cleanUp(args.keep)
      }
    },
  })
