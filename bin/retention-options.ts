// How much of the past to keep, as options of `mount` and of `forget`.

import type { PolicyReport } from '../lib/control/past-port.js'
import { VaultError } from '../lib/terms/errors.js'
import { requireSpan, retentionCountMax } from '../lib/terms/retention.js'

export const retentionOptions = {
  'keep-within': { type: 'string', requiresArg: true, describe: 'Keep every published moment of the last 36h, 7d, 4w … (default: 7d)' },
  hourly: { type: 'number', requiresArg: true, describe: 'Keep the last moment of so many hours (default: 24)' },
  daily: { type: 'number', requiresArg: true, describe: 'Keep the last moment of so many days (default: 30)' },
  weekly: { type: 'number', requiresArg: true, describe: 'Keep the last moment of so many weeks (default: 8)' },
  monthly: { type: 'number', requiresArg: true, describe: 'Keep the last moment of so many months (default: 12)' },
} as const

export interface RetentionArguments {
  readonly keepWithin: string | undefined
  readonly hourly: number | undefined
  readonly daily: number | undefined
  readonly weekly: number | undefined
  readonly monthly: number | undefined
}

/** What was given. */
export function policyOf({ keepWithin, hourly, daily, weekly, monthly }: RetentionArguments): Partial<PolicyReport> {
  return {
    ...(keepWithin === undefined ? {} : { withinSec: requireSpan(keepWithin, '--keep-within') }),
    ...within('hourly', hourly), ...within('daily', daily), ...within('weekly', weekly), ...within('monthly', monthly),
  }
}

function within(key: string, value: number | undefined): Readonly<Record<string, number>> {
  if (value === undefined) return {}
  if (Number.isInteger(value) && value >= 0 && value <= retentionCountMax) return { [key]: value }
  throw new VaultError('usage', `--${key} must be a whole number from 0 to ${retentionCountMax}`, { subject: `--${key}` })
}

/** Minutes east of UTC: days are those of whoever asks. */
export function localOffsetMin(): number {
  return -new Date().getTimezoneOffset()
}
