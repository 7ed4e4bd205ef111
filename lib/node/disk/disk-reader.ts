// The thread that reads the disk while the other waits for it. It sees what is committed, and nothing else.
import type { BlobId, DeviceId, ManifestHash } from '../../terms/bytes.js'
import { encodeIds, frameHead, frameHeadBytes } from '../../wire/blob-frames.js'
import type { DeviceHead } from '../../wire/signed-lists.js'
import { BlobIndex, blobNotHere } from './blob-index.js'
import { noHead, readEntries } from './chain-files.js'
import { unpackIds, type ReaderCalls } from './disk-calls.js'
import { openNodeDatabase, type NodeDatabase } from './node-database.js'
import { chainPath, vaultFolder } from './vault-folder.js'

export class DiskReader implements ReaderCalls {
  readonly #directory: string
  readonly #database: NodeDatabase
  readonly #indexes = new Map<string, BlobIndex>()

  constructor(directory: string) {
    this.#directory = directory
    this.#database = openNodeDatabase(directory)
  }

  lengths(vault: string, blobIds: Uint8Array): readonly number[] {
    const index = this.#index(vault)
    return unpackIds<BlobId>(blobIds).map((id) => index?.length(id) ?? -1)
  }

  read(vault: string, blobId: Uint8Array, range: { readonly start: number; readonly length: number } | undefined): Uint8Array {
    const index = this.#index(vault)
    if (index === undefined) throw blobNotHere(blobId as BlobId)
    return index.read(blobId as BlobId, range)
  }

  frames(vault: string, blobIds: Uint8Array, into: Uint8Array): number {
    const index = this.#index(vault)
    let at = 0
    for (const blobId of unpackIds<BlobId>(blobIds)) {
      const start = at + frameHeadBytes
      // It may have come since somebody asked for lengths.
      if (at > 0 && start + (index?.length(blobId) ?? 0) > into.byteLength) break
      const length = index?.readWhole(blobId, into.subarray(start)) ?? 0
      into.set(frameHead(blobId, length), at)
      at = start + length
    }
    return at
  }

  inventory(vault: string, after: Uint8Array, limit: number): { readonly isLast: boolean; readonly ids: Uint8Array; readonly lengths: readonly number[] } {
    const page = this.#index(vault)?.inventory(after, limit)
    if (page === undefined) return { isLast: true, ids: new Uint8Array(0), lengths: [] }
    return { isLast: page.isLast, ids: encodeIds(page.blobs.map(({ blobId }) => blobId)), lengths: page.blobs.map(({ length }) => length) }
  }

  statistics(vault: string): { readonly blobs: number; readonly bytes: number } {
    return this.#index(vault)?.statistics() ?? { blobs: 0, bytes: 0 }
  }

  heads(vault: string): readonly DeviceHead[] {
    return this.#database.heads.all(vault).map(({ device, sequence, hash, bytes }) => (
      { deviceId: new Uint8Array(Buffer.from(device, 'hex')) as Uint8Array as DeviceId, sequence, hash: hash as ManifestHash, bytes }
    ))
  }

  readEntries(vault: string, device: string, after: number, bytesMax: number): Uint8Array {
    const head = this.#database.head.get(vault, device) ?? noHead
    const start = this.#database.place.get(vault, device, after + 1) ?? { sequence: 1, offset: 0 }
    return readEntries(chainPath(vaultFolder(this.#directory, vault), device), head, start, after, bytesMax)
  }

  record(scope: string, name: string): { readonly version: number; readonly bytes: Uint8Array } | undefined {
    return this.#database.record.get(scope, name)
  }

  recordNames(scope: string, prefix: string): readonly string[] {
    return this.#database.recordNames.all(scope, prefix, `${prefix}\uffff`)
  }

  close(): void {
    for (const index of this.#indexes.values()) index.close()
    this.#database.database.close()
  }

  #index(vault: string): BlobIndex | undefined {
    const known = this.#indexes.get(vault)
    if (known !== undefined) return known
    const opened = BlobIndex.open(vaultFolder(this.#directory, vault).cache)
    if (opened !== undefined) this.#indexes.set(vault, opened)
    return opened
  }
}
