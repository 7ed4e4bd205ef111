// `vaultfs sync`: publishes now and makes it durable; more than sync(1), which reaches a mount of this kind only as its
// one-second rule. With --wait it ends when the nodes have it, or says what is only here.

import type { Standing, StatusReport, SyncOutcome } from '../../lib/control/daemon-port.js'
import type { Progress } from '../../lib/control/progress.js'
import { VaultError } from '../../lib/terms/errors.js'
import { limits } from '../../lib/terms/limits.js'
import { requireSpan } from '../../lib/terms/retention.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, verb } from '../options.js'
import { ProgressLine } from '../progress-line.js'
import { standingText } from '../report.js'
import { SendingLine } from '../sending-line.js'

export const syncCommand = (context: Context) =>
  verb({
    command: 'sync <mountpoint>',
    describe: 'Publish everything now and make it durable',
    builder: (options) => options.positional('mountpoint', { type: 'string', demandOption: true }).options({
      wait: { type: 'boolean', default: false, describe: 'Also wait until the nodes have everything' },
      timeout: { type: 'string', requiresArg: true, describe: 'With --wait: give up when nothing has moved for so long (default: 60s)' },
      trust: { type: 'string', requiresArg: true, describe: 'Believe this node again, and ask it everything anew: you have looked' },
      ...jsonOption,
    }),
    handler: async (args) => {
      if (args.timeout !== undefined && !args.wait) throw new VaultError('usage', '--timeout goes with --wait', { subject: '--timeout' })
      const stallMs = args.timeout === undefined ? limits.syncStallMs : requireSpan(args.timeout, '--timeout') * 1000
      const client = await connectTo(context, args.mountpoint)
      const [progress, sending] = [new ProgressLine(process.stderr), new SendingLine(process.stderr)]
      const onProgress = (told: Progress): void => {
        if (told.phase !== 'sending') progress.report(told)
        else sending.report(told)
      }
      let outcome: SyncOutcome
      let status: StatusReport | undefined
      try {
        if (args.trust !== undefined) await client.trust(args.trust)
        outcome = await client.sync(onProgress, args.wait ? { stallMs } : undefined)
        if (args.wait) status = await client.status()
      } finally {
        progress.end()
        sending.end()
        client.close()
      }
      // What was found out last is in the status.
      const standing = status ?? outcome
      const { onlyHere, peers, damagedHere } = standing
      if (args.json) context.out(JSON.stringify({ complete: outcome.complete, onlyHere, damagedHere, peers }))
      if (outcome.complete === false) throw incomplete(standing)
      if (args.wait && !args.json) context.note(standingText(standing))
    },
  })

function incomplete(outcome: Standing): VaultError {
  const behind = outcome.peers.filter(({ state, blobsLeft, entriesLeft }) => state !== 'safe' || blobsLeft + entriesLeft > 0)
  const names = behind.map(({ name, state }) => `${name} (${state})`).join(', ')
  return new VaultError('offline', `${names === '' ? 'the nodes' : names} did not take everything; ${standingText(outcome)}`, {
    next: outcome.damagedHere > 0
      ? "'vaultfs verify' names what needs the damaged blobs; all else goes on by itself, and 'vaultfs status' says how far it is"
      : "it goes on by itself when they can be reached; 'vaultfs status' says why they can't",
  })
}
