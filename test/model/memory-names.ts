// Operations on names of the in-memory tree.
import { areRenameFlagsValid, renameFlags, whiteoutMode } from '../../lib/tree/posix/modes.js'
import type { Attributes, Errno, FillDirectory } from '../../native-deps/fuse/handler.js'
import { errno, types, type Creation, type MemoryNode, type MemoryState } from './memory-state.js'

const linksMax = 65000

export function lookup(state: MemoryState, parentIno: number, name: string): Attributes | Errno {
  const parent = state.node(parentIno)
  if (parent === undefined) return errno.ESTALE
  if (name === '.') return parent
  if (parent.names === undefined) return errno.ENOTDIR
  if (name === '..') return state.node(parent.parent) ?? errno.ESTALE
  const ino = parent.names.get(name)
  return (ino === undefined ? undefined : state.node(ino)) ?? errno.ENOENT
}

/** Makes and names one; `prepare` fills in what its kind needs. */
export function make(
  state: MemoryState, place: { readonly parent: number; readonly name: string }, creation: Creation,
  prepare: (node: MemoryNode) => void = () => undefined,
): MemoryNode | Errno {
  const parent = state.node(place.parent)
  if (parent === undefined) return errno.ESTALE
  if (parent.names === undefined) return errno.ENOTDIR
  if (parent.nlink === 0) return errno.ENOENT
  if (parent.names.get(place.name) !== undefined) return errno.EEXIST
  if (parent.nlink >= linksMax && (creation.mode & types.directory) !== 0) return errno.EMLINK
  const node = state.create(parent, creation)
  prepare(node)
  state.bind(parent, place.name, node)
  return node
}

export function link(state: MemoryState, ino: number, parentIno: number, name: string): Attributes | Errno {
  const [node, parent] = [state.node(ino), state.node(parentIno)]
  if (node === undefined || parent === undefined) return errno.ESTALE
  if (parent.names === undefined) return errno.ENOTDIR
  if (node.isDirectory) return errno.EPERM
  if (parent.names.get(name) !== undefined) return errno.EEXIST
  if (node.nlink >= linksMax) return errno.EMLINK
  node.nlink++
  state.orphans.delete(ino)
  state.touchChange(node)
  state.bind(parent, name, node)
  return node
}

export function remove(state: MemoryState, parentIno: number, name: string, wanted: 'file' | 'directory'): number {
  const parent = state.node(parentIno)
  const node = parent?.names === undefined ? undefined : state.node(parent.names.get(name) ?? 0)
  if (parent === undefined) return errno.ESTALE
  if (node === undefined) return errno.ENOENT
  if (wanted === 'file' && node.isDirectory) return errno.EISDIR
  if (wanted === 'directory' && !node.isDirectory) return errno.ENOTDIR
  if ((node.names?.count ?? 0) > 0) return errno.ENOTEMPTY
  state.unbind(parent, name, node)
  return 0
}

export interface Place {
  readonly parent: number
  readonly name: string
}

export function rename(state: MemoryState, from: Place, to: Place, flags: number, caller: Creation): number {
  if (!areRenameFlagsValid(flags)) return errno.EINVAL
  const [source, goal] = [state.node(from.parent), state.node(to.parent)]
  if (source?.names === undefined || goal?.names === undefined) return errno.ESTALE
  const moved = state.node(source.names.get(from.name) ?? 0)
  const replaced = state.node(goal.names.get(to.name) ?? 0)
  if (moved === undefined) return errno.ENOENT
  if (isInside(state, goal, moved)) return errno.EINVAL
  if ((flags & renameFlags.exchange) !== 0) {
    if (replaced === undefined) return errno.ENOENT
    if (isInside(state, source, replaced)) return errno.EINVAL
    exchange(state, { place: source, name: from.name, node: moved }, { place: goal, name: to.name, node: replaced })
    return 0
  }
  if (replaced !== undefined) {
    if ((flags & renameFlags.noReplace) !== 0) return errno.EEXIST
    if (replaced === moved) return 0
    if (replaced.isDirectory && !moved.isDirectory) return errno.EISDIR
    if (!replaced.isDirectory && moved.isDirectory) return errno.ENOTDIR
    if ((replaced.names?.count ?? 0) > 0) return errno.ENOTEMPTY
    state.unbind(goal, to.name, replaced)
  }
  source.names.delete(from.name)
  if (moved.isDirectory) source.nlink--
  state.touchContent(source)
  state.bind(goal, to.name, moved)
  state.touchChange(moved)
  if ((flags & renameFlags.whiteout) !== 0) make(state, from, { ...caller, mode: whiteoutMode, umask: 0 })
  return 0
}

interface Named {
  readonly place: MemoryNode
  readonly name: string
  readonly node: MemoryNode
}

function exchange(state: MemoryState, one: Named, other: Named): void {
  one.place.names?.set(one.name, other.node.ino)
  other.place.names?.set(other.name, one.node.ino)
  if (one.node.isDirectory) moveParent(one.node, one.place, other.place)
  if (other.node.isDirectory) moveParent(other.node, other.place, one.place)
  state.touchContent(one.place)
  state.touchContent(other.place)
  state.touchChange(one.node)
  state.touchChange(other.node)
}

function moveParent(node: MemoryNode, from: MemoryNode, to: MemoryNode): void {
  node.parent = to.ino
  from.nlink--
  to.nlink++
}

/** Whether the directory is `top` or lies in it. */
function isInside(state: MemoryState, directory: MemoryNode, top: MemoryNode): boolean {
  for (let at: MemoryNode | undefined = directory; at !== undefined; at = state.node(at.parent)) {
    if (at === top) return true
    if (at.parent === at.ino) return false
  }
  return false
}

export function list(state: MemoryState, ino: number, cookie: number, fill: FillDirectory): number {
  const node = state.node(ino)
  if (node === undefined) return errno.ESTALE
  if (node.names === undefined) return errno.ENOTDIR
  state.touchAccess(node)
  if (cookie < 1 && !fill('.', ino, node.mode, 1, node)) return 0
  if (cookie < 2 && !fill('..', node.parent, types.directory, 2, null)) return 0
  node.names.list(cookie, (entry) => {
    const child = state.node(entry.ino)
    return child === undefined || fill(entry.name, child.ino, child.mode, entry.cookie, child)
  })
  return 0
}
