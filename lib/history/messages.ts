// What the main thread and the history thread say to each other.
import type { PostedError } from '../terms/posted-error.js'
import type { Questions } from './questions.js'

/** Questions by name: methods of Questions. */
export type QuestionName =
  | 'status' | 'at' | 'newest' | 'oldest' | 'retained' | 'snapshots' | 'snapshot' | 'entry' | 'version' | 'lookup' | 'list' | 'pathOf'
  | 'versions' | 'contents' | 'statePart' | 'stateRoot' | 'stateAge' | 'cut' | 'findNames' | 'prunable'

export type Arguments<Name extends QuestionName> = Parameters<Questions[Name]>
export type Value<Name extends QuestionName> = Awaited<ReturnType<Questions[Name]>>

export type Request =
  /** `sequence`: what is folded at least, of our own chain, before it is answered. */
  | { readonly kind: 'ask'; readonly id: number; readonly sequence: number; readonly name: QuestionName; readonly arguments: readonly unknown[] }
  | { readonly kind: 'differences'; readonly id: number; readonly sequence: number; readonly from: number; readonly to: number; readonly directory: number }
  /** Our own chain is on the disk up to here. */
  | { readonly kind: 'durable'; readonly sequence: number }
  | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unready'; readonly error: PostedError }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** More follows. */
  | { readonly kind: 'batch'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PostedError }
  /** For the daemon's log: the past could not be read on. */
  | { readonly kind: 'trouble'; readonly error: PostedError }

export interface HistorySetup {
  readonly path: string
  readonly manifestDirectory: string
  readonly vaultId: Uint8Array
  readonly ownerPublicKey: Uint8Array
  readonly deviceId: Uint8Array
  readonly keyPage: SharedArrayBuffer
  /** Of each of its two connections. */
  readonly cacheBytes: number
}
