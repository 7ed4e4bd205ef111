// rename(2) with its flags. A file that takes another's place has its content in the log before: a crash shows the old
// file or the whole new one.
import { isFixed, isImmutable } from '../../lib/tree/posix/flags.js'
import { areRenameFlagsValid, renameFlags, whiteoutMode } from '../../lib/tree/posix/modes.js'
import { isDirectory, isFile, touchChanged, touchModified, type Entry } from '../../lib/tree/entry.js'
import type { Change } from '../../lib/tree/change.js'
import type { Caller } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { bind, create, keepsNames, loseName, type Place } from './directories.js'
import { orphan, type Volume } from './volume.js'

export function rename(volume: Volume, from: Place, to: Place, flags: number, caller: Caller): number | Promise<number> {
  const { tree, contents } = volume.vault
  const moved = entryAt(volume, from)
  if (moved !== undefined && isFile(moved) && tree.lookup(to.parent, to.name) !== undefined) {
    const content = contents.peek(moved.ino)
    const draining = content === undefined ? undefined : contents.drain(content)
    if (draining !== undefined) return draining.then(() => renameNow(volume, from, to, flags, caller))
  }
  return renameNow(volume, from, to, flags, caller)
}

function entryAt({ vault: { tree } }: Volume, { parent, name }: Place): Entry | undefined {
  const dirent = tree.lookup(parent, name)
  return dirent === undefined ? undefined : tree.get(dirent.ino)
}

function renameNow(volume: Volume, from: Place, to: Place, flags: number, caller: Caller): number {
  if (!areRenameFlagsValid(flags)) return errno.EINVAL
  const moved = entryAt(volume, from)
  const replaced = entryAt(volume, to)
  const goal = volume.vault.tree.get(to.parent)
  if (goal === undefined) return errno.ESTALE
  if (moved === undefined) return errno.ENOENT
  if (goal.nlink === 0) return errno.ENOENT
  if (replaced?.ino !== moved.ino) {
    const kept = replaced === undefined ? isImmutable(goal) : isFixed(replaced) || keepsNames(volume, to.parent)
    if (kept || isFixed(moved) || keepsNames(volume, from.parent)) return errno.EPERM
  }
  if (isDirectory(moved) && isInside(volume, to.parent, moved.ino)) return errno.EINVAL
  if ((flags & renameFlags.exchange) !== 0) {
    if (replaced === undefined) return errno.ENOENT
    if (isDirectory(replaced) && isInside(volume, from.parent, replaced.ino)) return errno.EINVAL
    exchange(volume, { place: from, entry: moved }, { place: to, entry: replaced })
    return 0
  }
  const refusal = replaced === undefined ? 0 : refuseReplacing(moved, replaced, flags)
  if (refusal !== 0) return refusal
  if (replaced?.ino === moved.ino) return 0
  move(volume, { place: from, entry: moved }, { place: to, entry: replaced }, flags, caller)
  return 0
}

function refuseReplacing(moved: Entry, replaced: Entry, flags: number): number {
  if ((flags & renameFlags.noReplace) !== 0) return errno.EEXIST
  if (replaced.ino === moved.ino) return 0
  if (isDirectory(replaced) && !isDirectory(moved)) return errno.EISDIR
  if (!isDirectory(replaced) && isDirectory(moved)) return errno.ENOTDIR
  return replaced.children > 0 ? errno.ENOTEMPTY : 0
}

interface Named<Found> {
  readonly place: Place
  readonly entry: Found
}

function move(volume: Volume, from: Named<Entry>, to: Named<Entry | undefined>, flags: number, caller: Caller): void {
  const now = volume.vault.now()
  const change = volume.vault.change()
  const source = change.edit(from.place.parent)
  const moved = change.edit(from.entry.ino)
  touchModified(source, now)
  touchChanged(moved, now)
  if (to.entry === undefined && to.place.parent === source.ino) {
    change.rename(source.ino, from.place.name, to.place.name, moved.ino)
  } else {
    source.children--
    if (isDirectory(moved)) source.nlink--
    if (to.entry === undefined) bind(volume, change, to.place, moved)
    else replace(volume, change, to.place, to.entry, moved)
    change.unbind(from.place.parent, from.place.name)
  }
  if ((flags & renameFlags.whiteout) !== 0) leaveWhiteout(volume, change, from.place, caller)
  change.commit()
  if (to.entry !== undefined && volume.vault.tree.get(to.entry.ino)?.nlink === 0) orphan(volume, to.entry.ino)
}

/** `moved` takes the name of `replaced`, at the same place of the listing. */
function replace(volume: Volume, change: Change, place: Place, replaced: Entry, moved: Entry): void {
  const goal = change.edit(place.parent)
  touchModified(goal, volume.vault.now())
  // One directory goes, another comes: the count of subdirectories stays.
  if (isDirectory(moved)) moved.parent = place.parent
  loseName(volume, change, replaced.ino)
  change.rebind(place.parent, place.name, moved.ino, true)
}

function leaveWhiteout(volume: Volume, change: Change, place: Place, caller: Caller): void {
  const parent = volume.vault.tree.get(place.parent)
  if (parent === undefined) return
  bind(volume, change, place, create(volume, change, parent, { ...caller, mode: whiteoutMode, umask: 0 }))
}

function exchange(volume: Volume, one: Named<Entry>, other: Named<Entry>): void {
  const now = volume.vault.now()
  const change = volume.vault.change()
  const [first, second] = [change.edit(one.place.parent), change.edit(other.place.parent)]
  for (const { entry, to, from } of [{ entry: one.entry, from: first, to: second }, { entry: other.entry, from: second, to: first }]) {
    const moved = change.edit(entry.ino)
    touchChanged(moved, now)
    if (!isDirectory(moved)) continue
    moved.parent = to.ino
    from.nlink--
    to.nlink++
  }
  touchModified(first, now)
  touchModified(second, now)
  change.rebind(one.place.parent, one.place.name, other.entry.ino, false)
  change.rebind(other.place.parent, other.place.name, one.entry.ino, false)
  change.commit()
}

/** Whether the directory is `top` or lies in it. */
function isInside({ vault: { tree } }: Volume, directory: number, top: number): boolean {
  for (let at = tree.get(directory); at !== undefined; at = tree.get(at.parent)) {
    if (at.ino === top) return true
    if (at.parent === at.ino) return false
  }
  return false
}
