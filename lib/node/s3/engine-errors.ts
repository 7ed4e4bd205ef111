// What an object store refuses, in words for who runs the node. Codes are those of S3; engines differ in which they send.
import { VaultError, type ErrorCode } from '../../terms/errors.js'
import { textOf } from './listing.js'
import type { S3Place } from './place.js'

interface Meaning {
  readonly code: ErrorCode
  readonly message: string
  readonly next?: string
}

const wrongKeys = 'check both lines of the credentials file'
const meanings: Readonly<Record<string, Meaning>> = {
  InvalidAccessKeyId: { code: 'denied', message: 'it does not know the access key', next: wrongKeys },
  SignatureDoesNotMatch: { code: 'denied', message: 'the secret key is not that of the access key', next: wrongKeys },
  AccessDenied: { code: 'denied', message: 'these keys may not do that', next: 'allow them to list, get, put and delete objects in the bucket' },
  ExpiredToken: { code: 'denied', message: 'the session token has expired', next: 'put new keys into the credentials file and start the node again' },
  AccountProblem: { code: 'denied', message: 'the account is shut', next: 'ask who runs the object store' },
  NoSuchBucket: { code: 'denied', message: 'there is no such bucket', next: 'make it, or correct its name; buckets belong to a region' },
  AuthorizationHeaderMalformed: { code: 'denied', message: 'another region is expected', next: 'set region= in the address of the bucket' },
  PermanentRedirect: { code: 'denied', message: 'the bucket lies elsewhere', next: 'set endpoint= and region= to those of the bucket' },
  XAmzContentSHA256Mismatch: { code: 'corrupt', message: 'bytes arrived that are not those that were sent' },
  BadDigest: { code: 'corrupt', message: 'bytes arrived that are not those that were sent' },
  QuotaExceeded: { code: 'no-space', message: 'the quota of the user or the bucket is used up', next: 'raise it, or delete what is not needed' },
  InsufficientStorage: { code: 'no-space', message: 'the store is full' },
  XMinioStorageFull: { code: 'no-space', message: 'the store is full' },
  EntityTooLarge: { code: 'too-large', message: 'it does not take objects of that size' },
  NotImplemented: { code: 'unsupported', message: 'it does not know that request', next: 'use an engine that knows If-None-Match and ListObjectsV2, as Ceph, MinIO and AWS do' },
  SlowDown: { code: 'busy', message: 'it asks us to slow down' },
  RequestTimeout: { code: 'busy', message: 'it waited too long for our bytes' },
  OperationAborted: { code: 'busy', message: 'another request for the same object is under way' },
  ConditionalRequestConflict: { code: 'busy', message: 'another request for the same object is under way' },
}

export interface Refusal {
  readonly status: number
  /** Of the answer; empty for a HEAD. */
  readonly text: string
  /** The store's clock, header `date`. */
  readonly date: string | undefined
  /** Ours, seconds since 1970. */
  readonly sec: number
}

export function engineError(place: S3Place, { status, text, date, sec }: Refusal): VaultError {
  const said = textOf(text, 'Code') ?? ''
  const subject = `${place.endpoint}/${place.bucket}`
  if (said === 'RequestTimeTooSkewed') {
    const theirs = Math.round(Date.parse(date ?? '') / 1000)
    const apart = Number.isFinite(theirs) ? ` by ${Math.abs(theirs - sec)} seconds` : ''
    return new VaultError('denied', `object store ${subject}: its clock and ours differ${apart}`, { subject, next: 'set the clocks of both machines, for example by NTP' })
  }
  const meaning = meanings[said] ?? meaningOf(status)
  return new VaultError(meaning.code, `object store ${subject}: ${meaning.message} (${status}${said === '' ? '' : ` ${said.slice(0, 100)}`})`, { subject, ...(meaning.next === undefined ? {} : { next: meaning.next }) })
}

function meaningOf(status: number): Meaning {
  if (status === 401 || status === 403) return { code: 'denied', message: 'it refuses us', next: wrongKeys }
  if (status === 301 || status === 307) return { code: 'denied', message: 'the bucket lies elsewhere', next: 'set endpoint= and region= to those of the bucket' }
  if (status === 507) return { code: 'no-space', message: 'the store is full' }
  if (status === 501) return { code: 'unsupported', message: 'it does not know that request' }
  if (status === 408 || status === 409 || status === 429 || status >= 500) return { code: 'busy', message: 'it fails or is overloaded' }
  return { code: 'io', message: 'an answer that we do not understand' }
}

/** No answer, or not all of one. */
export function noAnswer(place: S3Place, error: unknown): VaultError {
  const subject = `${place.endpoint}/${place.bucket}`
  const { code, name, message } = error as { readonly code?: unknown; readonly name?: unknown; readonly message?: unknown }
  const isLate = name === 'TimeoutError' || name === 'AbortError' || /TIMEOUT/.test(String(code))
  if (isLate) return new VaultError('deadline', `object store ${subject}: no answer in time`, { subject, cause: error, next: 'check that it runs and is not overloaded' })
  return new VaultError('offline', `object store ${subject}: ${String(message ?? error)}`, { subject, cause: error, next: 'check the endpoint, and that it runs' })
}
