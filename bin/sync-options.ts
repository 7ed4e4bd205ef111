// How fast a mounted vault may speak with its nodes, and when, as options and settings say it.

import { parseRate, parseSchedule, type SyncLimits } from '../lib/terms/sync-limits.js'

export const syncOptions = {
  'upload-limit': { type: 'string', requiresArg: true, describe: 'Send to nodes at most so many bytes a second: 500K, 2M (default: no limit)' },
  'download-limit': { type: 'string', requiresArg: true, describe: 'The same for what comes from them' },
  'sync-schedule': { type: 'string', requiresArg: true, describe: "Other limits at some times of day: '08:00-18:00=500K,18:00-23:00=off'" },
} as const

/** As it stands in settings; undefined: it is none. */
export function readRate(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && parseRate(text) !== undefined ? text : undefined
}

export function readSchedule(value: unknown): string | undefined {
  return typeof value === 'string' && parseSchedule(value) !== undefined ? value : undefined
}

/** Of settings that were read. */
export function syncLimitsFrom({ uploadLimit, downloadLimit, syncSchedule }: { readonly uploadLimit: string; readonly downloadLimit: string; readonly syncSchedule: string }): SyncLimits {
  return { up: parseRate(uploadLimit) ?? Infinity, down: parseRate(downloadLimit) ?? Infinity, windows: parseSchedule(syncSchedule) ?? [] }
}
