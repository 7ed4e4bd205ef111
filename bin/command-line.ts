// The commands, and what yargs is to make of arguments: strict, no surprises, its messages turned into ours.

import yargs from 'yargs'
import { VaultError } from '../lib/terms/errors.js'
import { destroyCommand } from './commands/destroy.js'
import { doctorCommand } from './commands/doctor.js'
import { initCommand } from './commands/init.js'
import { listCommand } from './commands/list.js'
import { mountCommand } from './commands/mount.js'
import { passwdCommand } from './commands/passwd.js'
import { recoveryCommand } from './commands/recovery.js'
import { statusCommand } from './commands/status.js'
import { syncCommand } from './commands/sync.js'
import { tourCommand } from './commands/tour.js'
import { unmountCommand } from './commands/unmount.js'
import type { Context } from './context.js'

/** Runs the command that the words name. */
export async function runCommand(context: Context, words: readonly string[]): Promise<void> {
  await parser(context, words).parseAsync()
}

function parser(context: Context, words: readonly string[]) {
  return yargs(words)
    .scriptName('vaultfs')
    .parserConfiguration({ 'duplicate-arguments-array': false, 'boolean-negation': false, 'parse-positional-numbers': false })
    .command(initCommand(context))
    .command(mountCommand(context))
    .command(unmountCommand(context))
    .command(statusCommand(context))
    .command(syncCommand(context))
    .command(listCommand(context))
    .command(passwdCommand(context))
    .command(recoveryCommand(context))
    .command(destroyCommand(context))
    .command(doctorCommand(context))
    .command(tourCommand(context))
    .demandCommand(1, 'which command?')
    .strict()
    .recommendCommands()
    .locale('en')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .epilogue('Exit codes, settings and the JSON of status are described in bin/CLI.md.')
    .exitProcess(false)
    // Called with an error of a command, or with a message of yargs' about the arguments (and perhaps its error).
    .fail((message: string | null, error: Error | undefined) => {
      throw message === null ? error : usageError(message, words)
    })
}

/** What yargs has to say about arguments, as an error of ours with the next step. */
function usageError(reason: string, words: readonly string[]): VaultError {
  const command = words.find((word) => !word.startsWith('-'))
  const help = command === undefined || /which command|Did you mean/.test(reason) ? 'vaultfs --help' : `vaultfs ${command} --help`
  const message = reason
    .replace(/^Unknown (?:arguments?|commands?): (.*)$/s, (_, names: string) => {
      // yargs names options without their dashes.
      const given = [...new Set(names.split(', '))].map((name) => (words.includes(name) ? `argument ${name}` : `option ${name.length === 1 ? '-' : '--'}${name}`))
      return `unknown ${given.join(', ')}`
    })
    .replace(/^Not enough non-option arguments.*$/, 'an argument is missing')
    .replace(/\s*\n\s*/g, ' ')
  return new VaultError('usage', message, { next: `'${help}' lists what there is` })
}
