// A stretch of a file that is not published, and where its bytes are.
import type { BlobReference } from '../format/blob-reference.js'
import type { LogExtent } from '../store/log-port.js'

export type Source =
  /**
   * In the arena. `readers`: workers that read it, so it must be neither changed in place nor given back. `row`: where
   * the handover's table says so; -1: nowhere. Its bytes are of the file's versions `oldest` to `newest`; `inOrder`: each
   * byte is no older than the one before it, none was written before `sinceMs` (monotonic).
   */
  | {
    readonly kind: 'memory'; readonly position: number; length: number; users: number; readers: number; readonly row: number; readonly sinceMs: number
    readonly oldest: number; newest: number; inOrder: boolean
  }
  /** `lsn`: the record that put it here; older data can be copied into a file (`extent.lsn` is then lower). */
  | { readonly kind: 'log'; readonly extent: LogExtent; readonly lsn: number }
  | { readonly kind: 'blob'; readonly reference: BlobReference; readonly lsn: number }
  | { readonly kind: 'hole'; readonly lsn: number }

export type MemorySource = Extract<Source, { kind: 'memory' }>

export interface Extent {
  readonly start: number
  readonly end: number
  readonly source: Source
  /** First byte of the source that the extent shows. */
  readonly skip: number
}
