// Names: looking them up, making and removing them, listing them.
import { encodeAcl, accessAclName, defaultAclName } from '../../lib/tree/posix/acl.js'
import { isFixed, isImmutable } from '../../lib/tree/posix/flags.js'
import { createdModes } from '../../lib/tree/posix/modes.js'
import { isDirectory, isFile, modeType, newEntry, touchChanged, touchModified, type Entry, type Name } from '../../lib/tree/entry.js'
import type { Change } from '../../lib/tree/change.js'
import { limits } from '../../lib/terms/limits.js'
import type { Attributes, Caller, Errno, FillDirectory } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { attributesOf, orphan, type Volume } from './volume.js'

export function lookup(volume: Volume, parent: number, name: Name): Attributes | Errno {
  const { tree } = volume.vault
  // The kernel asks for `.` and `..` of any nodeid it once knew (EXPORT_SUPPORT).
  const special = name === '.' || name === '..'
  if (special) {
    const directory = tree.get(parent)
    if (directory === undefined) return errno.ESTALE
    const entry = name === '.' ? directory : tree.get(directory.parent)
    return entry === undefined ? errno.ESTALE : attributesOf(volume, entry)
  }
  const dirent = tree.lookup(parent, name)
  const entry = dirent === undefined ? undefined : tree.get(dirent.ino)
  return entry === undefined ? errno.ENOENT : attributesOf(volume, entry)
}

export interface Place {
  readonly parent: number
  readonly name: Name
}

export interface Making extends Caller {
  /** Type and permission bits asked for. */
  readonly mode: number
  readonly umask: number
  readonly rdev?: number
  readonly target?: Uint8Array
}

/** Makes an entry and names it. */
export function make(volume: Volume, place: Place, making: Making): Entry | Errno {
  const { tree } = volume.vault
  const parent = tree.get(place.parent)
  if (parent === undefined) return errno.ESTALE
  if (!isDirectory(parent)) return errno.ENOTDIR
  if (parent.nlink === 0) return errno.ENOENT
  if (tree.lookup(place.parent, place.name) !== undefined) return errno.EEXIST
  if (isImmutable(parent)) return errno.EPERM
  const directory = (making.mode & modeType.mask) === modeType.directory
  if (directory && parent.nlink >= limits.linksMax) return errno.EMLINK
  const change = volume.vault.change()
  const entry = create(volume, change, parent, making)
  bind(volume, change, place, entry)
  change.commit()
  return entry
}

/** A new entry without a name, in a change that is not committed yet. */
export function create(volume: Volume, change: Change, parent: Entry, making: Making): Entry {
  const { vault } = volume
  const created = createdModes({
    parentMode: parent.mode, parentGid: parent.gid, parentDefaultAcl: parent.xattrs?.get(defaultAclName),
    mode: making.mode, umask: making.umask, callerUid: making.uid, callerGid: making.gid,
  })
  const entry = newEntry({
    ino: vault.newIno(), id: vault.newEntryId(), mode: created.mode, uid: created.uid, gid: created.gid,
    rdev: making.rdev ?? 0, now: vault.now(),
  })
  if (making.target !== undefined) entry.target = new Uint8Array(making.target)
  const xattrs = new Map<Name, Uint8Array>()
  if (created.accessAcl !== undefined) xattrs.set(accessAclName, encodeAcl(created.accessAcl))
  if (created.defaultAcl !== undefined) xattrs.set(defaultAclName, created.defaultAcl)
  if (xattrs.size > 0) entry.xattrs = xattrs
  change.create(entry)
  return entry
}

/** Gives an entry a name that is free. */
export function bind(volume: Volume, change: Change, { parent, name }: Place, entry: Entry): void {
  const directory = change.edit(parent)
  directory.children++
  touchModified(directory, volume.vault.now())
  if (isDirectory(entry)) {
    directory.nlink++
    change.edit(entry.ino).parent = parent
  }
  change.bind(parent, name, entry.ino)
}

/** Counts one name less; the entry itself may live on without one. */
export function loseName(volume: Volume, change: Change, ino: number): void {
  const entry = change.edit(ino)
  entry.nlink = isDirectory(entry) ? 0 : entry.nlink - 1
  touchChanged(entry, volume.vault.now())
}

/** Whether no name may be taken out of the directory, nor come to mean something else. */
export function keepsNames(volume: Volume, ino: number): boolean {
  const directory = volume.vault.tree.get(ino)
  return directory !== undefined && isFixed(directory)
}

export function remove(volume: Volume, { parent, name }: Place, wanted: 'file' | 'directory'): number {
  const { tree } = volume.vault
  const dirent = tree.lookup(parent, name)
  const entry = dirent === undefined ? undefined : tree.get(dirent.ino)
  if (entry === undefined) return errno.ENOENT
  const directory = isDirectory(entry)
  if (wanted === 'file' && directory) return errno.EISDIR
  if (wanted === 'directory' && !directory) return errno.ENOTDIR
  if (isFixed(entry) || keepsNames(volume, parent)) return errno.EPERM
  if (entry.children > 0) return errno.ENOTEMPTY
  const change = volume.vault.change()
  const from = change.edit(parent)
  from.children--
  if (directory) from.nlink--
  touchModified(from, volume.vault.now())
  loseName(volume, change, entry.ino)
  change.unbind(parent, name)
  change.commit()
  if (tree.get(entry.ino)?.nlink === 0) orphan(volume, entry.ino)
  return 0
}

export function list(volume: Volume, ino: number, cookie: number, plus: boolean, fill: FillDirectory): number {
  const { tree } = volume.vault
  const directory = tree.get(ino)
  if (directory === undefined) return errno.ESTALE
  if (!isDirectory(directory)) return errno.ENOTDIR
  if (cookie < 1 && !fill('.', ino, directory.mode, 1, null)) return 0
  if (cookie < 2 && !fill('..', directory.parent, modeType.directory, 2, null)) return 0
  volume.ahead?.lists(ino, cookie <= 2)
  tree.list(ino, cookie, (dirent) => {
    const entry = tree.get(dirent.ino)
    if (plus && entry !== undefined && isFile(entry)) volume.ahead?.shows(entry.ino)
    // A name whose entry is missing is damage: listed, so that it shows, and a stat of it says so.
    if (entry === undefined) return fill(dirent.name, dirent.ino, 0, dirent.cookie, null)
    return fill(dirent.name, dirent.ino, entry.mode, dirent.cookie, plus ? attributesOf(volume, entry) : null)
  })
  return 0
}
