// Verifying as it travels over the control socket: what is found and how far it is, in the order in which they come.

import type { RepairOutcome } from '../vault-repair.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from '../vault-verify-report.js'
import type { OnItems } from './past-port.js'

export type VerifyEvent =
  | { readonly finding: VerifyFinding }
  | { readonly progress: VerifyProgress }
  /** What was found is mended, as far as it could be; what is told after it is found still. */
  | { readonly repaired: RepairOutcome }
  | { readonly repairing: { readonly done: number; readonly total: number } }

/** Reads everything that the vault has; repairs nothing. 'busy' while it runs already; 'cancelled' when whoever asked is gone, or at an unmount. */
export type Verify = (onEvents: OnItems<VerifyEvent>) => Promise<VerifySummary>
