// Whether a row of the catalog is what the manifest tells of an entry. Not told, or told late, are access times, blocks,
// and the counts that follow from names: those are held against the names themselves.
import type { StoredEntry } from './catalog/inventory.js'
import type { CurrentEntry, CurrentRows } from './history/current-rows.js'
import { decodeAttributes } from './tree/entry-codec.js'
import { isDirectory, rootIno } from './tree/entry.js'

/** Of the record (FORMAT §10.1): link count; blocks and access time; parent and number of names. */
const notTold = [[21, 25], [45, 65], [101, 113]] as const

/** Undefined: nothing. An entry without a name that is open, or was when the vault was left, is nobody else's business. */
export function catalogFault(stored: StoredEntry | undefined, told: CurrentEntry | undefined, rows: CurrentRows): string | undefined {
  if (stored === undefined) return told === undefined ? undefined : 'the entry is missing'
  if (told === undefined) return stored.orphan === 1 ? undefined : 'the entry is not in the manifest'
  if (Buffer.compare(stored.id, told.id) !== 0) return 'the entry has the number of another one'
  if (Buffer.compare(stored.content ?? none, told.content ?? none) !== 0) return 'other content'
  if (Buffer.compare(comparable(Buffer.concat([stored.attributes, stored.xattrs ?? none])), comparable(told.record)) !== 0) return 'other properties'
  return countsFault(stored, rows)
}

const none = Buffer.alloc(0)

function comparable(record: Buffer): Buffer {
  const out = Buffer.from(record)
  for (const [from, to] of notTold) out.fill(0, from, to)
  return out
}

function countsFault({ ino, attributes }: StoredEntry, rows: CurrentRows): string | undefined {
  const { entry } = decodeAttributes(attributes, 0, ino)
  const wrong = 'link count or number of names do not fit the names'
  if (!isDirectory(entry)) return entry.nlink === rows.linkCount(ino) ? undefined : wrong
  const { names, folders } = rows.children(ino)
  const parent = ino === rootIno ? rootIno : rows.parentOf(ino)
  return entry.children === names && entry.nlink === 2 + folders && entry.parent === parent ? undefined : wrong
}
