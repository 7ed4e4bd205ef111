// When to come back, for an answer that says "not now".
import { VaultError } from '../terms/errors.js'

/** 'busy', and for how long. */
export class BusyFor extends VaultError {
  /** Seconds, at least 1. */
  readonly afterSec: number

  constructor(message: string, afterSec: number, next: string) {
    super('busy', message, { next })
    this.afterSec = afterSec
  }
}

/** For a failure of ours that passes by itself. */
const otherwiseSec = 5

/** Undefined: it does not help to come back. */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof BusyFor) return error.afterSec
  return error instanceof VaultError && (error.code === 'busy' || error.code === 'too-many') ? otherwiseSec : undefined
}
