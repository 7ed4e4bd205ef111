// Numbers of the kernel's FUSE protocol, from <linux/fuse.h> of Linux 6.18 (protocol 7.45). What a structure looks
// like is in protocol-input.ts and protocol-output.ts. Debian 12's header is older (7.38), hence the numbers here.
import { constants } from 'node:fs'

/** FUSE_KERNEL_VERSION and FUSE_KERNEL_MINOR_VERSION: what this driver speaks. */
export const version = { major: 7, minor: 45, oldestMinor: 28 } as const

/** enum fuse_opcode */
export const opcodes = {
  lookup: 1, forget: 2, getattr: 3, setattr: 4, readlink: 5, symlink: 6, mknod: 8, mkdir: 9, unlink: 10, rmdir: 11,
  rename: 12, link: 13, open: 14, read: 15, write: 16, statfs: 17, release: 18, fsync: 20, setxattr: 21, getxattr: 22,
  listxattr: 23, removexattr: 24, flush: 25, init: 26, opendir: 27, readdir: 28, releasedir: 29, fsyncdir: 30,
  getlk: 31, setlk: 32, setlkw: 33, access: 34, create: 35, interrupt: 36, bmap: 37, destroy: 38, ioctl: 39, poll: 40,
  notifyReply: 41, batchForget: 42, fallocate: 43, readdirplus: 44, rename2: 45, lseek: 46, copyFileRange: 47,
  setupMapping: 48, removeMapping: 49, syncfs: 50, tmpfile: 51, statx: 52, copyFileRange64: 53,
} as const

export const opcodesMax = 54

/** INIT flags: FUSE_ASYNC_READ and so on; bits from 32 on travel in flags2 (FUSE_INIT_EXT). */
export const initFlags = {
  asyncRead: 1n << 0n,
  atomicOTrunc: 1n << 3n,
  exportSupport: 1n << 4n,
  bigWrites: 1n << 5n,
  dontMask: 1n << 6n,
  doReaddirplus: 1n << 13n,
  readdirplusAuto: 1n << 14n,
  asyncDio: 1n << 15n,
  writebackCache: 1n << 16n,
  parallelDirops: 1n << 18n,
  posixAcl: 1n << 20n,
  maxPages: 1n << 22n,
  cacheSymlinks: 1n << 23n,
  noOpendirSupport: 1n << 24n,
  explicitInvalData: 1n << 25n,
  handleKillprivV2: 1n << 28n,
  setxattrExt: 1n << 29n,
  initExt: 1n << 30n,
  hasExpireOnly: 1n << 35n,
  directIoAllowMmap: 1n << 36n,
  hasResend: 1n << 39n,
  allowIdmap: 1n << 40n,
} as const

/** FATTR_* of struct fuse_setattr_in. */
export const setattrValid = {
  mode: 1, uid: 2, gid: 4, size: 8, atime: 16, mtime: 32, handle: 64, atimeNow: 128, mtimeNow: 256, ctime: 1024,
  killSuidGid: 2048,
} as const

/** FUSE_GETATTR_FH, FUSE_WRITE_CACHE, FUSE_WRITE_KILL_SUIDGID, FUSE_OPEN_KILL_SUIDGID, FUSE_FSYNC_FDATASYNC and others. */
export const getattrHandle = 1
export const writeCache = 1
export const writeKillSuidGid = 4
export const openKillSuidGid = 1
export const fsyncDataOnly = 1
export const setxattrKillSgid = 1

/** FOPEN_* */
export const openReplies = { directIo: 1, keepCache: 2, cacheDirectory: 8, noFlush: 32, parallelDirectWrites: 64 } as const

/** errno numbers of Linux, as the protocol wants them: the same on every architecture that Node serves here. */
export const errno = {
  ENOENT: 2, EINTR: 4, EIO: 5, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16, ENODEV: 19, EINVAL: 22, ENOTTY: 25,
  EFBIG: 27, EROFS: 30, ERANGE: 34, EPERM: 1, ENAMETOOLONG: 36, ENOSYS: 38, ENXIO: 6, EPROTO: 71, EOPNOTSUPP: 95,
} as const

export const nameBytesMax = 255
/** O_TRUNC and O_APPEND of <asm-generic/fcntl.h>; O_DIRECT is another one on each architecture. */
export const openTruncate = 0o1000
export const openAppend = 0o2000
export const openDirect = constants.O_DIRECT
