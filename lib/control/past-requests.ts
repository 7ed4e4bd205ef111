// The daemon's end of questions about the past: arguments as they come from the socket, looked at one by one, then the
// port. Whoever speaks here is the vault's owner; what is refused is what no version of ours would send.

import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { retentionCountMax } from '../terms/retention.js'
import type { OnProgress } from './progress.js'
import { isRecord, type ControlRequest } from './messages.js'
import type { OnItems, PastPort, PolicyReport, When } from './past-port.js'

type Arguments = ControlRequest['args']

interface Answering {
  readonly onProgress: OnProgress
  readonly onItems: OnItems<unknown>
}

export function performPast({ verb, args }: Pick<ControlRequest, 'verb' | 'args'>, past: PastPort, { onProgress, onItems }: Answering): Promise<unknown> {
  switch (verb) {
    case 'snapshot':
      return past.snapshot(args['name'] === null ? undefined : text(args, 'name'), onProgress)
    case 'retained':
      return past.retained(onItems)
    case 'versions':
      return past.versions(text(args, 'path'), onItems)
    case 'differences':
      return past.differences({ from: when(args, 'from'), to: when(args, 'to'), path: text(args, 'path') }, onItems)
    case 'find':
      return past.find({ pattern: text(args, 'pattern'), limit: wholeNumber(args, 'limit', limits.foundNamesMax) }, onItems)
    case 'restore':
      return past.restore({
        path: text(args, 'path'), when: when(args, 'when'), to: args['to'] === null ? null : text(args, 'to'),
        exact: args['exact'] === true, preview: args['preview'] === true,
      }, onItems)
    case 'forget':
      return past.forget({ policy: policyOf(args['policy']), offsetMin: offset(args), drop: names(args, 'drop'), dryRun: args['dryRun'] === true })
    default:
      return Promise.reject(new VaultError('invalid', `'${verb}' is no question about the past`))
  }
}

function text(args: Arguments, key: string): string {
  const value = args[key]
  if (typeof value === 'string') return value
  throw unfit(key)
}

function wholeNumber(args: Arguments, key: string, max: number): number {
  const value = args[key]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  throw unfit(key)
}

function names(args: Arguments, key: string): readonly string[] {
  const value = args[key]
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw unfit(key)
}

function when(args: Arguments, key: string): When {
  const value = args[key]
  if (isRecord(value)) {
    const { kind, sec, name } = value
    if (kind === 'now' || kind === 'latest') return { kind }
    if (kind === 'through' && typeof sec === 'number' && Number.isSafeInteger(sec)) return { kind, sec }
    if (kind === 'snapshot' && typeof name === 'string') return { kind, name }
  }
  throw unfit(key)
}

const minutesADay = 24 * 60

function offset(args: Arguments): number {
  const value = args['offsetMin']
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= minutesADay) return value
  throw unfit('offsetMin')
}

function policyOf(value: unknown): Partial<PolicyReport> {
  if (!isRecord(value)) throw unfit('policy')
  const keys = ['withinSec', 'hourly', 'daily', 'weekly', 'monthly'] as const
  const given = keys.filter((key) => value[key] !== undefined)
  return Object.fromEntries(given.map((key) => [key, wholeNumber(value, key, key === 'withinSec' ? Number.MAX_SAFE_INTEGER : retentionCountMax)]))
}

function unfit(key: string): VaultError {
  return new VaultError('invalid', `'${key}' of a request is missing or of another kind`, { next: 'unmount and mount again with one version of vaultfs' })
}
