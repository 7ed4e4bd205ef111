// When to come back, for an answer that says "not now".
import { BusyFor } from '../terms/busy-for.js'
import { VaultError } from '../terms/errors.js'

/** For a failure of ours that passes by itself. */
const otherwiseSec = 5

/** Undefined: it does not help to come back. */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof BusyFor) return error.afterSec
  return error instanceof VaultError && (error.code === 'busy' || error.code === 'too-many') ? otherwiseSec : undefined
}
