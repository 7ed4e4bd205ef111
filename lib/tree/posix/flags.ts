// The flags of chattr(1) that an entry keeps, in a reserved attribute that no name of setxattr(2) can be: FORMAT §10.1.
// The kernel knows nothing of them on a FUSE mount: whoever changes an entry asks here.
import type { Entry } from '../entry.js'

/** No prefix of an attribute that programs may set. */
export const flagsName = 'flags'

/** FS_SYNC_FL, FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL and FS_NOATIME_FL of <linux/fs.h>. */
export const inodeFlags = { synchronous: 0x08, immutable: 0x10, appendOnly: 0x20, noDump: 0x40, noAtime: 0x80 } as const

/** A flag that is not kept is refused, never ignored. */
export const inodeFlagsKept = Object.values(inodeFlags).reduce<number>((all, flag) => all | flag, 0)

export function flagsOf({ xattrs }: Entry): number {
  const value = xattrs?.get(flagsName)
  return value === undefined ? 0 : new DataView(value.buffer, value.byteOffset).getUint32(0, true)
}

export function encodeFlags(flags: number): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(4)
  new DataView(value.buffer).setUint32(0, flags, true)
  return value
}

export function isImmutable(entry: Entry): boolean {
  return (flagsOf(entry) & inodeFlags.immutable) !== 0
}

export function isAppendOnly(entry: Entry): boolean {
  return (flagsOf(entry) & inodeFlags.appendOnly) !== 0
}

/** Its names and attributes stay: immutable, or to be appended to only. */
export function isFixed(entry: Entry): boolean {
  return (flagsOf(entry) & (inodeFlags.immutable | inodeFlags.appendOnly)) !== 0
}

/** What changes of it is on the disk before the call returns. */
export function isSynchronous(entry: Entry): boolean {
  return (flagsOf(entry) & inodeFlags.synchronous) !== 0
}
