// Moments, paths and policies as people read them, and as scripts do.

import type { MomentReport, PolicyReport } from '../lib/control/past-port.js'
import { dayName, exactName } from '../lib/terms/moment-name.js'
import { spanText } from '../lib/terms/retention.js'
import { count } from './report.js'

/** In local time. */
export function timeText(sec: number): string {
  const at = new Date(sec * 1000)
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${dayName(sec)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export function momentText({ sec }: MomentReport): string {
  return `${exactName(sec)} (${timeText(sec)})`
}

export function deviceText({ device, deviceName }: MomentReport): string {
  return deviceName ?? device.slice(0, 8)
}

/** `moment` is its name in `.versions`. */
export interface MomentJson {
  readonly moment: string
  readonly sec: number
  readonly nsec: number
  readonly device: string
  readonly deviceName: string | null
  readonly sequence: number
}

export function momentJson({ sec, nsec, device, deviceName, sequence }: MomentReport): MomentJson {
  return { moment: exactName(sec), sec, nsec, device, deviceName, sequence }
}

/** Bytes (one latin1 character each) as UTF-8; a name that is none, or would move the cursor, as git quotes it. */
export function pathText(path: string): string {
  const bytes = Buffer.from(path, 'latin1')
  const text = bytes.toString('utf8')
  const isPlain = !/[\p{Cc}\p{Cf}\u2028\u2029"\\]/u.test(text) && Buffer.from(text, 'utf8').equals(bytes)
  if (isPlain) return text === '' ? '.' : text
  const escaped = [...bytes].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
    return byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte)
  })
  return `"${escaped.join('')}"`
}

/** For a script: the text, and where that can't say it, the bytes. */
export function pathJson(path: string): { readonly path: string; readonly pathBase64?: string } {
  const bytes = Buffer.from(path, 'latin1')
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? { path: text } : { path: text, pathBase64: bytes.toString('base64') }
}

/** For a shell. */
export function quoted(text: string): string {
  return /^[\w./@:,+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

export function policyText({ withinSec, hourly, daily, weekly, monthly }: PolicyReport): string {
  const within = withinSec === 0 ? [] : [`everything of the last ${spanText(withinSec)}`]
  const schedule = [[hourly, 'hour'], [daily, 'day'], [weekly, 'week'], [monthly, 'month']] as const
  const last = schedule.flatMap(([number, unit]) => (number === 0 ? [] : [count(number, unit)]))
  return [...within, ...(last.length === 0 ? [] : [`the last state of ${last.join(', ')}`]), 'what has a name, and the newest'].join('; ')
}
