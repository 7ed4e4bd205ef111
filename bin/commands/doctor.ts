// `vaultfs doctor`: looks at this machine and says what is missing and what to install.

import { join } from 'node:path'
import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { checkMachine } from '../machine-checks.js'
import { jsonOption, storeOption, verb } from '../options.js'
import { realStore } from '../place.js'

const signs = { good: 'ok', warning: 'so-so', bad: 'BAD' } as const

export const doctorCommand = (context: Context) =>
  verb({
    command: 'doctor',
    describe: 'Check this machine, and say what to install',
    builder: (options) => options.options({ ...storeOption, ...jsonOption }),
    handler: async (args) => {
      const checks = await checkMachine(realStore(args.store ?? join(context.settings.dataHome, 'vaultfs')))
      if (args.json) context.out(JSON.stringify({ checks }))
      else for (const { name, state, detail } of checks) context.out(`${signs[state].padEnd(6)}${name}: ${detail}`)
      const wrong = checks.filter(({ state }) => state === 'bad')
      if (wrong.length > 0)
        throw new VaultError('missing-dependency', `this machine lacks: ${wrong.map(({ name }) => name).join(', ')}`, { next: 'install what is said beside each' })
    },
  })
