// How much of the past is kept when nobody says otherwise, and how a stretch of time is written in settings and options.
import { VaultError } from './errors.js'

const daySec = 24 * 3600

export interface RetentionPolicy {
  /** Every published moment of the last so many seconds stays. */
  readonly withinSec: number
  /** Of so many last hours (days, weeks, months) in which anything was published, the last state of each stays. */
  readonly hourly: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
  /** Minutes east of UTC, by which days are told apart. */
  readonly offsetMin: number
}

/** Generous: a mistake shows within a week, a habit within a year. */
export const retentionDefault = { withinSec: 7 * daySec, hourly: 24, daily: 30, weekly: 8, monthly: 12 } as const

/** What a schedule may ask for at most: ten years of hours. */
export const retentionCountMax = 100_000
const withinSecMax = 100 * 366 * daySec

const units: readonly (readonly [string, number])[] = [['w', 7 * daySec], ['d', daySec], ['h', 3600], ['m', 60], ['s', 1]]

/** '7d', '36h', '0': seconds; undefined: it is none. */
export function parseSpan(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})([wdhms]?)$/.exec(text.trim()) ?? []
  if (digits === undefined) return undefined
  const factor = units.find(([name]) => name === unit)?.[1]
  if (factor === undefined) return Number(digits) === 0 ? 0 : undefined
  const sec = Number(digits) * factor
  return sec <= withinSecMax ? sec : undefined
}

/** In days, or the largest unit below that says it exactly. */
export function spanText(sec: number): string {
  if (sec === 0) return '0'
  const [name, factor] = units.find(([unit, each]) => unit !== 'w' && sec % each === 0) ?? ['s', 1]
  return `${sec / factor}${name}`
}

export function requireSpan(text: string, subject: string): number {
  const sec = parseSpan(text)
  if (sec !== undefined) return sec
  throw new VaultError('usage', `${subject}: '${text}' is no stretch of time`, { subject, next: 'write it as 36h, 7d, 4w, or 0' })
}
