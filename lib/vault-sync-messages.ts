// What passes between the main thread and the one that syncs. No key does: the key page is shared.
import type { CopyCount, SyncReport } from './store/sync-port.js'
import type { LogLevel } from './terms/log.js'
import type { PostedError } from './terms/posted-error.js'
import type { SyncLimits } from './terms/sync-limits.js'

export interface SyncSetup {
  /** The store's folder. */
  readonly store: string
  readonly vaultId: Uint8Array
  readonly deviceId: Uint8Array
  readonly signPublicKey: Uint8Array
  readonly ownerPublicKey: Uint8Array
  /** This device's member record. */
  readonly member: Uint8Array
  readonly keyPage: SharedArrayBuffer
  readonly limits: SyncLimits
  /** Of our newest entry that is durable. */
  readonly sequence: number
}

export interface SyncQuestions {
  report: { readonly ask: null; readonly answer: SyncReport }
  wait: { readonly ask: number; readonly answer: boolean }
  copies: { readonly ask: { readonly blobIds: readonly Uint8Array[]; readonly sequence: number }; readonly answer: CopyCount }
  trust: { readonly ask: string; readonly answer: null }
  reload: { readonly ask: null; readonly answer: null }
}
export type SyncQuestion = keyof SyncQuestions

export type SyncRequest =
  | { readonly kind: 'published'; readonly sequence: number }
  | { readonly kind: 'close' }
  | { [Name in SyncQuestion]: { readonly kind: 'ask'; readonly id: number; readonly name: Name; readonly value: SyncQuestions[Name]['ask'] } }[SyncQuestion]

export type SyncReply =
  | { readonly kind: 'report'; readonly report: SyncReport }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PostedError }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, string | number | boolean>> }
