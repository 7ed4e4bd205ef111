// `vaultfs restore`: brings a path back as it was. First it says what would be done, then it asks; what is replaced or
// removed was published before, so it can be brought back the same way.

import type { RestoreReport, RestoreStep } from '../../lib/control/past-port.js'
import type { ControlClient } from '../../lib/control/client.js'
import { VaultError } from '../../lib/terms/errors.js'
import { connectTo } from '../connection.js'
import type { Context } from '../context.js'
import { jsonOption, verb } from '../options.js'
import { momentJson, momentText, pathJson, pathText } from '../past-text.js'
import { bytesText } from '../report.js'
import { RestoreCount } from '../restore-count.js'
import { vaultPathOf } from '../vault-path.js'
import { splitWhen, whenOf } from '../when.js'

export const restoreCommand = (context: Context) =>
  verb({
    command: 'restore <path>',
    describe: 'Bring a file or folder back as it was: FILE@WHEN',
    builder: (options) =>
      options.positional('path', { type: 'string', demandOption: true, describe: "Such as 'notes.txt@yesterday' or 'folder@2024-05-01T14:30'" }).options({
        to: { type: 'string', requiresArg: true, describe: 'Put it there instead of in its place' },
        exact: { type: 'boolean', default: false, describe: 'Also remove what was not there then' },
        yes: { type: 'boolean', default: false, describe: 'Do it without asking' },
        'dry-run': { type: 'boolean', default: false, describe: 'Only say what would be done' },
        ...jsonOption,
      }),
    handler: async (args) => {
      const { file, when } = splitWhen(args.path)
      const { mountPoint, path } = vaultPathOf(file)
      const order = { path, when: whenOf(when), to: placeIn(mountPoint, args.to), exact: args.exact }
      const client = await connectTo(context, mountPoint)
      try {
        const planned = new RestoreCount(args.json ? Infinity : undefined)
        const plan = await client.past.restore({ ...order, preview: true }, planned.take)
        if (!args.json) show(context, planned, plan)
        if (args.dryRun || planned.total === 0) return finish(context, args.json, { steps: planned.steps, report: plan, done: false })
        if (!args.yes && !(await context.terminal.confirm('Do that?', '--yes'))) throw new VaultError('cancelled', 'nothing was restored')
        const { steps, report } = await carryOut(client, order, { total: planned.total, json: args.json })
        finish(context, args.json, { steps, report, done: true })
      } finally {
        client.close()
      }
    },
  })

type Order = Omit<Parameters<ControlClient['past']['restore']>[0], 'preview'>

async function carryOut(client: ControlClient, order: Order, { total, json }: { readonly total: number; readonly json: boolean }): Promise<{ readonly steps: readonly RestoreStep[]; readonly report: RestoreReport }> {
  const done = new RestoreCount(json ? Infinity : 0)
  const { stderr } = process
  try {
    const report = await client.past.restore({ ...order, preview: false }, (items) => {
      done.take(items)
      if (stderr.isTTY) stderr.write(`\r\u001b[Krestoring: ${done.total} of ${total}`)
    })
    return { steps: done.steps, report }
  } finally {
    if (stderr.isTTY) stderr.write('\r\u001b[K')
  }
}

/** In the same vault only: content is named again there, not copied. */
function placeIn(mountPoint: string, to: string | undefined): string | null {
  if (to === undefined) return null
  const isOutside = (error: unknown): boolean => error instanceof VaultError && (error.code === 'not-mounted' || error.code === 'cross-vault')
  try {
    const place = vaultPathOf(to)
    if (place.mountPoint === mountPoint) return place.path
  } catch (error) {
    if (!isOutside(error)) throw error
  }
  throw new VaultError('cross-vault', `${to} lies outside of this vault`, { subject: to, next: "copy it from the folder's .versions instead" })
}

function show(context: Context, planned: RestoreCount, { path, target, moment, unchanged }: RestoreReport): void {
  const signs: Readonly<Record<RestoreStep['kind'], string>> = { create: '+', replace: '~', link: '+', attributes: '.', remove: '-' }
  for (const { kind, path: each, entry, size } of planned.steps) context.out(`${signs[kind]} ${kind.padEnd(10)} ${pathText(each)}${entry === 'file' ? `  ${bytesText(size)}` : entry === 'directory' ? '/' : ''}`)
  if (planned.total > planned.steps.length) context.out(`  and ${planned.total - planned.steps.length} more`)
  const was = path === target ? '' : `, which was ${pathText(path)}`
  context.note(`${pathText(target)}${was}, as of ${momentText(moment)}: ${planned.total === 0 ? 'nothing differs' : planned.text} (${unchanged} the same)`)
}

interface Outcome {
  readonly steps: readonly RestoreStep[]
  readonly report: RestoreReport
  readonly done: boolean
}

function finish(context: Context, json: boolean, { steps, report, done }: Outcome): void {
  if (json) {
    const { moment, path, target, unchanged } = report
    context.out(JSON.stringify({
      moment: momentJson(moment), ...pathJson(path), target: pathJson(target).path, steps: steps.map((step) => ({ ...step, ...pathJson(step.path) })), unchanged, done,
    }))
  } else if (done) context.note(`restored ${pathText(report.target)}; what it replaced is in the history`)
}
