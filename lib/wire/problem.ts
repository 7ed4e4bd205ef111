// A failure on its way over HTTP: the status by the error's code, and what a person can do. PROTOCOL §2.
import { BusyFor } from '../terms/busy-for.js'
import { VaultError, type ErrorCode } from '../terms/errors.js'

const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid: 400, usage: 400, 'format-unknown': 400, denied: 401, 'not-permitted': 403, 'not-found': 404, 'chain-broken': 409, forked: 409, exists: 409,
  'too-large': 413, corrupt: 422, range: 416, 'too-many': 429, busy: 503, 'no-space': 507, unsupported: 501,
}
/** What a hostile node may make us keep of its words. */
const textLengthMax = 1000

export function statusOf(error: unknown): number {
  return error instanceof VaultError ? (statuses[error.code] ?? 500) : 500
}

/** A fault of ours is not told to strangers. */
export function encodeProblem(error: unknown): string {
  if (!(error instanceof VaultError)) return JSON.stringify({ code: 'io', message: 'the node failed' })
  const { code, message, next, subject } = error
  return JSON.stringify({ code, message, ...(next === undefined ? {} : { next }), ...(subject === undefined ? {} : { subject }) })
}

/** Codes that a node may use: with another it would say something of us, or end our mount ('broken-invariant'). */
const codesHeard: ReadonlySet<string> = new Set(Object.keys(statuses))

/**
 * What the other side answered, as an error of ours; `peer` names it, so that nobody takes its words for ours. With whole
 * seconds as `retryAfter`, the head of that name, 'busy' comes as BusyFor: how long is the other side's word, without a bound.
 */
export function decodeProblem(status: number, text: string, peer: string, retryAfter?: unknown): VaultError {
  let value: Readonly<Record<string, unknown>> = {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) value = parsed as Readonly<Record<string, unknown>>
  } catch {
    // Not of our kind: the status says what there is to say.
  }
  const { code, message, next, subject } = value
  const heard = typeof code === 'string' && codesHeard.has(code) ? code as ErrorCode : status >= 500 || status === 429 ? 'busy' : 'invalid'
  const said = `node ${peer}: ${typeof message === 'string' ? sayable(message) : `it answered with status ${status}`}`
  const details = { subject: typeof subject === 'string' ? sayable(subject) : peer, ...(typeof next === 'string' ? { next: `it says: ${sayable(next)}` } : {}) }
  const isTimed = heard === 'busy' && typeof retryAfter === 'string' && /^[1-9]\d{0,8}$/.test(retryAfter)
  return isTimed ? new BusyFor(said, Number(retryAfter), details) : new VaultError(heard, said, details)
}

/** What a terminal shows as it is: no control characters, and none that turn the direction of a line. */
function sayable(text: string): string {
  return text.slice(0, textLengthMax).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd')
}
