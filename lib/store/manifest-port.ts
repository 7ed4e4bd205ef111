// This device's chain as publishing sees it.
import type { Operation } from '../format/operations.js'

export interface ManifestPort {
  /** Seals, signs and appends one entry; durable when it resolves. Answers its sequence. */
  append(operations: readonly Operation[]): Promise<number>
  /** Sequence of the newest entry; 0: none yet. */
  readonly sequence: number
  /** Of the entries appended since it was opened. */
  readonly appendedBytes: number
  /** There are entries of other devices too; absent: there are none. */
  readonly hasOthers?: boolean
}
