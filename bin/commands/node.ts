// `vaultfs node …`: a program that keeps blobs and chains of vaults for others, and can read nothing of them.
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { InvitationDesk } from '../../lib/node/invitation-desk.js'
import { withGrant } from '../../lib/node/access.js'
import { removedPrefix } from '../../lib/node/node-storage.js'
import { equalBytes, hex } from '../../lib/terms/bytes.js'
import { VaultError } from '../../lib/terms/errors.js'
import { requireSpan } from '../../lib/terms/retention.js'
import { encodeInvitation } from '../../lib/wire/invitation.js'
import { byteSize } from '../byte-size.js'
import type { Context } from '../context.js'
import { looking, makeNodePlace, nodePlace, reachablePlaces, runningState } from '../node-place.js'
import { grantNamed, nodeLines, nodeReport, peerLines, peerReport } from '../node-text.js'
import { jsonOption, verb } from '../options.js'
import { systemClock, systemEntropy } from '../system-sources.js'

const dataOption = { data: { type: 'string', requiresArg: true, demandOption: true, describe: "The node's folder" } } as const
const minutesMax = 24 * 60

export const nodeCommand = (context: Context) =>
  verb({
    command: 'node',
    describe: 'Keep the blobs of vaults, without being able to read them',
    builder: (options) => options.command(initCommand(context)).command(runCommand(context)).command(inviteCommand(context)).command(peersCommand(context))
      .command(quotaCommand(context)).command(removeCommand(context)).command(statusCommand(context)).demandCommand(1, 'init, run, invite, peers, quota, remove or status?'),
    handler: () => undefined,
  })

const initCommand = (context: Context) =>
  verb({
    command: 'init',
    describe: "Make a node: its folder, keys and limits",
    builder: (options) => options.options({
      ...dataOption,
      name: { type: 'string', requiresArg: true, describe: 'What it calls itself (default: the name of this machine)' },
      listen: { type: 'string', requiresArg: true, default: '0.0.0.0:9463', describe: 'HOST:PORT on which it listens' },
      advertise: { type: 'string', array: true, requiresArg: true, describe: 'HOST:PORT where clients reach it (default: where it listens)' },
      quota: { type: 'string', requiresArg: true, default: 'none', describe: 'What each vault may keep, such as 500G' },
      'daily-writes': { type: 'string', requiresArg: true, default: 'none', describe: 'What each vault may write in a day, such as 50G' },
      keep: { type: 'string', requiresArg: true, default: '30d', describe: 'The least time that a blob is kept' },
      blobs: { type: 'string', requiresArg: true, implies: 'credentials', describe: 'Keep everything in a bucket: s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION' },
      credentials: { type: 'string', requiresArg: true, implies: 'blobs', describe: 'File of mode 0600 with the access key and the secret key of the bucket, a line each' },
      'delete-delay': { type: 'string', requiresArg: true, default: '7d', describe: "The time between the owner's intent to delete and the deletion" },
      ...jsonOption,
    }),
    handler: async (args) => {
      const place = await makeNodePlace(args.data, {
        name: args.name ?? hostname(), listen: args.listen, advertise: args.advertise ?? [],
        quotaBytes: byteSize(args.quota, '--quota') ?? null, dailyBytes: byteSize(args.dailyWrites, '--daily-writes') ?? null,
        keepSec: requireSpan(args.keep, '--keep'), deleteDelaySec: requireSpan(args.deleteDelay, '--delete-delay'),
        ...(args.blobs === undefined || args.credentials === undefined ? {} : { bucket: { address: args.blobs, credentialsPath: resolve(args.credentials) } }),
      })
      const pin = Buffer.from(place.keys.tlsPin).toString('base64url')
      if (args.json) context.out(JSON.stringify({ name: place.settings.name, data: place.directory, pin }))
      else context.out(`${place.settings.name} in ${place.directory}; its key is ${pin}`)
      context.note("'vaultfs node run' starts it, 'vaultfs node invite' lets a vault in")
    },
  })

const runCommand = (context: Context) =>
  verb({
    command: 'run',
    describe: 'Run the node until SIGTERM, in the foreground',
    builder: (options) => options.options({
      ...dataOption,
      listen: { type: 'string', requiresArg: true, describe: 'HOST:PORT, instead of what it was made with' },
      metrics: { type: 'string', requiresArg: true, describe: 'HOST:PORT of a plain listener with /metrics and /healthz, such as 127.0.0.1:9464' },
    }),
    handler: async (args) => {
      const { runNode } = await import('../node-run.js')
      await runNode({ place: nodePlace(args.data), listen: args.listen, metrics: args.metrics, logLevel: context.settings.logLevel, note: context.note })
    },
  })

