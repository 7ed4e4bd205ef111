// The commands, and what yargs is to make of arguments: strict, no surprises, its messages turned into ours.

import yargs from 'yargs'
import { VaultError } from '../lib/terms/errors.js'
import type { Context } from './context.js'

/** Loaded when it is the one that is asked for: most of a short command's time is loading. In the order of --help. */
const commands: Readonly<Record<string, (parser: Parser, context: Context) => Promise<unknown>>> = {
  init: async (parser, context) => parser.command((await import('./commands/init.js')).initCommand(context)),
  mount: async (parser, context) => parser.command((await import('./commands/mount.js')).mountCommand(context)),
  unmount: async (parser, context) => parser.command((await import('./commands/unmount.js')).unmountCommand(context)),
  status: async (parser, context) => parser.command((await import('./commands/status.js')).statusCommand(context)),
  sync: async (parser, context) => parser.command((await import('./commands/sync.js')).syncCommand(context)),
  list: async (parser, context) => parser.command((await import('./commands/list.js')).listCommand(context)),
  snapshot: async (parser, context) => parser.command((await import('./commands/snapshot.js')).snapshotCommand(context)),
  snapshots: async (parser, context) => parser.command((await import('./commands/snapshots.js')).snapshotsCommand(context)),
  history: async (parser, context) => parser.command((await import('./commands/history.js')).historyCommand(context)),
  restore: async (parser, context) => parser.command((await import('./commands/restore.js')).restoreCommand(context)),
  diff: async (parser, context) => parser.command((await import('./commands/diff.js')).diffCommand(context)),
  'find-version': async (parser, context) => parser.command((await import('./commands/find-version.js')).findVersionCommand(context)),
  forget: async (parser, context) => parser.command((await import('./commands/forget.js')).forgetCommand(context)),
  'samba-config': async (parser, context) => parser.command((await import('./commands/samba-config.js')).sambaConfigCommand(context)),
  rebuild: async (parser, context) => parser.command((await import('./commands/rebuild.js')).rebuildCommand(context)),
  verify: async (parser, context) => parser.command((await import('./commands/verify.js')).verifyCommand(context)),
  recover: async (parser, context) => parser.command((await import('./commands/recover.js')).recoverCommand(context)),
  salvage: async (parser, context) => parser.command((await import('./commands/salvage.js')).salvageCommand(context)),
  passwd: async (parser, context) => parser.command((await import('./commands/passwd.js')).passwdCommand(context)),
  recovery: async (parser, context) => parser.command((await import('./commands/recovery.js')).recoveryCommand(context)),
  peer: async (parser, context) => parser.command((await import('./commands/peer.js')).peerCommand(context)),
  device: async (parser, context) => parser.command((await import('./commands/device.js')).deviceCommand(context)),
  node: async (parser, context) => parser.command((await import('./commands/node.js')).nodeCommand(context)),
  destroy: async (parser, context) => parser.command((await import('./commands/destroy.js')).destroyCommand(context)),
  doctor: async (parser, context) => parser.command((await import('./commands/doctor.js')).doctorCommand(context)),
  tour: async (parser, context) => parser.command((await import('./commands/tour.js')).tourCommand(context)),
}
type Parser = ReturnType<typeof emptyParser>

/** Runs the command that the words name. */
export async function runCommand(context: Context, words: readonly string[]): Promise<void> {
  const name = words[0] === 'umount' ? 'unmount' : (words[0] ?? '')
  const named = Object.hasOwn(commands, name) ? commands[name] : undefined
  const parser = emptyParser(gathered(words))
  for (const add of named === undefined ? Object.values(commands) : [named]) await add(parser, context)
  withoutLateHelp(parser)
  await parser.parseAsync()
}

/**
 * yargs lays out the help of every command that ran, in case that it is shown behind its end, which we never do: that
 * took a fifth of a short command's time.
 */
function withoutLateHelp(parser: unknown): void {
  const { getInternalMethods } = parser as { getInternalMethods?(): { getUsageInstance(): { cacheHelpMessage(): void } } }
  const usage = getInternalMethods?.call(parser).getUsageInstance()
  if (usage !== undefined) usage.cacheHelpMessage = () => undefined
}

/** Options that may be given more than once. Of two of them yargs would keep the second, or make lists of all options. */
const repeatable: ReadonlySet<string> = new Set(['--from', '--advertise', '--node'])

/** All values of such an option behind its first occurrence. */
export function gathered(words: readonly string[]): readonly string[] {
  const lists = new Map<string, string[]>()
  const out: string[][] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const [, name = '', inline] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (!repeatable.has(name)) {
      out.push([word])
      continue
    }
    const next = words[at + 1]
    const isSeparate = inline === undefined && next !== undefined && !next.startsWith('-')
    const value = inline ?? (isSeparate ? next : undefined)
    if (isSeparate) at++
    const list = lists.get(name) ?? [name]
    if (!lists.has(name)) out.push(list)
    lists.set(name, list)
    if (value !== undefined) list.push(value)
  }
  return out.flat()
}

function emptyParser(words: readonly string[]) {
  return yargs(words)
    .scriptName('vaultfs')
    .parserConfiguration({ 'duplicate-arguments-array': false, 'boolean-negation': false, 'parse-positional-numbers': false })
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
