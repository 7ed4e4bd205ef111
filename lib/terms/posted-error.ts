// A VaultError between threads: structured clone would make a plain Error of it and lose its code.
import { errorCodes, VaultError, type ErrorCode } from './errors.js'

export interface PostedError {
  readonly code: ErrorCode
  readonly message: string
  readonly subject: string | undefined
  readonly next: string | undefined
}

export function postedError(error: unknown): PostedError {
  if (error instanceof VaultError) return { code: error.code, message: error.message, subject: error.subject, next: error.next }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'broken-invariant', message: `in a worker: ${message}`, subject: undefined, next: undefined }
}

export function errorOf(posted: PostedError): VaultError {
  const code = errorCodes.includes(posted.code) ? posted.code : 'broken-invariant'
  return new VaultError(code, posted.message, {
    ...(posted.subject === undefined ? {} : { subject: posted.subject }), ...(posted.next === undefined ? {} : { next: posted.next }),
  })
}
