// `vaultfs snapshot`: publishes everything and gives the state a name, by which it is kept until `forget --drop`.

import { exactName } from '../../lib/terms/moment-name.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, vaultOptions, verb } from '../options.js'
import { momentJson, momentText } from '../past-text.js'
import { ProgressLine } from '../progress-line.js'
import { chosenMountPoint } from '../vault-path.js'

export const snapshotCommand = (context: Context) =>
  verb({
    command: 'snapshot [name]',
    describe: 'Publish everything, and name the state',
    builder: (options) => options.positional('name', { type: 'string', describe: 'Kept for as long as it has one (default: its moment)' }).options({ ...vaultOptions, ...jsonOption }),
    handler: async (args) => {
      const client = await connectTo(context, chosenMountPoint(context, args))
      const progress = new ProgressLine(process.stderr)
      try {
        const { name, moment } = await client.past.snapshot(args.name, progress.report).finally(() => {
          progress.end()
        })
        if (args.json) context.out(JSON.stringify({ name, ...momentJson(moment) }))
        else context.out(exactName(moment.sec))
        context.note(`${name} is ${momentText(moment)}`)
      } finally {
        client.close()
      }
    },
  })
