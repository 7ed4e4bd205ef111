// Modes, owners, times and sizes.
import { accessAclName, decodeAcl, encodeAcl, withMode } from '../../lib/tree/posix/acl.js'
import { isFixed, isImmutable } from '../../lib/tree/posix/flags.js'
import { withoutSetIds, withPermissions } from '../../lib/tree/posix/modes.js'
import { capabilityName } from '../../lib/tree/posix/xattr-names.js'
import { isDirectory, isFile, touchModified, type Entry, type Moment } from '../../lib/tree/entry.js'
import type { Change } from '../../lib/tree/change.js'
import { limits } from '../../lib/terms/limits.js'
import type { AttributeChanges, Attributes, Errno } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { attributesOf, type Volume } from './volume.js'

export function getattr(volume: Volume, ino: number): Attributes | Errno {
  const entry = volume.vault.tree.get(ino)
  return entry === undefined ? errno.ESTALE : attributesOf(volume, entry)
}

export function setattr(volume: Volume, ino: number, changes: AttributeChanges): Attributes | Errno | Promise<Attributes | Errno> {
  const { vault } = volume
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (isKept(entry, changes)) return errno.EPERM
  if (changes.size === undefined) return setNow(volume, ino, changes)
  if (!isFile(entry)) return isDirectory(entry) ? errno.EISDIR : errno.EINVAL
  if (changes.size > limits.fileBytesMax) return errno.EFBIG
  const resizing = vault.resize(vault.contents.of(entry), changes.size)
  return resizing === undefined ? setNow(volume, ino, changes) : resizing.then(() => setNow(volume, ino, changes))
}

/** notify_change(9) with the flags of chattr(1): of what is appended to, only the times move, and only to now. */
function isKept(entry: Entry, { mode, uid, gid, size, atime, mtime, ctime }: AttributeChanges): boolean {
  // Times that the kernel kept for writes which it took before.
  if (!isFixed(entry) || ctime !== undefined) return false
  const isToNow = (time: AttributeChanges['atime']): boolean => time === undefined || time === 'now'
  if (mode !== undefined || uid !== undefined || gid !== undefined || size !== undefined || !isToNow(atime) || !isToNow(mtime)) return true
  return (atime ?? mtime) !== undefined && isImmutable(entry)
}

function setNow(volume: Volume, ino: number, changes: AttributeChanges): Attributes | Errno {
  const { vault } = volume
  if (vault.tree.get(ino) === undefined) return errno.ESTALE
  const change = vault.change()
  const entry = change.edit(ino)
  const content = vault.contents.peek(ino)
  // Times of writes that are not logged yet belong before the times set now.
  if (content?.times !== undefined) touchModified(entry, content.times)
  if (content !== undefined) content.times = undefined
  if (changes.killSuidGid === true) killSetIds(change, entry)
  if (changes.uid !== undefined) entry.uid = changes.uid
  if (changes.gid !== undefined) entry.gid = changes.gid
  if (changes.mode !== undefined) setMode(change, entry, changes.mode)
  setTimes(entry, changes, vault.now())
  change.commit()
  return attributesOf(volume, entry)
}

function setMode(change: Change, entry: Entry, mode: number): void {
  entry.mode = withPermissions(entry.mode, mode)
  const stored = entry.xattrs?.get(accessAclName)
  const acl = stored === undefined ? undefined : decodeAcl(stored)
  if (acl !== undefined) change.setXattrs(entry.ino, new Map(entry.xattrs).set(accessAclName, encodeAcl(withMode(acl, entry.mode))))
}

function setTimes(entry: Entry, changes: AttributeChanges, now: Moment): void {
  if (changes.atime !== undefined) {
    const { sec, nsec } = changes.atime === 'now' ? now : changes.atime
    entry.atimeSec = sec
    entry.atimeNsec = nsec
  }
  if (changes.mtime !== undefined) {
    const { sec, nsec } = changes.mtime === 'now' ? now : changes.mtime
    entry.mtimeSec = sec
    entry.mtimeNsec = nsec
  }
  const { sec, nsec } = changes.ctime ?? now
  entry.ctimeSec = sec
  entry.ctimeNsec = nsec
}

/** What a write, a truncation or a new owner takes away: set-uid, set-gid and file capabilities. */
export function killSetIds(change: Change, entry: Entry): void {
  entry.mode = withoutSetIds(entry.mode)
  if (entry.xattrs?.has(capabilityName) !== true) return
  const xattrs = new Map(entry.xattrs)
  xattrs.delete(capabilityName)
  change.setXattrs(entry.ino, xattrs)
}

/** As a change of its own, when there is anything to take away. */
export function killSetIdsNow(volume: Volume, entry: Entry): void {
  if (withoutSetIds(entry.mode) === entry.mode && entry.xattrs?.has(capabilityName) !== true) return
  const change = volume.vault.change()
  killSetIds(change, change.edit(entry.ino))
  change.commit()
}
