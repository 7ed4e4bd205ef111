// Numbers of <fcntl.h>, <sys/stat.h> and their like, as Linux has them on the processors that VaultFS runs on.
import { constants } from 'node:fs'

/** O_TMPFILE is __O_TMPFILE | O_DIRECTORY; it and O_DIRECT differ between processors, as Node's O_DIRECTORY does. */
export const openFlags = {
  readOnly: constants.O_RDONLY, writeOnly: constants.O_WRONLY, readWrite: constants.O_RDWR, create: constants.O_CREAT,
  exclusive: constants.O_EXCL, truncate: constants.O_TRUNC, append: constants.O_APPEND, nonBlocking: constants.O_NONBLOCK,
  noFollow: constants.O_NOFOLLOW, directory: constants.O_DIRECTORY, sync: constants.O_SYNC, noAtime: constants.O_NOATIME,
  direct: constants.O_DIRECT, path: 0o10000000, unnamed: 0o20000000 | constants.O_DIRECTORY,
} as const

/** AT_* */
export const at = { cwd: -100, symlinkNoFollow: 0x100, removeDirectory: 0x200, symlinkFollow: 0x400, emptyPath: 0x1000 } as const

export const renameFlag = { noReplace: 1, exchange: 2, whiteout: 4 } as const

/** FALLOC_FL_* */
export const fallocateFlag = { keepSize: 1, punchHole: 2, collapse: 8, zero: 16, insert: 32, unshare: 64 } as const

/** S_IF* of mknod(2). */
export const nodeTypes = { fifo: 0o010000, char: 0o020000, block: 0o060000, regular: 0o100000, socket: 0o140000 } as const

/** tv_nsec of utimensat(2): UTIME_NOW, UTIME_OMIT. */
export const timeNow: TimeArgument = [0, 0x3fffffff]
export const timeOmit: TimeArgument = [0, 0x3ffffffe]
export type TimeArgument = readonly [sec: number, nsec: number]

export const whence = { set: 0, current: 1, end: 2, data: 3, hole: 4 } as const

/** F_* */
export const fcntlCommand = { getFlags: 3, setFlags: 4, setSignal: 10, setLease: 1024, getLease: 1025 } as const
export const lockCommand = { get: 5, set: 6, wait: 7, getOpen: 36, setOpen: 37, waitOpen: 38 } as const
export const lockType = { read: 0, write: 1, none: 2 } as const
/** LOCK_* of flock(2). */
export const flockType = { shared: 1, exclusive: 2, nonBlocking: 4, none: 8 } as const

export const mapFlag = { shared: 1, private: 2 } as const
export const mapProtection = { read: 1, write: 2 } as const

/** _PC_* of pathconf(3). */
export const pathName = { linkMax: 0, nameMax: 3, pathMax: 4 } as const

/** Of a signal that F_SETSIG asks for, and of the one that comes without it. */
export const signalNumber = { usr1: 10, io: 29 } as const
