// The least that keeps NodeStorage's promises: what the contract is tried on, and what other tests of a node may take.
// Several may be opened over one `NodeMemory`, as several processes over one bucket.
import { VaultError } from '../../lib/terms/errors.js'
import { concatBytes, equalBytes, hex, type BlobId, type DeviceId, type ManifestHash, type VaultId } from '../../lib/terms/bytes.js'
import { framesByReading } from '../../lib/node/frames-by-reading.js'
import { recordBytesMax, type ChainEntry, type NodeStorage, type RecordStorage, type VaultStorage } from '../../lib/node/node-storage.js'
import type { DeviceHead } from '../../lib/wire/signed-lists.js'
import type { SealedBlob } from '../../lib/wire/blob-frames.js'

type Records = Map<string, { readonly version: number; readonly bytes: Uint8Array }>
interface VaultMemory {
  readonly blobs: Map<string, Uint8Array>
  readonly chains: Map<string, ChainEntry[]>
  readonly records: Records
}

export class NodeMemory {
  readonly records: Records = new Map()
  readonly vaults = new Map<string, VaultMemory>()
}

export class MemoryNodeStorage implements NodeStorage {
  readonly records: RecordStorage
  readonly #memory: NodeMemory

  constructor(memory: NodeMemory) {
    this.#memory = memory
    this.records = new MemoryRecords(memory.records)
  }

  vault(vaultId: VaultId): VaultStorage {
    const { vaults } = this.#memory
    const found = vaults.get(hex(vaultId)) ?? { blobs: new Map(), chains: new Map(), records: new Map() }
    vaults.set(hex(vaultId), found)
    return new MemoryVault(found)
  }

  async alive(): Promise<void> {}

  async close(): Promise<void> {}
}

class MemoryVault implements VaultStorage {
  readonly isShared = true
  readonly records: RecordStorage
  readonly #memory: VaultMemory

  constructor(memory: VaultMemory) {
    this.#memory = memory
    this.records = new MemoryRecords(memory.records)
  }

  async lengths(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    return blobIds.map((id) => this.#memory.blobs.get(hex(id))?.byteLength)
  }

  async put(blobs: readonly SealedBlob[]): Promise<readonly boolean[]> {
    return blobs.map(({ blobId, sealed }) => {
      const isNew = !this.#memory.blobs.has(hex(blobId))
      if (isNew) this.#memory.blobs.set(hex(blobId), sealed.slice())
      return isNew
    })
  }

  async read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Promise<Uint8Array> {
    const blob = this.#memory.blobs.get(hex(blobId))
    if (blob === undefined) throw new VaultError('not-found', `no blob ${hex(blobId)}`)
    return range === undefined ? blob : blob.subarray(range.start, range.start + range.length)
  }

  async readFrames(blobIds: readonly BlobId[], into: Uint8Array<SharedArrayBuffer>): Promise<number> {
    return framesByReading(blobIds, into, (blobId) => this.read(blobId))
  }

  async inventory(after: Uint8Array, limit: number): Promise<{ readonly isLast: boolean; readonly blobs: readonly { readonly blobId: BlobId; readonly length: number }[] }> {
    const behind = [...this.#memory.blobs].filter(([id]) => id > hex(after)).sort(([a], [b]) => a < b ? -1 : 1)
    return { isLast: behind.length <= limit, blobs: behind.slice(0, limit).map(([id, blob]) => ({ blobId: new Uint8Array(Buffer.from(id, 'hex')) as Uint8Array as BlobId, length: blob.byteLength })) }
  }

  async storedSec(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    return blobIds.map((id) => this.#memory.blobs.has(hex(id)) ? Math.floor(Date.now() / 1000) : undefined)
  }

  async remove(blobIds: readonly BlobId[]): Promise<void> {
    for (const id of blobIds) this.#memory.blobs.delete(hex(id))
  }

  async statistics(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    const blobs = [...this.#memory.blobs.values()]
    return { blobs: blobs.length, bytes: blobs.reduce((sum, blob) => sum + blob.byteLength, 0) }
  }

  async heads(): Promise<readonly DeviceHead[]> {
    return [...this.#memory.chains].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([device, chain]) => {
      const last = chain.at(-1)
      return last === undefined ? [] : [{ deviceId: new Uint8Array(Buffer.from(device, 'hex')) as Uint8Array as DeviceId, sequence: last.sequence, hash: last.hash, bytes: chain.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) }]
    })
  }

  async append(deviceId: DeviceId, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean> {
    const chain = this.#memory.chains.get(hex(deviceId)) ?? []
    const last = chain.at(-1)
    if (last === undefined ? expected.sequence !== 0 : last.sequence !== expected.sequence || !equalBytes(last.hash, expected.hash)) return false
    this.#memory.chains.set(hex(deviceId), [...chain, ...entries])
    return true
  }

  async readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    const taken: Uint8Array[] = []
    let room = bytesMax
    for (const { sequence, bytes } of this.#memory.chains.get(hex(deviceId)) ?? []) {
      if (sequence <= after) continue
      room -= bytes.byteLength
      if (room < 0 && taken.length > 0) break
      taken.push(bytes)
    }
    return concatBytes(...taken)
  }
}

class MemoryRecords implements RecordStorage {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  async get(name: string): Promise<{ readonly version: number; readonly bytes: Uint8Array } | undefined> {
    return this.#records.get(name)
  }

  async put(name: string, expected: number, bytes: Uint8Array): Promise<boolean> {
    if (bytes.byteLength > recordBytesMax) throw new VaultError('too-large', name)
    if ((this.#records.get(name)?.version ?? 0) !== expected) return false
    this.#records.set(name, { version: expected + 1, bytes: bytes.slice() })
    return true
  }

  async remove(name: string): Promise<void> {
    this.#records.delete(name)
  }

  async list(prefix: string): Promise<readonly string[]> {
    return [...this.#records.keys()].filter((name) => name.startsWith(prefix)).sort()
  }
}
