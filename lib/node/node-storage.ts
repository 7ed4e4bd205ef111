// Where a node keeps things: on its own disk, or in an S3-compatible store that several processes of one node share. What
// resolves is durable. Nothing here knows principals, quotas or HTTP, and nothing verifies: that is done before.
import type { BlobId, DeviceId, ManifestHash, VaultId } from '../terms/bytes.js'
import type { DeviceHead } from '../wire/signed-lists.js'
import type { SealedBlob } from '../wire/blob-frames.js'

export interface NodeStorage {
  /** Made when it is used first. */
  vault(vaultId: VaultId): VaultStorage
  /** Small documents of the node itself (vaults, grants, invitations), replaced as a whole. */
  readonly records: RecordStorage
  /** Resolves when whatever writes and reads answers; rejects 'io' when it has ended. */
  alive(): Promise<void>
  close(): Promise<void>
}

export interface VaultStorage {
  /** Other processes may change what is here at any moment. */
  readonly isShared: boolean
  /** For each id its length; undefined: not here. */
  lengths(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]>
  /**
   * For each blob whether it was new. On a rejection none of them counts. Their memory may be shared memory
   * (SharedArrayBuffer), does not change before it has resolved, and is used again after that.
   */
  put(blobs: readonly SealedBlob[]): Promise<readonly boolean[]>
  /** Bytes of a blob as they lie there, not verified; the whole without a range. Rejects 'not-found', and 'corrupt' for what is shorter than it should be. */
  read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Promise<Uint8Array>
  /**
   * Frames (lib/wire/blob-frames.ts) of these blobs one after another into `into`, up to the first that does not fit (the
   * very first is not here then); answers their bytes. Not verified; what could not be read, or is not here, has an empty one.
   */
  readFrames(blobIds: readonly BlobId[], into: Uint8Array<SharedArrayBuffer>): Promise<number>
  /** In the order of ids, behind `after`. */
  inventory(after: Uint8Array, limit: number): Promise<{ readonly isLast: boolean; readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[] }>
  /**
   * When each blob came, in seconds since 1970 by the storage's clock, an hour or so later at worst and never earlier;
   * undefined: not here. Asked at least every hour while the node runs.
   */
  storedSec(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]>
  /** Ids that are not here are skipped. */
  remove(blobIds: readonly BlobId[]): Promise<void>
  statistics(): Promise<{ readonly blobs: number; readonly bytes: number }>
  /** Ascending by device. */
  heads(): Promise<readonly DeviceHead[]>
  /**
   * Appends entries behind `expected` (sequence 0: the chain is new). Answers false, and changes nothing, when the head is
   * another one by now: then somebody else appended.
   */
  append(deviceId: DeviceId, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean>
  /** Whole entries behind `after`, at least one if there is one, else about `bytesMax`. */
  readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array>
  /** Small documents of the vault: header, deletions, counters. */
  readonly records: RecordStorage
}

export interface ChainEntry {
  readonly sequence: number
  readonly hash: ManifestHash
  readonly bytes: Uint8Array
}

/** With the id of a vault in hexadecimal, a document of the node's own: the vault was removed, and what is kept of it may go. */
export const removedPrefix = 'removed/'

/** Of one document: the ids of a deletion intent, and some room. */
export const recordBytesMax = 4 * 1024 * 1024

/** Named documents of at most 4 MiB with a version, 1 from the first writing on. */
export interface RecordStorage {
  get(name: string): Promise<{ readonly version: number; readonly bytes: Uint8Array } | undefined>
  /** Writes version `expected` + 1 (0: there is none yet). Answers false when somebody else did. */
  put(name: string, expected: number, bytes: Uint8Array): Promise<boolean>
  remove(name: string): Promise<void>
  /** Names that begin with `prefix`, sorted. */
  list(prefix: string): Promise<readonly string[]>
}
