// The only place where an error becomes a number of the kernel. Negative, as the driver's replies have them.
import { constants } from 'node:os'
import { VaultError, type ErrorCode } from '../lib/terms/errors.js'

const numbers = constants.errno

const errnoOf: Record<ErrorCode, number> = {
  'not-found': numbers.ENOENT, exists: numbers.EEXIST, 'not-empty': numbers.ENOTEMPTY, 'not-a-directory': numbers.ENOTDIR,
  'is-a-directory': numbers.EISDIR, 'name-invalid': numbers.EINVAL, 'name-too-long': numbers.ENAMETOOLONG,
  'too-many-links': numbers.EMLINK, 'cross-vault': numbers.EXDEV,
  'read-only': numbers.EROFS, denied: numbers.EACCES, 'not-permitted': numbers.EPERM, locked: numbers.EBUSY,
  'wrong-passphrase': numbers.EACCES, stale: numbers.ESTALE,
  'no-space': numbers.ENOSPC, 'too-large': numbers.EFBIG, 'too-many': numbers.ENFILE, 'out-of-memory': numbers.ENOMEM,
  corrupt: numbers.EIO, 'chain-broken': numbers.EIO, forked: numbers.EIO, 'format-unknown': numbers.EIO,
  offline: numbers.EIO, deadline: numbers.ETIMEDOUT, cancelled: numbers.EINTR, busy: numbers.EBUSY,
  'bad-handle': numbers.EBADF, invalid: numbers.EINVAL, unsupported: numbers.EOPNOTSUPP, 'no-attribute': numbers.ENODATA,
  range: numbers.ERANGE, usage: numbers.EINVAL,
  io: numbers.EIO, 'no-fuse': numbers.ENODEV, 'missing-dependency': numbers.ENOSYS, 'not-a-vault': numbers.EINVAL,
  'not-mounted': numbers.EINVAL, 'mount-point': numbers.EINVAL, difference: numbers.EIO, 'broken-invariant': numbers.EIO,
}

/** The kernel's number for a failure, negative; what is not ours is EIO. */
export function errnoFor(error: unknown): number {
  return -(error instanceof VaultError ? errnoOf[error.code] : numbers.EIO)
}

/** What handlers answer without making an error object; negative. */
export const errno = {
  EPERM: -numbers.EPERM, ENOENT: -numbers.ENOENT, ENXIO: -numbers.ENXIO, E2BIG: -numbers.E2BIG, EACCES: -numbers.EACCES,
  EEXIST: -numbers.EEXIST, ENOTDIR: -numbers.ENOTDIR, EISDIR: -numbers.EISDIR, EINVAL: -numbers.EINVAL,
  EFBIG: -numbers.EFBIG, ENOSPC: -numbers.ENOSPC, EROFS: -numbers.EROFS, EMLINK: -numbers.EMLINK, ERANGE: -numbers.ERANGE,
  ENOTEMPTY: -numbers.ENOTEMPTY, ENODATA: -numbers.ENODATA, EOPNOTSUPP: -numbers.EOPNOTSUPP, ESTALE: -numbers.ESTALE,
  EOVERFLOW: -numbers.EOVERFLOW,
} as const
