// `vaultfs sync`: publishes now and makes it durable; more than sync(1), which reaches a mount of this kind only as its
// one-second rule.

import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { verb } from '../options.js'
import { ProgressLine } from '../progress-line.js'

export const syncCommand = (context: Context) =>
  verb({
    command: 'sync <mountpoint>',
    describe: 'Publish everything now and make it durable',
    builder: (options) => options.positional('mountpoint', { type: 'string', demandOption: true }),
    handler: async (args) => {
      const client = await connectTo(context, args.mountpoint)
      const progress = new ProgressLine(process.stderr)
      try {
        await client.sync(progress.report)
      } finally {
        progress.end()
        client.close()
      }
    },
  })
