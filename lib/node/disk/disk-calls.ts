// What the two threads of a node's disk can be asked. Ids of many blobs go packed, 32 bytes each; vaults and devices go in
// hexadecimal, as their folders and files are called.
import type { ManifestHash } from '../../terms/bytes.js'
import type { DeviceHead } from '../../wire/signed-lists.js'
import type { SealedBlob } from '../../wire/blob-frames.js'
import type { ChainEntry } from '../node-storage.js'

export interface DiskSetup {
  readonly role: 'writer' | 'reader'
  readonly directory: string
}

/** Everything that changes something, durable when it is answered. */
export interface WriterCalls {
  /** Finds what a crash left behind; before anything else is asked of a vault. */
  open(vault: string): void
  put(vault: string, blobs: readonly SealedBlob[], nowSec: number): Promise<readonly boolean[]>
  remove(vault: string, blobIds: Uint8Array): void
  /** −1: not here. */
  storedSec(vault: string, blobIds: Uint8Array, nowSec: number): readonly number[]
  append(vault: string, device: string, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean>
  putRecord(scope: string, name: string, expected: number, bytes: Uint8Array): Promise<boolean>
  removeRecord(scope: string, name: string): Promise<void>
  close(): void
}

export interface ReaderCalls {
  /** −1: not here. */
  lengths(vault: string, blobIds: Uint8Array): readonly number[]
  read(vault: string, blobId: Uint8Array, range: { readonly start: number; readonly length: number } | undefined): Uint8Array
  /** Into shared memory; answers how many bytes. */
  frames(vault: string, blobIds: Uint8Array, into: Uint8Array): number
  inventory(vault: string, after: Uint8Array, limit: number): { readonly isLast: boolean; readonly ids: Uint8Array; readonly lengths: readonly number[] }
  statistics(vault: string): { readonly blobs: number; readonly bytes: number }
  heads(vault: string): readonly DeviceHead[]
  readEntries(vault: string, device: string, after: number, bytesMax: number): Uint8Array
  record(scope: string, name: string): { readonly version: number; readonly bytes: Uint8Array } | undefined
  recordNames(scope: string, prefix: string): readonly string[]
  close(): void
}

export function unpackIds<Id extends Uint8Array>(packed: Uint8Array): Id[] {
  return Array.from({ length: packed.byteLength / 32 }, (_, index) => packed.subarray(index * 32, index * 32 + 32) as Id)
}
