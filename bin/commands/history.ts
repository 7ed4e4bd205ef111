// `vaultfs history FILE`: every published version of what has this path, and of what had it before. The file may be gone.

import type { VersionReport } from '../../lib/control/past-port.js'
import { exactName } from '../../lib/terms/moment-name.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, verb } from '../options.js'
import { deviceText, momentJson, pathJson, pathText, timeText } from '../past-text.js'
import { bytesText } from '../report.js'
import { vaultPathOf } from '../vault-path.js'

export const historyCommand = (context: Context) =>
  verb({
    command: 'history <file>',
    describe: 'List every published version of a file',
    builder: (options) => options.positional('file', { type: 'string', demandOption: true, describe: 'Where it is, or was' }).options(jsonOption),
    handler: async (args) => {
      const { mountPoint, path } = vaultPathOf(args.file)
      const client = await connectTo(context, mountPoint)
      const versions: VersionReport[] = []
      try {
        await client.past.versions(path, (items) => {
          versions.push(...items)
        })
        if (args.json) context.out(JSON.stringify({ ...pathJson(path), versions: versions.map(jsonOf) }))
        else for (const version of versions) context.out(lineOf(version, path))
      } finally {
        client.close()
      }
    },
  })

function lineOf({ from, path, kind, size, changes }: VersionReport, asked: string): string {
  const isGone = changes.includes('deleted')
  const what = isGone ? '' : kind === 'file' ? bytesText(size) : kind
  const elsewhere = path === null || path === asked ? '' : `  ${pathText(path)}`
  return `${exactName(from.sec)}  ${timeText(from.sec)}  ${what.padStart(10)}  ${deviceText(from)}  ${changes.join(', ')}${elsewhere}`
}

function jsonOf({ from, path, kind, size, changes }: VersionReport): Readonly<Record<string, unknown>> {
  return { ...momentJson(from), ...(path === null ? { path } : pathJson(path)), kind, size, changes }
}
