// Hard links, symbolic links and unnamed files.
import { isFixed, isImmutable } from '../../lib/tree/posix/flags.js'
import { isDirectory, modeType, touchChanged } from '../../lib/tree/entry.js'
import { limits } from '../../lib/terms/limits.js'
import type { Attributes, Errno } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { bind, create, type Making, type Place } from './directories.js'
import { attributesOf, type Volume } from './volume.js'

export function link(volume: Volume, ino: number, place: Place): Attributes | Errno {
  const { tree } = volume.vault
  const entry = tree.get(ino)
  const parent = tree.get(place.parent)
  if (entry === undefined || parent === undefined) return errno.ESTALE
  if (!isDirectory(parent)) return errno.ENOTDIR
  if (isDirectory(entry)) return errno.EPERM
  if (tree.lookup(place.parent, place.name) !== undefined) return errno.EEXIST
  if (isFixed(entry) || isImmutable(parent)) return errno.EPERM
  if (entry.nlink >= limits.linksMax) return errno.EMLINK
  const change = volume.vault.change()
  const linked = change.edit(ino)
  linked.nlink++
  touchChanged(linked, volume.vault.now())
  bind(volume, change, place, linked)
  change.commit()
  volume.orphans.delete(ino)
  return attributesOf(volume, linked)
}

export function readlink(volume: Volume, ino: number): Uint8Array | Errno {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  return entry.target ?? errno.EINVAL
}

/** O_TMPFILE: a file without a name, until linkat(2) gives it one. */
export function unnamed(volume: Volume, parentIno: number, making: Making): Attributes | Errno {
  const parent = volume.vault.tree.get(parentIno)
  if (parent === undefined) return errno.ESTALE
  if (parent.nlink === 0) return errno.ENOENT
  if (isImmutable(parent)) return errno.EPERM
  const change = volume.vault.change()
  const entry = create(volume, change, parent, { ...making, mode: modeType.file | (making.mode & 0o7777) })
  entry.nlink = 0
  change.commit()
  return attributesOf(volume, entry)
}
