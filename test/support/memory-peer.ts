// A node in memory, as its client sees it: keeps blobs and chains as a real one does, and fails, loses and lies as it is
// told. `beforeCall` and `afterCall` are where a test pulls the plug: before or after the node has done what it was asked.
import { decodeEntry, entryHash, entryLengthAt, noPrevious } from '../../lib/format/manifest-entry.js'
import type { PeerBlob, PeerHead, PeerHealth, PeerInventory, PeerPort } from '../../lib/store/peer-port.js'
import { concatBytes, equalBytes, hex, type BlobId, type DeviceId, type ManifestHash, type Sealed } from '../../lib/terms/bytes.js'
import { VaultError, invariant } from '../../lib/terms/errors.js'
import { sha256 } from '../../native-deps/sodium.js'

interface Kept {
  readonly bytes: Uint8Array
  readonly hash: ManifestHash
}

export class MemoryNode {
  readonly blobs = new Map<string, Uint8Array>()
  readonly chains = new Map<string, Kept[]>()
  readonly members: Uint8Array[] = []
  readonly revocations: Uint8Array[] = []
  header: Uint8Array | undefined
  /** Every blob that came, again and again where it did. */
  readonly putIds: string[] = []
  readonly appended: number[] = []
  readonly calls: string[] = []
  offline = false
  bytesMax = Infinity
  pageBlobs = 4
  /** Of each call. */
  delayMs = 0
  beforeCall: (name: string) => void | Promise<void> = () => undefined
  afterCall: (name: string) => void = () => undefined
  /** What it says of the chains instead of the truth. */
  tell: (heads: readonly PeerHead[]) => readonly PeerHead[] = (heads) => heads
  /** Told of each entry before it is taken. */
  onEntry: (deviceId: DeviceId, sequence: number) => void = () => undefined

  get bytes(): number {
    return [...this.blobs.values()].reduce((sum, blob) => sum + blob.byteLength, 0)
  }

  heads(): PeerHead[] {
    return [...this.chains].sort(([a], [b]) => (a < b ? -1 : 1)).map(([device, kept]) => ({
      deviceId: Uint8Array.from(Buffer.from(device, 'hex')) as Uint8Array as DeviceId, sequence: kept.length,
      hash: kept.at(-1)?.hash ?? noPrevious, bytes: kept.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    }))
  }

  append(deviceId: DeviceId, entries: Uint8Array): PeerHead {
    const kept = this.chains.get(hex(deviceId)) ?? []
    for (let at = 0; at < entries.byteLength;) {
      const length = entryLengthAt(entries.subarray(at)) ?? 0
      invariant(length > 0 && at + length <= entries.byteLength, 'whole entries are sent')
      const bytes = entries.slice(at, at + length)
      const entry = decodeEntry(bytes)
      const { sequence, previous } = entry.clear
      at += length
      const here = kept[sequence - 1]
      if (here !== undefined && equalBytes(here.bytes, bytes)) continue
      if (sequence !== kept.length + 1 || !equalBytes(previous, kept.at(-1)?.hash ?? noPrevious)) throw new VaultError('chain-broken', 'it does not follow')
      this.onEntry(deviceId, sequence)
      this.appended.push(sequence)
      kept.push({ bytes, hash: entryHash(entry.signed) })
    }
    this.chains.set(hex(deviceId), kept)
    return this.heads().find((head) => equalBytes(head.deviceId, deviceId)) ?? { deviceId, sequence: 0, hash: noPrevious, bytes: 0 }
  }
}

export class MemoryPeer implements PeerPort {
  readonly name: string
  readonly #node: MemoryNode
  #closed = false

  constructor(name: string, node: MemoryNode) {
    this.name = name
    this.#node = node
  }

  health(): Promise<PeerHealth> {
    const { blobs, bytes } = this.#node
    return this.#call('health', () => ({ version: '0', blobs: blobs.size, bytes, quota: null, time: 0, signing: new Uint8Array(32) }))
  }

