// `vaultfs status`: what is dirty, what is not published, what is only here. Its JSON is described in CLI.md.

import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { metricLines } from '../metrics.js'
import { jsonOption, verb } from '../options.js'
import { statusLines } from '../report.js'

export const statusCommand = (context: Context) =>
  verb({
    command: 'status <mountpoint>',
    describe: 'Tell how a mounted vault is',
    builder: (options) => options.positional('mountpoint', { type: 'string', demandOption: true }).options({
      ...jsonOption, metrics: { type: 'boolean', default: false, describe: 'Answer in the text format of Prometheus' },
    }),
    handler: async (args) => {
      const client = await connectTo(context, args.mountpoint)
      try {
        const report = await client.status()
        if (args.metrics) for (const line of metricLines(report)) context.out(line)
        else if (args.json) context.out(JSON.stringify(report))
        else for (const line of statusLines(report)) context.out(line)
      } finally {
        client.close()
      }
    },
  })
