// The only place where an error becomes an exit code. Numbers are a contract (bin/CLI.md): one is never given to another
// code, and a code that goes leaves its number behind. A new ErrorCode does not compile until it has one.

import { VaultError, type ErrorCode } from '../lib/terms/errors.js'

export const exitCodes = {
  usage: 2,
  // names
  'not-found': 10, exists: 11, 'not-empty': 12, 'not-a-directory': 13, 'is-a-directory': 14, 'name-invalid': 15,
  'name-too-long': 16, 'too-many-links': 17, 'cross-vault': 18,
  // access
  'read-only': 20, denied: 21, 'not-permitted': 22, locked: 23, 'wrong-passphrase': 24, stale: 25,
  // capacity
  'no-space': 30, 'too-large': 31, 'too-many': 32, 'out-of-memory': 33,
  // integrity
  corrupt: 40, 'chain-broken': 41, forked: 42, 'format-unknown': 43,
  // distance and time
  offline: 50, deadline: 51, cancelled: 52, busy: 53,
  // contract
  'bad-handle': 60, invalid: 61, unsupported: 62, 'no-attribute': 63, range: 64,
  // the machine
  io: 70, 'no-fuse': 71, 'missing-dependency': 72, 'not-a-vault': 73, 'not-mounted': 74, 'mount-point': 75,
  difference: 76, 'broken-invariant': 79,
} as const satisfies Readonly<Record<ErrorCode, number>>

/** A fault of ours that nobody foresaw. */
const unforeseen = 1

export function exitCodeOf(error: unknown): number {
  return error instanceof VaultError ? exitCodes[error.code] : unforeseen
}

/** What to do where the error itself does not say. */
const nextSteps: Readonly<Partial<Record<ErrorCode, string>>> = {
  'no-space': 'make room on that disk and try again',
  'read-only': 'its disk is mounted read-only: remount it',
  denied: 'check its owner and permissions',
  corrupt: "restore it from a copy; 'vaultfs salvage' saves what can be read",
  'chain-broken': "restore the folder manifest of the store from a copy; 'vaultfs salvage' saves what can be read",
  'format-unknown': 'a newer vaultfs made it: use that one',
  'out-of-memory': 'close something, or choose a cheaper --kdf-memory-mib',
  'too-many': 'close something, or raise the limit of open files (ulimit -n)',
  'not-found': 'check the path',
  exists: 'choose another name',
  cancelled: 'begin again when you like',
  unsupported: 'use another driver or file system',
}
const otherwise = "'vaultfs doctor' checks this machine"

/** One line that names the thing and the next step. */
export function errorLine(error: unknown): string {
  if (!(error instanceof VaultError)) {
    const reason = error instanceof Error ? error.message : String(error)
    return `vaultfs: unforeseen fault: ${reason}; 'vaultfs doctor' checks this machine`
  }
  const subject = error.subject === undefined || error.message.includes(error.subject) ? '' : ` (${error.subject})`
  // Elsewhere the next step is a sentence of its own.
  const next = (error.next ?? nextSteps[error.code] ?? otherwise).replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase()).replace(/\.$/, '')
  return `vaultfs: ${error.message}${subject}; ${next}`.replace(/\s*\n\s*/g, ' ')
}
