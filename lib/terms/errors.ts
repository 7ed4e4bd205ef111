// Every failure a caller may act on. Translated to an errno in mount/errno.ts and to an exit code in
// bin/exit-codes.ts, each by an exhaustive table: a new code here is a compile error in both until answered.

export const errorCodes = [
  // names
  'not-found', 'exists', 'not-empty', 'not-a-directory', 'is-a-directory', 'name-invalid', 'name-too-long',
  'too-many-links', 'cross-vault',
  // access
  'read-only', 'denied', 'not-permitted', 'locked', 'wrong-passphrase', 'stale',
  // capacity
  'no-space', 'too-large', 'too-many', 'out-of-memory',
  // integrity
  'corrupt', 'chain-broken', 'forked', 'format-unknown',
  // distance and time
  'offline', 'deadline', 'cancelled', 'busy',
  // contract
  'bad-handle', 'invalid', 'unsupported', 'no-attribute', 'range', 'usage',
  // the machine
  'io', 'no-fuse', 'missing-dependency', 'not-a-vault', 'not-mounted', 'mount-point', 'difference', 'broken-invariant',
] as const
export type ErrorCode = (typeof errorCodes)[number]

/** Codes that may pass by themselves; only a retrying decorator reads this. */
const transient: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['offline', 'deadline', 'busy'])

export interface VaultErrorDetails {
  /** What it is about: a path, an id, an option. Never a secret. */
  readonly subject?: string
  /** What the user can do next, one sentence. */
  readonly next?: string
  readonly cause?: unknown
}

export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly code: ErrorCode
  readonly subject: string | undefined
  readonly next: string | undefined

  constructor(code: ErrorCode, message: string, details: VaultErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.subject = details.subject
    this.next = details.next
  }

  get worthRetrying(): boolean {
    return transient.has(this.code)
  }
}

/** A broken invariant is ours, not the user's: the vault turns read-only and publishes nothing more. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new VaultError('broken-invariant', message)
}

/** An error of the operating system (ErrnoException) as ours; `cause` keeps the original. */
export function fromErrno(error: unknown, subject: string): VaultError {
  if (error instanceof VaultError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const known: Record<string, ErrorCode> = {
    ENOENT: 'not-found', EEXIST: 'exists', ENOSPC: 'no-space', EDQUOT: 'no-space', EROFS: 'read-only', EACCES: 'denied',
    EPERM: 'denied', EMFILE: 'too-many', ENFILE: 'too-many', ENOMEM: 'out-of-memory', EBUSY: 'busy', ENOTDIR: 'not-a-directory',
    EISDIR: 'is-a-directory', ENOTEMPTY: 'not-empty',
  }
  return new VaultError(known[code ?? ''] ?? 'io', `${subject}: ${message ?? String(error)}`, { subject, cause: error })
}
