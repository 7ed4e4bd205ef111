// A node over HTTP (PROTOCOL). Nothing it says is believed: blobs are hashed, lists are verified by its signing key, every
// answer has the length that was asked for or less. All requests may be repeated, so one whose connection ended is.
import { Pool } from 'undici'
import { entryBytesMax } from '../format/manifest-entry.js'
import type { KnownPeer } from '../format/peer-list.js'
import { ByteReader } from '../format/reader.js'
import type { PeerBlob, PeerHead, PeerHealth, PeerInventory, PeerPort } from '../store/peer-port.js'
import { hex, type BlobId, type DeviceId, type ManifestHash, type Sealed, type VaultId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { blobBytesMax, encodeFrames, encodeIds, frameHeadBytes, framesBytesMax, framesThatFit, getIdsMax, hasIdsMax } from '../wire/blob-frames.js'
import type { TlsIdentity } from '../wire/certificate.js'
import { decodeKeptHeaders, keptHeadersBytesMax, type KeptHeader } from '../wire/kept-headers.js'
import { revocationBytes } from '../wire/owner-records.js'
import { pathOf, routes, type RouteName } from '../wire/routes.js'
import { decodeHeadList, decodeInventoryPage, headsMax, inventoryPageMax } from '../wire/signed-lists.js'
import { framesAsked, healthFrom, lie } from './answers.js'
import { cancelled, connectToNode } from './connection.js'
import { exchange, HungUp, origin, type Exchange } from './exchange.js'
import type { Patience } from './patience.js'

export interface HttpPeerOptions {
  readonly vaultId: VaultId
  readonly tls: TlsIdentity
  readonly patience: Patience
  /** Bytes of bodies that went and came, as they do. */
  readonly onTransfer?: ((up: number, down: number) => void) | undefined
  /** Once, after its first answer: for what it is to be told. */
  readonly onReached?: ((peer: HttpPeer) => void) | undefined
}

type Asked = Omit<Exchange, 'method' | 'path' | 'media'> & { readonly parameters?: Readonly<Record<string, string>>; readonly query?: Readonly<Record<string, string | number>> }

const connections = 4
const inventoryBytesMax = 256 + inventoryPageMax * 36
const headsBytesMax = 256 + headsMax * 64
const membersBytesMax = limits.dependenciesMax * (limits.memberRecordBytesMax + 2)
const healthBytesMax = 16 * 1024

export class HttpPeer implements PeerPort {
  readonly name: string
  readonly #known: KnownPeer
  readonly #options: HttpPeerOptions
  /** The one that answered last is tried first. */
  #places: readonly string[]
  #pool: Pool
  readonly #ending = new AbortController()
  #free = connections
  #isReached = false
  readonly #waiting: (() => void)[] = []

  constructor(known: KnownPeer, options: HttpPeerOptions) {
    this.name = known.name
    this.#known = known
    this.#options = options
    this.#places = known.places
    this.#pool = this.#newPool()
  }

  async health(): Promise<PeerHealth> {
    return healthFrom(await this.#ask('health', { bytesMax: healthBytesMax }), this.name)
  }

  async has(blobIds: readonly BlobId[]): Promise<Uint8Array> {
    invariant(blobIds.length <= hasIdsMax, 'no more ids than one question holds')
    if (blobIds.length === 0) return new Uint8Array(0)
    return this.#flags(await this.#ask('hasBlobs', { body: [encodeIds(blobIds)], bytesMax: blobIds.length }), blobIds.length)
  }

  async put(blobs: readonly PeerBlob[], framed?: Uint8Array): Promise<void> {
    // Whole it goes in a few large pieces; heads and blobs by turns are as many writes, and copied together.
    if (framed !== undefined && framed.byteLength <= framesBytesMax) return await this.#putBatch([framed], blobs.length)
    for (let rest = blobs; rest.length > 0;) {
      const batch = rest.slice(0, framesThatFit(rest))
      await this.#putBatch(encodeFrames(batch), batch.length)
      rest = rest.slice(batch.length)
    }
  }

  async get(blobIds: readonly BlobId[], compared?: 'by-caller', into?: Uint8Array): Promise<readonly (Sealed | undefined)[]> {
    const found: (Sealed | undefined)[] = []
    let room = into
    while (found.length < blobIds.length) {
      const asked = blobIds.slice(found.length, found.length + getIdsMax)
      const answer = await this.#ask('getBlobs', { body: [encodeIds(asked)], bytesMax: framesBytesMax + getIdsMax * frameHeadBytes, into: room })
      if (answer.buffer === room?.buffer) room = room.subarray(answer.byteLength)
      found.push(...framesAsked(answer, asked, this.name, compared))
    }
    return found
  }

  async range(blobId: BlobId, start: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    const bytes = await this.#ask('getBlob', { parameters: { blob: hex(blobId) }, range: { start, length }, bytesMax: Math.min(length, blobBytesMax) })
    if (bytes.byteLength !== length) throw lie(this.name, 'it gave less of a blob than was asked for', hex(blobId))
    return bytes
  }

  async inventory(after?: BlobId): Promise<PeerInventory> {
    const query = { limit: inventoryPageMax, ...(after === undefined ? {} : { after: hex(after) }) }
    const bytes = await this.#ask('inventory', { query, bytesMax: inventoryBytesMax })
    return this.#decoded(() => decodeInventoryPage(bytes, { vaultId: this.#options.vaultId, after: after ?? new Uint8Array(32), publicKey: this.#known.signing }))
  }

  async heads(): Promise<readonly PeerHead[]> {
    const bytes = await this.#ask('heads', { bytesMax: headsBytesMax })
    return this.#decoded(() => decodeHeadList(bytes, { vaultId: this.#options.vaultId, publicKey: this.#known.signing }).heads)
  }

  async appendEntries(deviceId: DeviceId, entries: Uint8Array): Promise<PeerHead> {
    const bytes = await this.#ask('appendEntries', { parameters: { device: hex(deviceId) }, body: [entries], bytesMax: 48 })
    return this.#decoded(() => {
      const reader = new ByteReader(bytes, 'the head that it answered')
      const head = { deviceId, sequence: reader.u64(), hash: reader.copy(32) as Uint8Array as ManifestHash, bytes: reader.u64() }
      reader.end()
      return head
    })
  }

  async readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    return await this.#ask('readEntries', { parameters: { device: hex(deviceId) }, query: { after, bytes: bytesMax }, bytesMax: Math.max(bytesMax, entryBytesMax) })
  }

  async header(): Promise<Uint8Array | undefined> {
    return await this.#ask('getHeader', { bytesMax: limits.headerBytesMax }).catch(undefinedWhenNotFound)
  }

  async keptHeaders(): Promise<readonly KeptHeader[]> {
    // A node that does not know the question keeps them for its operator only.
    const bytes = await this.#ask('keptHeaders', { bytesMax: keptHeadersBytesMax }).catch(undefinedWhenNotFound)
    return bytes === undefined ? [] : this.#decoded(() => decodeKeptHeaders(bytes))
  }

  async putHeader(header: Uint8Array): Promise<void> {
    await this.#ask('putHeader', { body: [header], bytesMax: 0 })
  }

  async members(): Promise<readonly Uint8Array[]> {
    const bytes = await this.#ask('members', { bytesMax: membersBytesMax })
    return this.#decoded(() => {
      const reader = new ByteReader(bytes, 'its member records')
      const records: Uint8Array[] = []
      while (reader.remaining > 0) records.push(new Uint8Array(reader.lengthPrefixed(limits.memberRecordBytesMax)))
      return records
    })
  }

  async putMember(record: Uint8Array): Promise<void> {
    await this.#ask('putMember', { body: [record], bytesMax: 0 })
  }

  async challenge(nonce: Uint8Array, blobIds: readonly BlobId[]): Promise<readonly (Uint8Array | undefined)[]> {
    invariant(blobIds.length <= getIdsMax, 'no more blobs than one challenge holds')
    const bytes = await this.#ask('challenge', { body: [nonce, encodeIds(blobIds)], bytesMax: 33 * blobIds.length })
    if (bytes.byteLength !== 33 * blobIds.length) throw lie(this.name, 'it answered another number of blobs than it was asked about')
    return blobIds.map((_, index) => {
      const one = bytes.subarray(33 * index, 33 * (index + 1))
      if (one[0] === 1) return new Uint8Array(one.subarray(1))
      if (one.some((byte) => byte !== 0)) throw lie(this.name, 'it answered neither that it has a blob nor that it has not')
      return undefined
    })
  }

  /** The recovery record, not verified; undefined: it has none. Not of every PeerPort. */
  async recovery(): Promise<Uint8Array | undefined> {
    return await this.#ask('recovery', { bytesMax: 1024 }).catch(undefinedWhenNotFound)
  }

  async putRecovery(record: Uint8Array): Promise<void> {
    await this.#ask('putRecovery', { body: [record], bytesMax: 0 })
  }

  async revocations(): Promise<readonly Uint8Array[]> {
    const bytes = await this.#ask('revocations', { bytesMax: limits.dependenciesMax * revocationBytes })
    if (bytes.byteLength % revocationBytes !== 0) throw lie(this.name, 'what it gives as revocations has another length than they have')
    return Array.from({ length: bytes.byteLength / revocationBytes }, (_, index) => bytes.slice(index * revocationBytes, (index + 1) * revocationBytes))
  }

  async putRevocation(record: Uint8Array): Promise<void> {
    await this.#ask('putRevocation', { body: [record], bytesMax: 0 })
  }

  /** What is on its way is rejected with 'cancelled'. */
  async close(): Promise<void> {
    this.#ending.abort()
    for (const wake of this.#waiting.splice(0)) wake()
    await this.#pool.destroy(cancelled(this.name))
  }

  async #putBatch(body: readonly Uint8Array[], count: number): Promise<void> {
    this.#flags(await this.#ask('putBlobs', { body, bytesMax: count }), count)
  }

  #flags(bytes: Uint8Array, count: number): Uint8Array {
    if (bytes.byteLength !== count || bytes.some((byte) => byte > 1)) throw lie(this.name, 'it answered something else than a yes or no for each blob')
    return bytes
  }

  /** What does not decode, or was not signed by it, is a lie. */
  #decoded<Value>(decode: () => Value): Value {
    try {
      return decode()
    } catch (error) {
      throw error instanceof VaultError ? lie(this.name, error.message) : error
    }
  }

  async #ask(route: RouteName, { parameters, query, ...asked }: Asked): Promise<Uint8Array> {
    const { method, request } = routes[route]
    const wanted: Exchange = { ...asked, method, path: pathOf(route, parameters, query), ...(request === 'none' ? {} : { media: request }) }
    await this.#turn()
    try {
      const answer = await this.#exchanged(wanted)
      if (!this.#isReached) {
        this.#isReached = true
        this.#options.onReached?.(this)
      }
      return answer
    } finally {
      this.#free += 1
      this.#waiting.shift()?.()
    }
  }

  async #exchanged(wanted: Exchange): Promise<Uint8Array> {
    const pool = this.#pool
    const first = await this.#once(pool, wanted)
    if (!(first instanceof HungUp)) return first
    // A connection that was kept may have ended meanwhile. On new ones there is no such excuse.
    if (this.#pool === pool && !this.#isClosed) {
      this.#pool = this.#newPool()
      void pool.close().catch(() => undefined)
    }
    const second = await this.#once(this.#pool, wanted)
    if (!(second instanceof HungUp)) return second
    throw first.wasMute && second.wasMute ? unknownHere(this.name, second) : brokenOff(this.name, second)
  }

  async #once(pool: Pool, wanted: Exchange): Promise<Uint8Array | HungUp> {
    if (this.#isClosed) throw cancelled(this.name)
    const { patience, onTransfer } = this.#options
    try {
      return await exchange(pool, wanted, { peer: this.name, patience, connectMs: patience.connectMs * Math.max(this.#places.length, 1), onTransfer })
    } catch (error) {
      if (!(error instanceof HungUp)) throw error
      if (this.#isClosed) throw cancelled(this.name)
      return error
    }
  }

  get #isClosed(): boolean {
    return this.#ending.signal.aborted
  }

  /** Requests beyond the connections wait here, where nobody's patience runs. */
  async #turn(): Promise<void> {
    while (this.#free === 0) {
      if (this.#isClosed) throw cancelled(this.name)
      await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    }
    this.#free -= 1
  }

  #newPool(): Pool {
    const { name, pin } = this.#known
    return new Pool(origin, {
      connections, pipelining: 1, allowH2: false, keepAliveTimeout: 20_000, keepAliveMaxTimeout: 60_000,
      connect: (_, callback) => {
        connectToNode(this.#places, { name, pin, tls: this.#options.tls, connectMs: this.#options.patience.connectMs, signal: this.#ending.signal }).then(
          ({ socket, place }) => {
            this.#places = [place, ...this.#places.filter((other) => other !== place)]
            callback(null, socket)
          },
          (error: unknown) => { callback(error as Error, null) },
        )
      },
    })
  }
}

function undefinedWhenNotFound(error: unknown): undefined {
  if (!(error instanceof VaultError) || error.code !== 'not-found') throw error
  return undefined
}

function unknownHere(name: string, cause: unknown): VaultError {
  return new VaultError('denied', `node ${name}: it hangs up without a word: it does not know this device (any more)`, {
    subject: name, next: "ask who runs it whether this vault may still use it; with a new invitation 'vaultfs peer add' pairs again", cause,
  })
}

function brokenOff(name: string, cause: unknown): VaultError {
  return new VaultError('offline', `node ${name}: the connection breaks off`, { subject: name, next: 'try again later, or look at the node and the line to it', cause })
}
