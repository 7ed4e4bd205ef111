// How fast a vault may speak with its nodes, and when: as options and settings write it. '2M' are bytes a second; a
// schedule is '08:00-18:00=500K,18:00-23:00=off', local time, the first window that fits counts; outside of all of them
// the two limits do.

/** Bytes a second; Infinity: as fast as it goes; 0: not at all. */
export interface SyncRates {
  readonly up: number
  readonly down: number
}

export interface SyncWindow extends SyncRates {
  /** Minutes of the day; `to` below `from`: over midnight. */
  readonly fromMin: number
  readonly toMin: number
}

export interface SyncLimits extends SyncRates {
  readonly windows: readonly SyncWindow[]
}

export const unlimited: SyncLimits = { up: Infinity, down: Infinity, windows: [] }

const factors: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }
/** Less would not carry a blob within a node's patience. */
const rateMin = 1024
const windowsMax = 32

/** Bytes a second; '': no limit; undefined: it is none. */
export function parseRate(text: string): number | undefined {
  if (text === '') return Infinity
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([KMG]?)$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) return undefined
  const rate = Math.floor(Number(digits) * (factors[unit.toUpperCase()] ?? 1))
  return rate >= rateMin ? rate : undefined
}

/** Windows of `HH:MM-HH:MM=RATE`, `=UP/DOWN` or `=off`; '': none; undefined: it is no schedule. */
export function parseSchedule(text: string): readonly SyncWindow[] | undefined {
  if (text === '') return []
  const windows = text.split(',').map((part) => parseWindow(part.trim()))
  return windows.length <= windowsMax && windows.every((one) => one !== undefined) ? windows : undefined
}

function parseWindow(text: string): SyncWindow | undefined {
  const [, from, to, rates] = /^(\d\d:\d\d)-(\d\d:\d\d)=(.+)$/.exec(text) ?? []
  const [fromMin, toMin] = [minuteOf(from), minuteOf(to)]
  if (fromMin === undefined || toMin === undefined || rates === undefined || fromMin === toMin) return undefined
  if (rates === 'off') return { fromMin, toMin, up: 0, down: 0 }
  const [up, down, more] = rates.split('/').map((rate) => (rate === '' ? undefined : parseRate(rate)))
  if (up === undefined || more !== undefined) return undefined
  if (rates.includes('/') && down === undefined) return undefined
  return { fromMin, toMin, up, down: down ?? up }
}

function minuteOf(text: string | undefined): number | undefined {
  const [hours = NaN, minutes = NaN] = (text ?? '').split(':').map(Number)
  return (hours < 24 && minutes < 60) || (hours === 24 && minutes === 0) ? hours * 60 + minutes : undefined
}

/** What holds at that minute of the local day. */
export function ratesAt(limits: SyncLimits, minute: number): SyncRates {
  const inside = ({ fromMin, toMin }: SyncWindow): boolean => (fromMin < toMin ? minute >= fromMin && minute < toMin : minute >= fromMin || minute < toMin)
  return limits.windows.find(inside) ?? limits
}
