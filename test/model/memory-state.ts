// The entries of the in-memory tree and what all operations on it share: numbers, times, creation, the end of a file.
import { encodeAcl } from '../../lib/tree/posix/acl.js'
import { createdModes, withoutSetIds } from '../../lib/tree/posix/modes.js'
import { capabilityName } from '../../lib/tree/posix/xattr-names.js'
import type { Attributes, Caller } from '../../native-deps/fuse/handler.js'
import { MemoryContent } from './memory-content.js'
import { MemoryDirectory } from './memory-directory.js'

export const errno = {
  EPERM: -1, ENOENT: -2, EIO: -5, ENXIO: -6, EBADF: -9, EACCES: -13, EEXIST: -17, ENOTDIR: -20, EISDIR: -21, EINVAL: -22,
  EFBIG: -27, ENOSPC: -28, EMLINK: -31, ENAMETOOLONG: -36, ENOTEMPTY: -39, ENODATA: -61, EOPNOTSUPP: -95, ESTALE: -116,
} as const

export const typeMask = 0o170000
export const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const
export const rootIno = 1
export const fileBytesMax = 16 * 2 ** 40

export interface Moment {
  readonly sec: number
  readonly nsec: number
}

export class MemoryNode implements Attributes {
  readonly ino: number
  mode: number
  nlink = 1
  uid: number
  gid: number
  rdev = 0
  atimeSec = 0
  atimeNsec = 0
  mtimeSec = 0
  mtimeNsec = 0
  ctimeSec = 0
  ctimeNsec = 0
  btimeSec = 0
  btimeNsec = 0
  /** Of a directory. */
  parent = 0
  readonly names: MemoryDirectory | undefined
  readonly content: MemoryContent | undefined
  target: Uint8Array | undefined
  readonly xattrs = new Map<string, Uint8Array>()

  constructor(ino: number, mode: number, owner: { readonly uid: number; readonly gid: number }) {
    this.ino = ino
    this.mode = mode
    this.uid = owner.uid
    this.gid = owner.gid
    const type = mode & typeMask
    this.names = type === types.directory ? new MemoryDirectory() : undefined
    this.content = type === types.file ? new MemoryContent() : undefined
    if (type === types.directory) this.nlink = 2
  }

  get size(): number {
    if (this.content !== undefined) return this.content.size
    return this.target?.byteLength ?? (this.names === undefined ? 0 : 4096)
  }

  get blocks(): number {
    return this.content?.blocks ?? (this.names === undefined ? 0 : 8)
  }

  get isDirectory(): boolean {
    return this.names !== undefined
  }
}

export interface Creation extends Caller {
  readonly mode: number
  readonly umask: number
}

export class MemoryState {
  readonly nodes = new Map<number, MemoryNode>()
  /** Unlinked, and the kernel still holds it. */
  readonly orphans = new Set<number>()
  /** Asks the driver to tell when the kernel lets go; false: it holds nothing now. */
  watchForget: (ino: number) => boolean = () => false
  readonly #clock: () => Moment
  nextIno: number = rootIno

  constructor(clock: () => Moment, owner: { readonly uid: number; readonly gid: number }) {
    this.#clock = clock
    const root = this.#add(types.directory | 0o755, owner)
    root.parent = root.ino
  }

  node(ino: number): MemoryNode | undefined {
    return this.nodes.get(ino)
  }

  now(): Moment {
    return this.#clock()
  }

  #add(mode: number, owner: { readonly uid: number; readonly gid: number }): MemoryNode {
    const node = new MemoryNode(this.nextIno++, mode, owner)
    const { sec, nsec } = this.now()
    node.atimeSec = node.mtimeSec = node.ctimeSec = node.btimeSec = sec
    node.atimeNsec = node.mtimeNsec = node.ctimeNsec = node.btimeNsec = nsec
    this.nodes.set(node.ino, node)
    return node
  }

  /** A new entry that has no name yet. */
  create(parent: MemoryNode, { mode, umask, uid, gid }: Creation): MemoryNode {
    const created = createdModes({
      parentMode: parent.mode, parentGid: parent.gid, parentDefaultAcl: parent.xattrs.get('system.posix_acl_default'),
      mode, umask, callerUid: uid, callerGid: gid,
    })
    const node = this.#add(created.mode, created)
    if (created.accessAcl !== undefined) node.xattrs.set('system.posix_acl_access', encodeAcl(created.accessAcl))
    if (created.defaultAcl !== undefined) node.xattrs.set('system.posix_acl_default', created.defaultAcl)
    return node
  }

  bind(parent: MemoryNode, name: string, node: MemoryNode): void {
    parent.names?.set(name, node.ino)
    if (node.isDirectory) {
      node.parent = parent.ino
      parent.nlink++
    }
    this.touchContent(parent)
  }

  /** A name goes; at its last one the node too, as soon as the kernel lets go of it. */
  unbind(parent: MemoryNode, name: string, node: MemoryNode): void {
    parent.names?.delete(name)
    if (node.isDirectory) parent.nlink--
    this.touchContent(parent)
    this.loseLink(node)
  }

  loseLink(node: MemoryNode): void {
    node.nlink = node.isDirectory ? 0 : node.nlink - 1
    this.touchChange(node)
    if (node.nlink === 0) this.orphan(node.ino)
  }

  orphan(ino: number): void {
    if (this.watchForget(ino)) this.orphans.add(ino)
    else this.nodes.delete(ino)
  }

  forgotten(inos: readonly number[]): void {
    for (const ino of inos) if (this.orphans.delete(ino)) this.nodes.delete(ino)
  }

  touchChange(node: MemoryNode): void {
    const { sec, nsec } = this.now()
    node.ctimeSec = sec
    node.ctimeNsec = nsec
  }

  touchContent(node: MemoryNode): void {
    const { sec, nsec } = this.now()
    node.mtimeSec = node.ctimeSec = sec
    node.mtimeNsec = node.ctimeNsec = nsec
  }

  /** relatime: only when it would else be older than the last change, or than a day. */
  touchAccess(node: MemoryNode): void {
    const { sec, nsec } = this.now()
    const isOld = node.atimeSec < node.mtimeSec || (node.atimeSec === node.mtimeSec && node.atimeNsec <= node.mtimeNsec) ||
      node.atimeSec < node.ctimeSec || (node.atimeSec === node.ctimeSec && node.atimeNsec <= node.ctimeNsec)
    if (!isOld && node.atimeSec + 86400 > sec) return
    node.atimeSec = sec
    node.atimeNsec = nsec
  }

  killSetIds(node: MemoryNode): void {
    node.mode = withoutSetIds(node.mode)
    node.xattrs.delete(capabilityName)
  }
}