  has(blobIds: readonly BlobId[]): Promise<Uint8Array> {
    return this.#call('has', () => Uint8Array.from(blobIds, (blobId) => (this.#node.blobs.has(hex(blobId)) ? 1 : 0)))
  }

  put(blobs: readonly PeerBlob[]): Promise<void> {
    return this.#call('put', () => {
      const bytes = blobs.reduce((sum, { sealed }) => sum + sealed.byteLength, 0)
      if (this.#node.bytes + bytes > this.#node.bytesMax) throw new VaultError('no-space', 'the node is full')
      for (const { blobId, sealed } of blobs) {
        if (!equalBytes(sha256(sealed), blobId)) throw new VaultError('corrupt', 'bytes that do not hash to their name')
        this.#node.putIds.push(hex(blobId))
        this.#node.blobs.set(hex(blobId), sealed.slice())
      }
    })
  }

  get(blobIds: readonly BlobId[]): Promise<readonly (Sealed | undefined)[]> {
    return this.#call('get', () => blobIds.map((blobId) => this.#node.blobs.get(hex(blobId))?.slice() as Sealed | undefined))
  }

  range(blobId: BlobId, start: number, length: number): Promise<Uint8Array> {
    return this.#call('range', () => this.#node.blobs.get(hex(blobId))?.slice(start, start + length) ?? new Uint8Array(0))
  }

  inventory(after?: BlobId): Promise<PeerInventory> {
    return this.#call('inventory', () => {
      const from = after === undefined ? '' : hex(after)
      const names = [...this.#node.blobs.keys()].sort().filter((name) => name > from)
      return {
        isLast: names.length <= this.#node.pageBlobs,
        blobs: names.slice(0, this.#node.pageBlobs).map((name) => ({ blobId: Uint8Array.from(Buffer.from(name, 'hex')) as Uint8Array as BlobId, length: this.#node.blobs.get(name)?.byteLength ?? 0 })),
      }
    })
  }

  heads(): Promise<readonly PeerHead[]> {
    return this.#call('heads', () => this.#node.tell(this.#node.heads()))
  }

  appendEntries(deviceId: DeviceId, entries: Uint8Array): Promise<PeerHead> {
    return this.#call('append', () => this.#node.append(deviceId, entries))
  }

  readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    return this.#call('read', () => {
      const rest = this.#node.chains.get(hex(deviceId))?.slice(after) ?? []
      let bytes = 0
      const fit = rest.findIndex((entry) => (bytes += entry.bytes.byteLength) > bytesMax)
      return concatBytes(...rest.slice(0, fit < 0 ? rest.length : Math.max(1, fit)).map((entry) => entry.bytes))
    })
  }

  header(): Promise<Uint8Array | undefined> {
    return this.#call('header', () => this.#node.header)
  }

  putHeader(header: Uint8Array): Promise<void> {
    return this.#call('putHeader', () => { this.#node.header = header })
  }

  members(): Promise<readonly Uint8Array[]> {
    return this.#call('members', () => [...this.#node.members])
  }

  putMember(record: Uint8Array): Promise<void> {
    return this.#call('putMember', () => { this.#node.members.push(record) })
  }

  revocations(): Promise<readonly Uint8Array[]> {
    return this.#call('revocations', () => [...this.#node.revocations])
  }

  challenge(): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#call('challenge', () => [])
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  async #call<Value>(name: string, work: () => Value): Promise<Value> {
    const node = this.#node
    await node.beforeCall(name)
    await new Promise((resolve) => { if (node.delayMs > 0) setTimeout(resolve, node.delayMs); else setImmediate(resolve) })
    if (this.#closed) throw new VaultError('cancelled', `node ${this.name}: closed`)
    if (node.offline) throw new VaultError('offline', `node ${this.name} can not be reached`, { subject: this.name })
    node.calls.push(name)
    const value = work()
    node.afterCall(name)
    return value
  }
}
