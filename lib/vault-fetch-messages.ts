// What who brings blobs and the thread that keeps them say to each other.
import type { PeerBlob } from './store/peer-port.js'
import type { LogLevel } from './terms/log.js'
import type { PostedError } from './terms/posted-error.js'

export interface KeepSetup {
  /** The store's folder `cache`. */
  readonly directory: string
}

/** 'keep': answered when their bytes were compared with their names; 'end': when all that was kept is durable. */
export type KeepRequest =
  | { readonly kind: 'keep'; readonly id: number; readonly blobs: readonly PeerBlob[] }
  | { readonly kind: 'end' }

export type KeepReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'kept'; readonly id: number; readonly fits: readonly boolean[] }
  /** What was kept is written: their memory is needed no more. */
  | { readonly kind: 'written'; readonly memory: readonly ArrayBuffer[] }
  | { readonly kind: 'ended'; readonly blobs: number; readonly bytes: number }
  | { readonly kind: 'failed'; readonly error: PostedError }
