// Who owns what on this machine, as options and settings say it: `--map-uid 1000:1001`, again for more, or with commas in
// settings; `--force-owner me`.

import { parseIdRange, type IdRange } from '../mount/owners/id-map.js'
import { ownersOf, type Owner, type Owners } from '../mount/owners/owners.js'
import { VaultError } from '../lib/terms/errors.js'

const pair = 'STORED:SHOWN[:COUNT]'
export const ownerOptions = {
  'map-uid': { type: 'string', requiresArg: true, describe: `Show the files of one user as another's, both ways: ${pair}; again for more` },
  'map-gid': { type: 'string', requiresArg: true, describe: `The same for groups: ${pair}` },
  'force-owner': { type: 'string', requiresArg: true, describe: "Everything is shown as, and made by, this one: 'me' or UID:GID" },
} as const

/** As it stands in settings: ranges with commas between; undefined: it is none. */
export function readIdRanges(value: unknown): string | undefined {
  // An option that is given several times is a list.
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (!parts.every((one) => typeof one === 'string')) return undefined
  const text = parts.join(',')
  return text === '' || text.split(',').every((one) => parseIdRange(one) !== undefined) ? text : undefined
}

export function readOwner(value: unknown): string | undefined {
  return typeof value === 'string' && (value === '' || value === 'me' || ownerIn(value) !== undefined) ? value : undefined
}

export interface OwnerSettings {
  readonly mapUid: string
  readonly mapGid: string
  readonly forceOwner: string
}

/** Undefined: owners are shown as they are stored. */
export function ownersFrom({ mapUid, mapGid, forceOwner }: OwnerSettings): Owners | undefined {
  if (forceOwner !== '' && mapUid + mapGid !== '')
    throw new VaultError('usage', '--force-owner and --map-uid or --map-gid exclude each other', { subject: '--force-owner', next: 'give one of them' })
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const forced = forceOwner === 'me' ? me : ownerIn(forceOwner)
  return ownersOf({ users: rangesIn(mapUid), groups: rangesIn(mapGid), ...(forced === undefined ? {} : { forced }) })
}

function rangesIn(text: string): readonly IdRange[] {
  return text.split(',').map(parseIdRange).filter((range) => range !== undefined)
}

function ownerIn(text: string): Owner | undefined {
  const range = /^\d+:\d+$/.test(text) ? parseIdRange(text) : undefined
  return range === undefined ? undefined : { uid: range.stored, gid: range.shown }
}
