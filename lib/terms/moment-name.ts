// How moments are written, in `.versions`, at the prompt and in what we print. What can't be a date is no moment, but it
// still looks like one: no snapshot may have such a name, or a name would be two things.
import { VaultError } from './errors.js'
import { limits } from './limits.js'
import {
  dayBegin, daysBefore, isDay, isTimeOfDay, localDay, localSecond, monthsBefore, secondAt, type CalendarDay,
} from './local-time.js'

export interface Moment {
  /** exact: one second of UTC. day: a local day by its date. latest: whatever is newest. moment: all others; some move on with the clock. */
  readonly kind: 'exact' | 'day' | 'moment' | 'latest'
  /** Its last second: what is meant is the newest state at or before the end of it. */
  readonly throughSec: number
}

const noSuchTime = 'no-such-time'
type Read = Moment | typeof noSuchTime | undefined

const exactShape = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)([:-])(\d\d)\5(\d\d)Z$/
const sambaShape = /^@GMT-(\d{4})\.(\d\d)\.(\d\d)-(\d\d)\.(\d\d)\.(\d\d)$/
const dayShape = /^(\d{4})-(\d\d)-(\d\d)$/
const monthShape = /^(\d{4})-(\d\d)$/
const timeShape = /^(\d{4})-(\d\d)-(\d\d)[T_ ](\d\d)([:-])(\d\d)(?:\5(\d\d))?(?:(Z)|([+-])(\d\d):?(\d\d))?$/
const clockShape = /^(\d\d):(\d\d)(?::(\d\d))?$/
const agoShape = /^(\d{1,6})[ _-]?([a-z]+?)s?(?:[ _-]ago)?$/
const epochShape = /^@(\d{1,12})$/
/** Not one of the above, but a person would take it for one. */
const dateLike = /^@|^\d{4}-\d{1,2}(-\d{1,2})?([T_ ]\d{1,2}([:-]\d{1,2}){0,2}Z?)?$|^\d{1,2}:\d{1,2}(:\d{1,2})?$/
/** What commands call the present. */
const presentWords = new Set(['now', 'present'])

const secondsOf = new Map([['s', 1], ['sec', 1], ['second', 1], ['m', 60], ['min', 60], ['minute', 60], ['h', 3600], ['hr', 3600], ['hour', 3600]])
const daysOf = new Map([['d', 1], ['day', 1], ['w', 7], ['week', 7]])
const monthsOf = new Map([['mo', 1], ['month', 1], ['y', 12], ['year', 12]])

/** The moment of that name; undefined: it is not one, and may be the name of a snapshot. */
export function parseMoment(text: string, nowSec: number): Moment | undefined {
  const moment = read(text, nowSec)
  return moment === noSuchTime ? undefined : moment
}

/** A date can be no further away; what is told in years ago may be. */
const secMax = 8.64e12

/** For commands: as parseMoment, but what has the form of a moment and can't be one is refused ('usage'). */
export function requireMoment(text: string, nowSec: number): Moment | undefined {
  const moment = read(text, nowSec)
  if (moment !== noSuchTime && (moment !== undefined || !dateLike.test(text))) return moment
  throw new VaultError('usage', `${text} is no date and time that there is`, {
    subject: text, next: 'Write it as 2024-05-01, 2024-05-01T14:30, 14:30, yesterday, "3h ago" or latest.',
  })
}

/** In UTC, as directories in `.versions` are called. */
export function exactName(sec: number): string {
  return `${new Date(sec * 1000).toISOString().slice(0, 19).replaceAll(':', '-')}Z`
}