const inviteCommand = (context: Context) =>
  verb({
    command: 'invite',
    describe: 'Print a code with which one device can pair, once',
    builder: (options) => options.options({ ...dataOption, minutes: { type: 'number', requiresArg: true, default: 15, describe: 'How long it works' }, ...jsonOption }),
    handler: async (args) => {
      if (!Number.isInteger(args.minutes) || args.minutes < 1 || args.minutes > minutesMax) {
        throw new VaultError('usage', `--minutes must be a whole number from 1 to ${minutesMax}`, { subject: '--minutes' })
      }
      const place = nodePlace(args.data)
      const places = reachablePlaces(place)
      const opened = await looking(place, ({ register }) => new InvitationDesk(register, () => systemClock.now().sec).open(args.minutes * 60, systemEntropy))
      const code = encodeInvitation({ ...opened, pin: place.keys.tlsPin, places })
      if (args.json) return context.out(JSON.stringify({ code, expirySec: opened.expirySec, places }))
      context.out(code)
      if (process.stdout.isTTY) {
        const { renderUnicodeCompact } = await import('uqr')
        context.out(renderUnicodeCompact(code))
      }
      context.note(`it works once, for ${args.minutes} minutes, at ${places.join(', ')}: 'vaultfs peer add CODE' on the machine of the vault${runningState(place) === undefined ? "; the node does not run, 'vaultfs node run' starts it" : ''}`)
    },
  })

const peersCommand = (context: Context) =>
  verb({
    command: 'peers',
    describe: 'List vaults and devices that the node knows',
    builder: (options) => options.options({ ...dataOption, ...jsonOption }),
    handler: async (args) => {
      const place = nodePlace(args.data)
      const reports = await looking(place, async ({ storage, register }) => {
        const found = []
        for (const grant of register.access.vaults) found.push(await peerReport({ storage, settings: place.settings, grant }))
        return found
      })
      if (args.json) context.out(JSON.stringify({ vaults: reports }))
      else for (const report of reports) for (const line of peerLines(report)) context.out(line)
    },
  })

const quotaCommand = (context: Context) =>
  verb({
    command: 'quota [vault]',
    describe: "Show or change what a vault may use",
    builder: (options) => options.positional('vault', { type: 'string', describe: 'Its id, or the beginning of it' }).options({
      ...dataOption,
      total: { type: 'string', requiresArg: true, describe: "What it may keep: 500G, none, or 'default'" },
      daily: { type: 'string', requiresArg: true, describe: "What it may write in a day: 50G, none, or 'default'" },
      ...jsonOption,
    }),
    handler: async (args) => {
      const place = nodePlace(args.data)
      const { vault, total, daily } = args
      if (vault === undefined && (total !== undefined || daily !== undefined)) throw new VaultError('usage', 'of which vault?', { next: '"vaultfs node peers" lists them' })
      const [quotaBytes, dailyBytes] = [newLimit(total, '--total'), newLimit(daily, '--daily')]
      const reports = await looking(place, async ({ storage, register }) => {
        if (vault !== undefined && (quotaBytes !== undefined || dailyBytes !== undefined)) {
          const { vaultId } = grantNamed(register, vault)
          await register.change((access) => ({
            access: withGrant(access, vaultId, (grant) => ({ ...grant, ...(quotaBytes === undefined ? {} : { quotaBytes: quotaBytes.bytes }), ...(dailyBytes === undefined ? {} : { dailyBytes: dailyBytes.bytes }) })),
            result: undefined,
          }))
        }
        const found = []
        for (const grant of vault === undefined ? register.access.vaults : [grantNamed(register, vault)]) found.push(await peerReport({ storage, settings: place.settings, grant }))
        return found
      })
      if (args.json) context.out(JSON.stringify({ vaults: reports.map(({ vault: id, bytes, quota, dailyWrites }) => ({ vault: id, bytes, quota, dailyWrites })) }))
      else for (const report of reports) context.out(peerLines(report)[0] ?? '')
    },
  })

const removeCommand = (context: Context) =>
  verb({
    command: 'remove <vault>',
    describe: 'Let a vault and its devices in no more; what is kept of it stays on the disk',
    builder: (options) => options.positional('vault', { type: 'string', demandOption: true, describe: 'Its id, or the beginning of it' }).options(dataOption),
    handler: async (args) => {
      const place = nodePlace(args.data)
      const removed = await looking(place, async ({ storage, register }) => {
        const { vaultId } = grantNamed(register, args.vault)
        await register.change((access) => ({ access: { ...access, vaults: access.vaults.filter((grant) => !equalBytes(grant.vaultId, vaultId)) }, result: undefined }))
        await storage.records.put(`${removedPrefix}${hex(vaultId)}`, 0, new Uint8Array(0))
        return hex(vaultId)
      })
      context.note(`its devices are strangers now; what is kept of it is still here, and an invitation lets it in again: ${removed}`)
    },
  })

const statusCommand = (context: Context) =>
  verb({
    command: 'status',
    describe: 'Tell how the node is',
    builder: (options) => options.options({ ...dataOption, ...jsonOption }),
    handler: async (args) => {
      const place = nodePlace(args.data)
      const report = await looking(place, (open) => nodeReport(place, open, systemClock.now().sec))
      if (args.json) context.out(JSON.stringify(report))
      else for (const line of nodeLines(report)) context.out(line)
    },
  })

/** Undefined: it stays. `bytes` undefined: as the node says for all; null: no limit. */
function newLimit(text: string | undefined, option: string): { readonly bytes: number | null | undefined } | undefined {
  if (text === undefined) return undefined
  return { bytes: text === 'default' ? undefined : (byteSize(text, option) ?? null) }
}
