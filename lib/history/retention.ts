// What of the past stays. Which moments a policy keeps is a pure function of the moments, the policy and the time; a
// version stays when a kept moment lies in the stretch in which it held. FORMAT §7.6.
import type { Database } from '../../native-deps/sqlite.js'
import type { ForgetPolicy, Operation } from '../format/operations.js'
import type { RetentionReason } from '../store/history-port.js'

export interface Candidate {
  readonly position: number
  readonly sec: number
}

/** Why each kept moment is kept; the others are let go of. `moments`: newest first. */
export function selectKept(
  moments: Iterable<Candidate>, named: ReadonlySet<number>, policy: ForgetPolicy, nowSec: number,
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

/** Rows that one step looks at. */
const stepRows = 20_000

/** Lets go of what the operation says, step by step: between two the thread may do something else. */
export function* forgetSteps(database: Database, { nowSec, policy, drop }: Extract<Operation, { kind: 'forget' }>): IterableIterator<void> {
  const dropSnapshot = database.prepare<[string]>('DELETE FROM snapshot WHERE name = ?')
  for (const name of drop) dropSnapshot.run(Buffer.from(name).toString('utf8'))
  const kept = keptMoments(database, policy, nowSec)
  const letGo = database.prepare<[number]>('UPDATE moment SET kept = 0 WHERE position = ?')
  const all = database.prepare<[], number>('SELECT position FROM moment WHERE kept = 1', 'first').all()
  for (const position of all) if (!kept.has(position)) letGo.run(position)
  yield
  const unkept = 'NOT EXISTS (SELECT 1 FROM moment WHERE kept = 1 AND position >= began AND position < ended)'
  yield* prune(database, 'past_dirent', 'cookie', unkept)
  yield* prune(database, 'past_version', 'version', unkept)
  yield* prune(database, 'content', 'content', `ended > 0 AND ${unkept}`)
  // Entries of which nothing is left.
  const gone = (table: string): string => `NOT EXISTS (SELECT 1 FROM version WHERE version.ino = ${table}.ino)
    AND NOT EXISTS (SELECT 1 FROM past_version WHERE past_version.ino = ${table}.ino)`
  yield* prune(database, 'content', 'content', gone('content'))
  yield* prune(database, 'node', 'ino', gone('node'))
}

export function keptMoments(database: Database, policy: ForgetPolicy, nowSec: number): Map<number, RetentionReason[]> {
  const named = new Set(database.prepare<[], number>('SELECT position FROM snapshot', 'first').all())
  const moments = database.prepare<[], Candidate>('SELECT position, sec FROM moment WHERE kept = 1 ORDER BY position DESC').all()
  return selectKept(moments, named, policy, nowSec)
}

function* prune(database: Database, table: string, key: string, condition: string): IterableIterator<void> {
  const edge = database.prepare<[number, number], number>(`SELECT ${key} FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT 1 OFFSET ?`, 'first')
  const remove = database.prepare<[number, number]>(`DELETE FROM ${table} WHERE ${key} > ? AND ${key} <= ? AND ${condition}`)
  for (let from: number = -1; ;) {
    const to = edge.get(from, stepRows)
    remove.run(from, to ?? Number.MAX_SAFE_INTEGER)
    if (to === undefined) return
    from = to
    yield
  }
}
