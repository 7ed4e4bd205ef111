// Operations on attributes and extended attributes of the in-memory tree.
import { accessAclName, decodeAcl, defaultAclName, encodeAcl, withAccessAcl, withMode } from '../../lib/tree/posix/acl.js'
import { setGid, withPermissions } from '../../lib/tree/posix/modes.js'
import { xattrKind } from '../../lib/tree/posix/xattr-names.js'
import type { AttributeChanges, Attributes, Errno } from '../../native-deps/fuse/handler.js'
import { errno, fileBytesMax, type MemoryNode, type MemoryState } from './memory-state.js'

export function setattr(state: MemoryState, ino: number, changes: AttributeChanges): Attributes | Errno {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  if (changes.size !== undefined) {
    if (node.content === undefined) return node.isDirectory ? errno.EISDIR : errno.EINVAL
    if (changes.size > fileBytesMax) return errno.EFBIG
    node.content.truncate(changes.size)
    state.touchContent(node)
  }
  if (changes.killSuidGid === true) state.killSetIds(node)
  if (changes.uid !== undefined) node.uid = changes.uid
  if (changes.gid !== undefined) node.gid = changes.gid
  if (changes.mode !== undefined) setMode(node, changes.mode)
  setTimes(state, node, changes)
  return node
}

function setMode(node: MemoryNode, mode: number): void {
  node.mode = withPermissions(node.mode, mode)
  const stored = node.xattrs.get(accessAclName)
  const acl = stored === undefined ? undefined : decodeAcl(stored)
  if (acl !== undefined) node.xattrs.set(accessAclName, encodeAcl(withMode(acl, node.mode)))
}

function setTimes(state: MemoryState, node: MemoryNode, changes: AttributeChanges): void {
  const now = state.now()
  if (changes.atime !== undefined) {
    const { sec, nsec } = changes.atime === 'now' ? now : changes.atime
    node.atimeSec = sec
    node.atimeNsec = nsec
  }
  if (changes.mtime !== undefined) {
    const { sec, nsec } = changes.mtime === 'now' ? now : changes.mtime
    node.mtimeSec = sec
    node.mtimeNsec = nsec
  }
  const { sec, nsec } = changes.ctime ?? now
  node.ctimeSec = sec
  node.ctimeNsec = nsec
}

export interface XattrSetting {
  readonly name: string
  readonly value: Uint8Array
  readonly flags: number
  readonly killSgid: boolean
}

const create = 1
const replace = 2

export function setxattr(state: MemoryState, ino: number, { name, value, flags, killSgid }: XattrSetting): number {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  const kind = xattrKind(name)
  if (kind === undefined) return errno.EOPNOTSUPP
  const known = node.xattrs.has(name)
  if ((flags & create) !== 0 && known) return errno.EEXIST
  if ((flags & replace) !== 0 && !known) return errno.ENODATA
  if (kind === 'acl') {
    const error = setAcl(node, name, value)
    if (error !== 0) return error
    if (killSgid) node.mode &= ~setGid
  } else node.xattrs.set(name, value)
  state.touchChange(node)
  return 0
}

function setAcl(node: MemoryNode, name: string, value: Uint8Array): number {
  const acl = decodeAcl(value)
  if (acl === undefined) return errno.EINVAL
  if (name === defaultAclName) {
    if (!node.isDirectory) return acl.length === 0 ? 0 : errno.EACCES
    if (acl.length === 0) node.xattrs.delete(name)
    else node.xattrs.set(name, value)
    return 0
  }
  const kept = withAccessAcl(node.mode, acl)
  node.mode = kept.mode
  if (kept.acl === undefined) node.xattrs.delete(name)
  else node.xattrs.set(name, encodeAcl(kept.acl))
  return 0
}

export function getxattr(state: MemoryState, ino: number, name: string): Uint8Array | Errno {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  if (xattrKind(name) === undefined) return errno.EOPNOTSUPP
  return node.xattrs.get(name) ?? errno.ENODATA
}

export function listxattr(state: MemoryState, ino: number): Uint8Array | Errno {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  return Buffer.from([...node.xattrs.keys()].map((name) => `${name}\0`).join(''), 'latin1')
}

export function removexattr(state: MemoryState, ino: number, name: string): number {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  if (xattrKind(name) === undefined) return errno.EOPNOTSUPP
  if (!node.xattrs.delete(name)) return errno.ENODATA
  state.touchChange(node)
  return 0
}
