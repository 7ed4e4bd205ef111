// Whether an entry of the present is as one of the past was. Access times never count: they are not kept.
import type { Contents } from './content/contents.js'
import { equalBytes } from './terms/bytes.js'
import { isDirectory, isFile, isSymlink, modeType, type Entry, type Name } from './tree/entry.js'

export type EntryKind = 'file' | 'directory' | 'symlink' | 'special'

export function kindOf(entry: Entry): EntryKind {
  if (isFile(entry)) return 'file'
  if (isDirectory(entry)) return 'directory'
  return isSymlink(entry) ? 'symlink' : 'special'
}

/** Same kind and same bytes; what is not published yet counts as different. */
export function isSameContent(wanted: Entry, now: Entry, contents: Contents): boolean {
  if ((wanted.mode & modeType.mask) !== (now.mode & modeType.mask)) return false
  if (isSymlink(wanted)) return equalBytes(wanted.target ?? new Uint8Array(0), now.target ?? new Uint8Array(0))
  if (!isFile(wanted)) return wanted.rdev === now.rdev
  const open = contents.peek(now.ino)
  return (open === undefined || open.extents.size === 0) && wanted.size === now.size && equalBytes(wanted.content, now.content)
}

export function isSameAttributes(one: Entry, other: Entry): boolean {
  if (one.mode !== other.mode || one.uid !== other.uid || one.gid !== other.gid) return false
  const [a, b] = [one.xattrs ?? new Map<Name, Uint8Array>(), other.xattrs ?? new Map<Name, Uint8Array>()]
  return a.size === b.size && [...a].every(([name, value]) => equalBytes(value, b.get(name) ?? new Uint8Array(0)) && b.has(name))
}

export function isSameTime(one: Entry, other: Entry): boolean {
  return one.mtimeSec === other.mtimeSec && one.mtimeNsec === other.mtimeNsec
}
