// Moments on the command line: FILE@WHEN, and WHEN alone. Local time is that of whoever types.

import { lstatSync } from 'node:fs'
import type { When } from '../lib/control/past-port.js'
import { VaultError } from '../lib/terms/errors.js'
import { requireMoment } from '../lib/terms/moment-name.js'
import { systemClock } from './system-sources.js'

/** A moment, a snapshot's name, or the present. What has the form of a moment and is none is refused ('usage'). */
export function whenOf(text: string): When {
  if (text === 'now' || text === 'present') return { kind: 'now' }
  const moment = requireMoment(text, systemClock.now().sec)
  if (moment === undefined) return { kind: 'snapshot', name: text }
  return moment.kind === 'latest' ? { kind: 'latest' } : { kind: 'through', sec: moment.throughSec }
}

/** The last @ splits, unless a file has that very name: then the moment is missing. */
export function splitWhen(asked: string): { readonly file: string; readonly when: string } {
  const at = asked.lastIndexOf('@')
  // '@GMT-2024.05.01-14.30.05' and '@1714573805' begin with one of their own.
  const cut = asked[at - 1] === '@' ? at - 1 : at
  const [file, when] = [asked.slice(0, cut), asked.slice(cut + 1)]
  if (at > 0 && file !== '' && when !== '' && !when.includes('/') && !exists(asked)) return { file, when }
  throw new VaultError('usage', `${asked}: as it was when?`, {
    subject: asked, next: "put the moment behind an @, such as 'notes.txt@yesterday' or 'notes.txt@2024-05-01T14:30'",
  })
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
