// `vaultfs snapshots`: the moments that are kept, and why. What is kept only because it is recent shows with --all.

import type { RetainedReport } from '../../lib/control/past-port.js'
import { exactName } from '../../lib/terms/moment-name.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, storeOption, verb } from '../options.js'
import { momentJson, policyText, timeText } from '../past-text.js'
import { count } from '../report.js'
import { chosenMountPoint } from '../vault-path.js'

export const snapshotsCommand = (context: Context) =>
  verb({
    command: 'snapshots [mountpoint]',
    describe: 'List the moments that are kept',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string' }).options({
        ...storeOption, ...jsonOption, all: { type: 'boolean', default: false, describe: 'Also those kept only because they are recent' },
      }),
    handler: async (args) => {
      const client = await connectTo(context, chosenMountPoint(context, args))
      const moments: RetainedReport[] = []
      try {
        const { policy } = await client.past.retained((items) => {
          moments.push(...items)
        })
        const shown = moments.filter((each, at) => (args.all ? isNewestOfSecond(each, moments[at - 1]) : !isOnlyRecent(each)))
        if (args.json) {
          context.out(JSON.stringify({ moments: shown.map((each) => ({ ...momentJson(each), names: each.names, reasons: each.reasons })), policy }))
          return
        }
        for (const each of shown) context.out(lineOf(each))
        const recent = moments.length - shown.length
        if (!args.all && recent > 0) context.note(`and ${count(recent, 'recent moment')}: --all shows them`)
        context.note(`kept: ${policyText(policy)}`)
      } finally {
        client.close()
      }
    },
  })

function isOnlyRecent({ reasons }: RetainedReport): boolean {
  return reasons.every((reason) => reason === 'recent')
}

/** Of the states of one second only the last can be called by it; others are told when they have a name, or another reason. */
function isNewestOfSecond(each: RetainedReport, newer: RetainedReport | undefined): boolean {
  return each.sec !== newer?.sec || !isOnlyRecent(each)
}

function lineOf({ sec, names, reasons }: RetainedReport): string {
  const named = names.length === 0 ? '' : `  ${names.join(', ')}`
  return `${exactName(sec)}  ${timeText(sec)}  ${reasons.join(', ')}${named}`
}
