// Extended attributes; access lists are kept in step with the mode.
import { accessAclName, decodeAcl, defaultAclName, encodeAcl, withAccessAcl } from '../../lib/tree/posix/acl.js'
import { flagsName, isFixed } from '../../lib/tree/posix/flags.js'
import { setGid } from '../../lib/tree/posix/modes.js'
import { stateName, xattrKind } from '../../lib/tree/posix/xattr-names.js'
import { isDirectory, isFile, touchChanged, type Entry, type Name } from '../../lib/tree/entry.js'
import { limits } from '../../lib/terms/limits.js'
import type { Errno } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import type { Volume } from './volume.js'

export interface XattrSetting {
  readonly name: Name
  readonly value: Uint8Array
  /** XATTR_CREATE 1, XATTR_REPLACE 2. */
  readonly flags: number
  readonly killSgid: boolean
}

export function setxattr(volume: Volume, ino: number, setting: XattrSetting): number {
  const { name, value, flags } = setting
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  const kind = xattrKind(name)
  if (kind === undefined) return errno.EOPNOTSUPP
  if (isFixed(entry) || name === stateName) return errno.EPERM
  if (value.byteLength > limits.xattrValueBytesMax) return errno.E2BIG
  const known = entry.xattrs?.has(name) ?? false
  if ((flags & 1) !== 0 && known) return errno.EEXIST
  if ((flags & 2) !== 0 && !known) return errno.ENODATA
  if (bytesOf(entry, name) + name.length + value.byteLength > limits.xattrsBytesMax) return errno.ENOSPC
  const refused = kind === 'acl' ? refuseAcl(entry, name, value) : undefined
  if (refused !== undefined) return refused
  const change = volume.vault.change()
  const changed = change.edit(ino)
  const xattrs = new Map(changed.xattrs)
  if (kind === 'acl') {
    applyAcl(changed, xattrs, name, value)
    if (setting.killSgid) changed.mode &= ~setGid
  } else {
    xattrs.set(name, new Uint8Array(value))
  }
  touchChanged(changed, volume.vault.now())
  change.setXattrs(ino, xattrs)
  change.commit()
  return 0
}

function bytesOf(entry: Entry, but: Name): number {
  let bytes = 0
  for (const [name, value] of entry.xattrs ?? []) if (name !== but) bytes += name.length + value.byteLength
  return bytes
}

/** Why the list can't be set (or that there is nothing to do: 0); undefined: it can. */
function refuseAcl(entry: Entry, name: Name, value: Uint8Array): number | undefined {
  const acl = decodeAcl(value)
  if (acl === undefined) return errno.EINVAL
  if (name !== defaultAclName || isDirectory(entry)) return undefined
  return acl.length === 0 ? 0 : errno.EACCES
}

function applyAcl(entry: Entry, xattrs: Map<Name, Uint8Array>, name: Name, value: Uint8Array): void {
  const acl = decodeAcl(value) ?? []
  if (name === defaultAclName) {
    if (acl.length === 0) xattrs.delete(name)
    else xattrs.set(name, new Uint8Array(value))
    return
  }
  const kept = withAccessAcl(entry.mode, acl)
  entry.mode = kept.mode
  if (kept.acl === undefined) xattrs.delete(accessAclName)
  else xattrs.set(accessAclName, encodeAcl(kept.acl))
}

export function getxattr(volume: Volume, ino: number, name: Name): Uint8Array | Errno | Promise<Uint8Array> {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (name === stateName) return volume.stateOf === undefined || !isFile(entry) ? errno.ENODATA : volume.stateOf(entry).then((state) => Buffer.from(state, 'latin1'))
  if (xattrKind(name) === undefined) return errno.EOPNOTSUPP
  return entry.xattrs?.get(name) ?? errno.ENODATA
}

export function listxattr(volume: Volume, ino: number): Uint8Array | Errno {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  return listedXattrs(entry)
}

/** Names as listxattr(2) has them, each ended by a zero byte. */
export function listedXattrs({ xattrs }: Entry): Uint8Array {
  const names = [...(xattrs?.keys() ?? [])].filter((name) => name !== flagsName && name !== stateName)
  return Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1')
}

export function removexattr(volume: Volume, ino: number, name: Name): number {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (xattrKind(name) === undefined) return errno.EOPNOTSUPP
  if (isFixed(entry) || name === stateName) return errno.EPERM
  if (entry.xattrs?.has(name) !== true) return errno.ENODATA
  const change = volume.vault.change()
  const changed = change.edit(ino)
  const xattrs = new Map(changed.xattrs)
  xattrs.delete(name)
  touchChanged(changed, volume.vault.now())
  change.setXattrs(ino, xattrs)
  change.commit()
  return 0
}
