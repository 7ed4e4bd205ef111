// chattr(1) and lsattr(1).
import { encodeFlags, flagsName, flagsOf, inodeFlagsKept } from '../../lib/tree/posix/flags.js'
import { touchChanged } from '../../lib/tree/entry.js'
import { errno } from '../errno.js'
import type { Volume } from './volume.js'

export function getflags(volume: Volume, ino: number): number {
  const entry = volume.vault.tree.get(ino)
  return entry === undefined ? errno.ESTALE : flagsOf(entry)
}

export function setflags(volume: Volume, ino: number, flags: number): number {
  const { vault } = volume
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if ((flags & ~inodeFlagsKept) !== 0) return errno.EOPNOTSUPP
  if (flags === flagsOf(entry)) return 0
  const change = vault.change()
  const changed = change.edit(ino)
  const xattrs = new Map(changed.xattrs)
  if (flags === 0) xattrs.delete(flagsName)
  else xattrs.set(flagsName, encodeFlags(flags))
  touchChanged(changed, vault.now())
  change.setXattrs(ino, xattrs)
  change.commit()
  volume.changedBeside(ino)
  return 0
}
