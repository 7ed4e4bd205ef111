// Which moments a policy keeps: a pure function of the moments, the policy and the time. FORMAT §7.3.
import type { Database } from '../../native-deps/sqlite.js'
import type { RetentionReason } from '../store/history-port.js'
import type { RetentionPolicy } from '../terms/retention.js'

export interface Candidate {
  readonly position: number
  readonly sec: number
}

/** Why each kept moment is kept; the others are let go of. `moments`: newest first. */
export function selectKept(
  moments: Iterable<Candidate>, named: ReadonlySet<number>, policy: RetentionPolicy, nowSec: number,
): Map<number, RetentionReason[]> {
  const kept = new Map<number, RetentionReason[]>()
  const schedules = [
    new Schedule('hourly', policy.hourly, (sec) => Math.floor(sec / 3600)),
    new Schedule('daily', policy.daily, dayOf),
    // Weeks begin on Monday; day 0 was a Thursday.
    new Schedule('weekly', policy.weekly, (sec) => Math.floor((dayOf(sec) + 3) / 7)),
    new Schedule('monthly', policy.monthly, monthOf),
  ]
  let isNewest = true
  for (const { position, sec } of moments) {
    const reasons: RetentionReason[] = []
    if (named.has(position)) reasons.push('named')
    for (const schedule of schedules) if (schedule.takes(sec + policy.offsetMin * 60)) reasons.push(schedule.reason)
    if (sec >= nowSec - policy.withinSec) reasons.push('recent')
    if (isNewest) reasons.push('latest')
    isNewest = false
    if (reasons.length > 0) kept.set(position, reasons)
  }
  return kept
}

/** The last moment of each of the last so many periods that have one. */
class Schedule {
  readonly reason: RetentionReason
  readonly #periodOf: (sec: number) => number
  readonly #seen = new Set<number>()
  #left: number

  constructor(reason: RetentionReason, count: number, periodOf: (sec: number) => number) {
    this.reason = reason
    this.#left = count
    this.#periodOf = periodOf
  }

  takes(sec: number): boolean {
    const period = this.#periodOf(sec)
    if (this.#left === 0 || this.#seen.has(period)) return false
    this.#seen.add(period)
    this.#left--
    return true
  }
}

function dayOf(sec: number): number {
  return Math.floor(sec / 86_400)
}

function monthOf(sec: number): number {
  const date = new Date(sec * 1000)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

export function keptMoments(database: Database, policy: RetentionPolicy, nowSec: number): Map<number, RetentionReason[]> {
  const named = new Set(database.prepare<[], number>('SELECT position FROM snapshot', 'first').all())
  const moments = database.prepare<[], Candidate>('SELECT position, sec FROM moment WHERE kept = 1 ORDER BY position DESC').all()
  return selectKept(moments, named, policy, nowSec)
}
