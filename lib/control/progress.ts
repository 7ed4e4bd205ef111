// How far a long request is. Sent when it changes, at most a few times a second.
import type { PeerState } from '../store/sync-port.js'

export interface Progress {
  readonly phase: 'publishing' | 'syncing' | 'draining' | 'unmounting' | 'sending'
  /** What is still in flight; when it is sent to nodes: blobs that they lack. */
  readonly entries: number
  readonly bytes: number
  /** When it is sent to nodes: what each lacks. */
  readonly peers?: readonly PeerProgress[]
}
export type OnProgress = (progress: Progress) => void

export interface PeerProgress {
  readonly name: string
  readonly state: PeerState
  readonly blobsLeft: number
  readonly bytesLeft: number
}
