// A file's content as a sequence of pieces, in the order of their offsets: what a reader thread needs to assemble the
// bytes, wherever they lie now.
import type { BlobReference } from '../format/blob-reference.js'
import type { LogExtent } from './log-port.js'

export type Piece =
  /** In the arena of dirty data. */
  | { readonly kind: 'memory'; readonly position: number; readonly length: number }
  /** In the write-ahead log: `length` bytes from byte `skip` of the extent. */
  | { readonly kind: 'log'; readonly extent: LogExtent; readonly skip: number; readonly length: number }
  /** In a sealed blob: `length` bytes from byte `skip` of its plaintext. */
  | { readonly kind: 'blob'; readonly reference: BlobReference; readonly skip: number; readonly length: number }
  /** Small content kept in the content tree itself. */
  | { readonly kind: 'inline'; readonly bytes: Uint8Array; readonly length: number }
  | { readonly kind: 'hole'; readonly length: number }
