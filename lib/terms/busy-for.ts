// 'busy', and for how long: what a node says to its clients, and what they hear.
import { VaultError, type VaultErrorDetails } from './errors.js'

export class BusyFor extends VaultError {
  /** Seconds, at least 1. */
  readonly afterSec: number

  constructor(message: string, afterSec: number, details: VaultErrorDetails = {}) {
    super('busy', message, details)
    this.afterSec = afterSec
  }
}
