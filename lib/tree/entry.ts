// An entry of the tree: a file, directory, link or special file. Its number is the inode number and is never used
// again. Every field an Attributes (native-deps/fuse/handler.ts) has is here, so that an entry answers a stat as it is.
import type { EntryId } from '../terms/bytes.js'

/** A name as bytes, one latin1 character each: any byte sequence survives. */
export type Name = string

export const rootIno = 1

/** Type bits of a mode, <linux/stat.h>. */
export const modeType = {
  mask: 0o170000, file: 0o100000, directory: 0o040000, symlink: 0o120000, fifo: 0o010000, socket: 0o140000,
  character: 0o020000, block: 0o060000,
} as const

export interface Entry {
  ino: number
  id: EntryId
  mode: number
  nlink: number
  uid: number
  gid: number
  rdev: number
  /** Bytes, as far as the log knows; writes that are only in memory show in lib/content. */
  size: number
  /** 512-byte units of data that is not hole; 0 for what has no content. */
  blocks: number
  atimeSec: number
  atimeNsec: number
  mtimeSec: number
  mtimeNsec: number
  ctimeSec: number
  ctimeNsec: number
  btimeSec: number
  btimeNsec: number
  /** Of a directory: where `..` leads. 0 otherwise. */
  parent: number
  /** Of a directory: how many names are in it. */
  children: number
  /** Of a symlink. */
  target: Uint8Array | null
  /** Never changed in place: a new map replaces it. */
  xattrs: ReadonlyMap<Name, Uint8Array> | null
  /** Published content, as encoded by lib/content/content-reference.ts; empty: none. Never changed in place. */
  content: Uint8Array
}

export const noContent: Uint8Array = new Uint8Array(0)

export interface Moment {
  readonly sec: number
  readonly nsec: number
}

export interface NewEntry {
  readonly ino: number
  readonly id: EntryId
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly rdev: number
  readonly now: Moment
}

export function newEntry({ ino, id, mode, uid, gid, rdev, now }: NewEntry): Entry {
  const directory = (mode & modeType.mask) === modeType.directory
  return {
    ino, id, mode, nlink: directory ? 2 : 1, uid, gid, rdev, size: 0, blocks: 0,
    atimeSec: now.sec, atimeNsec: now.nsec, mtimeSec: now.sec, mtimeNsec: now.nsec,
    ctimeSec: now.sec, ctimeNsec: now.nsec, btimeSec: now.sec, btimeNsec: now.nsec,
    parent: 0, children: 0, target: null, xattrs: null, content: noContent,
  }
}

export function cloneEntry(entry: Entry): Entry {
  return { ...entry }
}

/** In memory, about: the object with its numbers and id, then what it has of its own. */
const plainEntryBytes = 600
const xattrBytes = 400

export function entryBytes({ content, target, xattrs }: Entry): number {
  let bytes = plainEntryBytes + content.byteLength + (target?.byteLength ?? 0)
  if (xattrs !== null) for (const [name, value] of xattrs) bytes += xattrBytes + name.length + value.byteLength
  return bytes
}

export function isDirectory(entry: Entry): boolean {
  return (entry.mode & modeType.mask) === modeType.directory
}

export function isFile(entry: Entry): boolean {
  return (entry.mode & modeType.mask) === modeType.file
}

export function isSymlink(entry: Entry): boolean {
  return (entry.mode & modeType.mask) === modeType.symlink
}

/** A name was added, removed or replaced in a directory, or a file's content changed. */
export function touchModified(entry: Entry, now: Moment): void {
  entry.mtimeSec = entry.ctimeSec = now.sec
  entry.mtimeNsec = entry.ctimeNsec = now.nsec
}

/**
 * A write of that moment is logged, perhaps after the entry changed otherwise: its change time does not go back, unless
 * it was set to a time that has not come yet.
 */
export function touchWritten(entry: Entry, written: Moment, now: Moment): void {
  const { ctimeSec, ctimeNsec } = entry
  touchModified(entry, written)
  const changed = { sec: ctimeSec, nsec: ctimeNsec }
  if (!isLater(changed, written) || isLater(changed, now)) return
  entry.ctimeSec = ctimeSec
  entry.ctimeNsec = ctimeNsec
}

function isLater(one: Moment, other: Moment): boolean {
  return one.sec > other.sec || (one.sec === other.sec && one.nsec > other.nsec)
}

export function touchChanged(entry: Entry, now: Moment): void {
  entry.ctimeSec = now.sec
  entry.ctimeNsec = now.nsec
}
