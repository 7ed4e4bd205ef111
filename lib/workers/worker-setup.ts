// What a worker thread is born with (workerData). Shared memory is shared, ports are transferred; keys come as the key
// page only.
import type { MessagePort } from 'node:worker_threads'
import type { ChunkerParameters } from '../format/vault-header.js'
import type { PartialPlace } from './messages.js'

export interface CommonSetup {
  readonly cacheDirectory: string
  readonly logDirectory: string
  readonly keyPage: SharedArrayBuffer
  readonly arena: SharedArrayBuffer
  /** The vault's id, 32 bytes. */
  readonly vault: Uint8Array
  /** The device's id, 16 bytes. */
  readonly device: Uint8Array
}

export type WorkerSetup =
  | { readonly role: 'keeper'; readonly cacheDirectory: string; readonly writers: readonly MessagePort[]; readonly segmentBytesMax: number; readonly indexCacheBytes: number }
  | CommonSetup & {
    readonly role: 'reader'
    readonly readSlots: SharedArrayBuffer
    readonly smallSlots: SharedArrayBuffer
    readonly sealSlots: SharedArrayBuffer
    readonly openedFramesMax: number
  }
  | CommonSetup & {
    readonly role: 'bulk'
    readonly keeper: MessagePort
    readonly chunker: ChunkerParameters
    readonly nextSegment: SharedArrayBuffer
    readonly partial: PartialPlace | undefined
    readonly segmentBytesMax: number
  }
