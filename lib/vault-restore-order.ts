// What restoring is asked for, what it tells, and what came of it.
import type { PublishedMoment } from './store/history-port.js'
import type { MomentWish } from './vault-past.js'
import type { RestoreHooks } from './vault-restore-changes.js'
import type { EntryKind } from './vault-restore-comparison.js'

export interface RestoreStep {
  readonly kind: 'create' | 'replace' | 'link' | 'attributes' | 'remove'
  readonly path: string
  readonly entry: EntryKind
  readonly size: number
}

export interface RestoreOrder {
  readonly path: string
  readonly when: MomentWish
  /** Null: in its place. A folder that is there takes it under its own name. */
  readonly to: string | null
  /** Also remove what was not there then. */
  readonly exact: boolean
  readonly preview: boolean
}

export interface RestoreOutcome {
  readonly moment: PublishedMoment
  readonly path: string
  readonly target: string
  readonly unchanged: number
}

export interface RestoreListener extends RestoreHooks {
  steps(steps: readonly RestoreStep[]): Promise<void> | void
}
