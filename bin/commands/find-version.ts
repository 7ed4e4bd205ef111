// `vaultfs find-version`: looks for a name in all folders at all times, and says how to get back what is gone.

import { join } from 'node:path'
import type { FoundReport } from '../../lib/control/past-port.js'
import { VaultError } from '../../lib/terms/errors.js'
import { limits } from '../../lib/terms/limits.js'
import { exactName } from '../../lib/terms/moment-name.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, vaultOptions, verb } from '../options.js'
import { momentJson, pathJson, pathText, quoted, timeText } from '../past-text.js'
import { realMountPoint } from '../mount-table.js'
import { chosenMountPoint } from '../vault-path.js'

const limitDefault = 1000

export const findVersionCommand = (context: Context) =>
  verb({
    command: 'find-version <pattern>',
    describe: 'Look for a file name in all folders, at all times',
    builder: (options) =>
      options.positional('pattern', { type: 'string', demandOption: true, describe: "A name; * ? and [ ] stand for others, as in '*.odt'" }).options({
        ...vaultOptions, ...jsonOption,
        limit: { type: 'number', requiresArg: true, default: limitDefault, describe: 'Show at most so many' },
      }),
    handler: async (args) => {
      const { limit } = args
      if (!Number.isInteger(limit) || limit < 1 || limit >= limits.foundNamesMax)
        throw new VaultError('usage', `--limit must be a whole number from 1 to ${limits.foundNamesMax - 1}`, { subject: '--limit' })
      if (args.pattern.includes('/')) throw new VaultError('usage', `${args.pattern} is a path, and names are looked for`, { subject: args.pattern, next: 'leave the folders away' })
      const mountPoint = chosenMountPoint(context, args)
      const client = await connectTo(context, mountPoint)
      const found: FoundReport[] = []
      try {
        // One more, to know whether there are more.
        await client.past.find({ pattern: args.pattern, limit: limit + 1 }, (items) => {
          found.push(...items)
        })
      } finally {
        client.close()
      }
      const shown = found.slice(0, limit)
      if (args.json) context.out(JSON.stringify({ found: shown.map(jsonOf), more: found.length > limit }))
      else for (const each of shown) for (const line of linesOf(each, realMountPoint(mountPoint))) context.out(line)
      if (found.length > limit) context.note(`there are more: --limit shows more than ${limit}`)
      if (found.length === 0) throw new VaultError('not-found', `nothing was ever called ${args.pattern}`, { subject: args.pattern, next: "* stands for any characters, as in '*.odt'" })
    },
  })

function linesOf({ path, first, last, live }: FoundReport, mountPoint: string): readonly string[] {
  const line = `${pathText(path)}  first seen ${timeText(first.sec)}, ${live ? 'there now' : `last seen ${timeText(last.sec)}, gone`}`
  return live ? [line] : [line, `    vaultfs restore ${quoted(`${join(mountPoint, pathJson(path).path)}@${exactName(last.sec)}`)}`]
}

function jsonOf({ path, first, last, live }: FoundReport): Readonly<Record<string, unknown>> {
  return { ...pathJson(path), first: momentJson(first), last: momentJson(last), live }
}
