// Seconds of the calendar: from a date and time of day as written to seconds since 1970, in the process's time zone or at
// an offset. Where the clock was set back, a time of day came twice: the later one is meant, as states are looked for at or before it.

export interface CalendarDay {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

export interface TimeOfDay {
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const clockChangeHours = 3
const hourMs = 3600_000
const minuteMs = 60_000

export function isDay({ year, month, day }: CalendarDay): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month)
}

export function isTimeOfDay({ hour, minute, second }: TimeOfDay): boolean {
  return hour < 24 && minute < 60 && second < 60
}

function daysOf(year: number, month: number): number {
  const last = new Date(0)
  last.setUTCFullYear(year, month, 0)
  return last.getUTCDate()
}

/** At `offsetMin` minutes east of UTC. */
export function secondAt({ year, month, day }: CalendarDay, { hour, minute, second }: TimeOfDay, offsetMin: number): number {
  // Not Date.UTC: it takes the years before 100 for those of the last century.
  const at = new Date(0)
  at.setUTCFullYear(year, month - 1, day)
  at.setUTCHours(hour, minute, second)
  return at.getTime() / 1000 - offsetMin * 60
}

/** By the clock on the wall. A time that a change of the clock leaves out is read as if it had not been changed. */
export function localSecond(day: CalendarDay, time: TimeOfDay): number {
  const first = wall(day, time)
  const behind = new Date(first.getTime() + clockChangeHours * hourMs).getTimezoneOffset() - first.getTimezoneOffset()
  const again = new Date(first.getTime() + behind * minuteMs)
  const isSame = behind > 0 && again.getHours() === first.getHours() && again.getMinutes() === first.getMinutes()
  return (isSame ? again : first).getTime() / 1000
}

/** First second of the local day: not always midnight. */
export function dayBegin({ year, month, day }: CalendarDay): number {
  return wall({ year, month, day }, { hour: 0, minute: 0, second: 0 }).getTime() / 1000
}

function wall({ year, month, day }: CalendarDay, { hour, minute, second }: TimeOfDay): Date {
  const at = new Date(0)
  at.setHours(12, 0, 0, 0)
  at.setFullYear(year, month - 1, day)
  at.setHours(hour, minute, second)
  return at
}

export function localDay(sec: number): CalendarDay {
  const at = new Date(sec * 1000)
  return { year: at.getFullYear(), month: at.getMonth() + 1, day: at.getDate() }
}

/** The same time of day so many days earlier. */
export function daysBefore(sec: number, days: number): number {
  const at = new Date(sec * 1000)
  at.setDate(at.getDate() - days)
  return at.getTime() / 1000
}

/** The same day of an earlier month, or that month's last. */
export function monthsBefore(sec: number, months: number): number {
  const at = new Date(sec * 1000)
  const day = at.getDate()
  at.setDate(1)
  at.setMonth(at.getMonth() - months)
  at.setDate(Math.min(day, daysOf(at.getFullYear(), at.getMonth() + 1)))
  return at.getTime() / 1000
}