/** The local day on which the second lies. */
export function dayName(sec: number): string {
  const { year, month, day } = localDay(sec)
  return [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-')
}

/** Why a snapshot can't have this name, to be said after it; undefined: it can. */
export function snapshotNameFault(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (/[/\0\n]/.test(name)) return 'holds a slash, a zero or a line break'
  if (name.startsWith('.')) return 'begins with a dot'
  if (Buffer.byteLength(name) > limits.snapshotNameBytesMax) return `is longer than ${limits.snapshotNameBytesMax} bytes`
  const lower = name.toLowerCase()
  if (presentWords.has(lower) || dateLike.test(name) || read(name, 0) !== undefined) return 'is, or looks like, a moment'
  return undefined
}

export function isReservedName(name: string): boolean {
  return snapshotNameFault(name) !== undefined
}

function read(text: string, nowSec: number): Read {
  const found = readShape(text, nowSec)
  return typeof found !== 'object' || Math.abs(found.throughSec) <= secMax ? found : noSuchTime
}

function readShape(text: string, nowSec: number): Read {
  return readExact(text) ?? readDate(text) ?? readTime(text) ?? readClock(text, nowSec) ?? readWord(text.toLowerCase(), nowSec)
}

function readExact(text: string): Read {
  const [, year, month, day, hour, , minute, second] = exactShape.exec(text) ?? []
  if (year !== undefined) return at('exact', dayOf(year, month, day), timeOf(hour, minute, second), 0)
  const samba = sambaShape.exec(text)
  if (samba !== null) return at('exact', dayOf(samba[1], samba[2], samba[3]), timeOf(samba[4], samba[5], samba[6]), 0)
  const epoch = epochShape.exec(text)
  return epoch === null ? undefined : { kind: 'moment', throughSec: Number(epoch[1]) }
}

function readDate(text: string): Read {
  const date = dayShape.exec(text)
  if (date !== null) {
    const day = dayOf(date[1], date[2], date[3])
    return isDay(day) ? { kind: 'day', throughSec: dayEnd(day) } : noSuchTime
  }
  const month = monthShape.exec(text)
  if (month === null) return undefined
  const first = dayOf(month[1], month[2], '1')
  return isDay(first) ? { kind: 'moment', throughSec: dayBegin({ ...first, month: first.month + 1 }) - 1 } : noSuchTime
}

function readTime(text: string): Read {
  const [, year, month, day, hour, , minute, second, utc, sign, offsetHours, offsetMinutes] = timeShape.exec(text) ?? []
  if (year === undefined) return undefined
  const offset = Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)
  if (offset > 14 * 60 || Number(offsetMinutes ?? 0) > 59) return noSuchTime
  const offsetMin = utc === undefined && sign === undefined ? undefined : sign === '-' ? -offset : offset
  // A minute lasts to its end.
  return at('moment', dayOf(year, month, day), timeOf(hour, minute, second ?? '59'), offsetMin)
}

function readClock(text: string, nowSec: number): Read {
  const clock = clockShape.exec(text)
  return clock === null ? undefined : at('moment', localDay(nowSec), timeOf(clock[1], clock[2], clock[3] ?? '59'), undefined)
}

function readWord(word: string, nowSec: number): Read {
  const today = localDay(nowSec)
  if (word === 'latest') return { kind: 'latest', throughSec: nowSec }
  if (word === 'today') return { kind: 'moment', throughSec: dayEnd(today) }
  if (word === 'yesterday') return { kind: 'moment', throughSec: dayBegin(today) - 1 }
  const [, digits, unit = ''] = agoShape.exec(word) ?? []
  if (digits === undefined) return undefined
  const count = Number(digits)
  const [seconds, days, months] = [secondsOf.get(unit), daysOf.get(unit), monthsOf.get(unit)]
  if (seconds !== undefined) return { kind: 'moment', throughSec: nowSec - count * seconds }
  if (days !== undefined) return { kind: 'moment', throughSec: daysBefore(nowSec, count * days) }
  return months === undefined ? undefined : { kind: 'moment', throughSec: monthsBefore(nowSec, count * months) }
}

/** `offsetMin` undefined: local time. */
function at(kind: Moment['kind'], day: CalendarDay, time: ReturnType<typeof timeOf>, offsetMin: number | undefined): Read {
  if (!isDay(day) || !isTimeOfDay(time)) return noSuchTime
  return { kind, throughSec: offsetMin === undefined ? localSecond(day, time) : secondAt(day, time, offsetMin) }
}

function dayEnd(day: CalendarDay): number {
  return dayBegin({ ...day, day: day.day + 1 }) - 1
}

function dayOf(year = '', month = '', day = ''): CalendarDay {
  return { year: Number(year), month: Number(month), day: Number(day) }
}

function timeOf(hour = '', minute = '', second = ''): { readonly hour: number; readonly minute: number; readonly second: number } {
  return { hour: Number(hour), minute: Number(minute), second: Number(second) }
}
