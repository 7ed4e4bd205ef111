// `vaultfs forget`: retention now. Moments that neither the schedule nor a name keeps are let go of, and with them the
// versions that no kept moment shows. The present, and the newest state, always stay.

import type { ForgetReport } from '../../lib/control/past-port.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, storeOption, verb } from '../options.js'
import { policyText } from '../past-text.js'
import { count } from '../report.js'
import { localOffsetMin, policyOf, retentionOptions } from '../retention-options.js'
import { chosenMountPoint } from '../vault-path.js'

export const forgetCommand = (context: Context) =>
  verb({
    command: 'forget [mountpoint]',
    describe: 'Let go of what retention does not keep',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({
        ...storeOption, ...retentionOptions, ...jsonOption,
        drop: { type: 'string', requiresArg: true, describe: 'Take this name away from its moment' },
        'dry-run': { type: 'boolean', default: false, describe: 'Only say what would be let go of' },
      }),
    handler: async (args) => {
      const { dryRun, json } = args
      const drop = args.drop === undefined ? [] : [args.drop]
      const policy = policyOf(args)
      const client = await connectTo(context, chosenMountPoint(context, args))
      try {
        const report = await client.past.forget({ policy, offsetMin: localOffsetMin(), drop, dryRun })
        if (json) context.out(JSON.stringify({ ...report, drop, dryRun }))
        else for (const line of linesOf(report, { drop, dryRun })) context.out(line)
      } finally {
        client.close()
      }
    },
  })

function linesOf(report: ForgetReport, { drop, dryRun }: { readonly drop: readonly string[]; readonly dryRun: boolean }): readonly string[] {
  const { moments, versions, kept, policy } = report
  return [
    `${dryRun ? 'would let go of' : 'let go of'} ${count(moments, 'moment')} and ${count(versions, 'version')}${drop.length === 0 ? '' : `, and of the name ${drop.join(', ')}`}`,
    `kept: ${count(kept, 'moment')}: ${policyText(policy)}`,
  ]
}
