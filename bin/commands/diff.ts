// `vaultfs diff A B`: what differs between two states, as git's --name-status says it.

import type { DifferenceReport } from '../../lib/control/past-port.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, vaultOptions, verb } from '../options.js'
import { momentJson, momentText, pathJson, pathText } from '../past-text.js'
import { chosenMountPoint, vaultPathOf } from '../vault-path.js'
import { whenOf } from '../when.js'

/** P: only properties (mode, owner, times, extended attributes). */
const letters: Readonly<Record<DifferenceReport['kind'], string>> = { added: 'A', removed: 'D', content: 'M', attributes: 'P', renamed: 'R' }

export const diffCommand = (context: Context) =>
  verb({
    command: 'diff <a> <b> [path]',
    describe: 'Tell what differs between two moments',
    builder: (options) =>
      options
        .positional('a', { type: 'string', demandOption: true, describe: 'A moment, a snapshot, or now' })
        .positional('b', { type: 'string', demandOption: true, describe: 'Another one' })
        .positional('path', { type: 'string', describe: 'Only below this folder' })
        .options({ ...vaultOptions, ...jsonOption }),
    handler: async (args) => {
      const [from, to] = [whenOf(args.a), whenOf(args.b)]
      const { mountPoint, path } = args.path === undefined ? { mountPoint: chosenMountPoint(context, args), path: '' } : vaultPathOf(args.path)
      const client = await connectTo(context, mountPoint)
      const differences: DifferenceReport[] = []
      try {
        const between = await client.past.differences({ from, to, path }, (items) => {
          differences.push(...items)
        })
        differences.sort((one, other) => (one.path < other.path ? -1 : 1))
        if (!args.json) for (const each of differences) context.out(lineOf(each))
        if (args.json) context.out(JSON.stringify({ from: momentJson(between.from), to: momentJson(between.to), differences: differences.map(jsonOf) }))
        else context.note(`from ${momentText(between.from)} to ${momentText(between.to)}`)
      } finally {
        client.close()
      }
    },
  })

function lineOf({ kind, path, from }: DifferenceReport): string {
  return [letters[kind], ...(from === null ? [] : [pathText(from)]), pathText(path)].join('\t')
}

function jsonOf({ kind, path, from }: DifferenceReport): Readonly<Record<string, unknown>> {
  return { kind, ...pathJson(path), ...(from === null ? {} : { from: pathJson(from).path }) }
}
