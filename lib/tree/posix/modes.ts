// The rules by which mode, owner and group of an entry come about and change, apart from any storage. Who may do what
// is the kernel's business (default_permissions); what it leaves to the filesystem is here.
import { modeType } from '../entry.js'
import { decodeAcl, inheritAcl, type Acl } from './acl.js'

export const setUid = 0o4000
export const setGid = 0o2000
const groupExecute = 0o010
const permissionBits = 0o7777

export interface Creation {
  /** Of the folder it is made in. */
  readonly parentMode: number
  readonly parentGid: number
  /** The folder's system.posix_acl_default, as stored. */
  readonly parentDefaultAcl: Uint8Array | undefined
  /** Type and permission bits asked for, before the umask. */
  readonly mode: number
  readonly umask: number
  readonly callerUid: number
  readonly callerGid: number
}

export interface Created {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** To be kept as system.posix_acl_access. */
  readonly accessAcl: Acl | undefined
  /** To be kept as system.posix_acl_default: a new folder inherits the list whole. */
  readonly defaultAcl: Uint8Array | undefined
}

/** What a new entry gets: group and set-gid of a set-gid folder, its default list or else the umask. */
export function createdModes(creation: Creation): Created {
  const inSetGid = (creation.parentMode & setGid) !== 0
  const isDirectory = (creation.mode & modeType.mask) === modeType.directory
  const isSymlink = (creation.mode & modeType.mask) === modeType.symlink
  const owner = { uid: creation.callerUid, gid: inSetGid ? creation.parentGid : creation.callerGid }
  const asked = creation.mode | (inSetGid && isDirectory ? setGid : 0)
  const stored = isSymlink ? undefined : creation.parentDefaultAcl
  const defaults = stored === undefined ? undefined : decodeAcl(stored)
  if (defaults === undefined || defaults.length === 0) {
    return { ...owner, mode: isSymlink ? asked : asked & ~(creation.umask & 0o777), accessAcl: undefined, defaultAcl: undefined }
  }
  const { mode, acl } = inheritAcl(defaults, asked)
  return { ...owner, mode, accessAcl: acl, defaultAcl: isDirectory ? stored : undefined }
}

/** The mode of what is not a folder after somebody without the right to keep them wrote or gave it away (killpriv). */
export function withoutSetIds(mode: number): number {
  if ((mode & modeType.mask) === modeType.directory) return mode
  return mode & ~setUid & ((mode & groupExecute) !== 0 ? ~setGid : ~0)
}

/** chmod: the type stays. */
export function withPermissions(mode: number, permissions: number): number {
  return (mode & ~permissionBits) | (permissions & permissionBits)
}

/** RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT of <linux/fs.h>. */
export const renameFlags = { noReplace: 1, exchange: 2, whiteout: 4 } as const

/** EXCHANGE goes with neither of the others; an unknown flag is refused, never ignored. */
export function areRenameFlagsValid(flags: number): boolean {
  const { noReplace, exchange, whiteout } = renameFlags
  if ((flags & ~(noReplace | exchange | whiteout)) !== 0) return false
  return (flags & exchange) === 0 || (flags & (noReplace | whiteout)) === 0
}

/** FALLOC_FL_* of <linux/falloc.h>. */
export const fallocateModes = { keepSize: 1, punchHole: 2, zeroRange: 16 } as const

/** Reserve, punch (which must keep the size) or zero; collapsing, inserting and unsharing are not offered. */
export function isFallocateModeOffered(mode: number): boolean {
  const { keepSize, punchHole, zeroRange } = fallocateModes
  return [0, keepSize, punchHole | keepSize, zeroRange, zeroRange | keepSize].includes(mode)
}

/** RENAME_WHITEOUT leaves this where the entry was: a character device 0, 0 (overlayfs's mark for "not here"). */
export const whiteoutMode = modeType.character
