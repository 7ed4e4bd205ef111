// A vault's chains in a bucket: append-only because an object is only ever written where none is, and because nothing here
// deletes. A head that was once read stays a true one of the past, so a conditional write is all that guards it.
import type { ChainEntry } from '../node-storage.js'
import { equalBytes, hex, type DeviceId, type ManifestHash } from '../../terms/bytes.js'
import type { Entropy } from '../../terms/entropy.js'
import { invariant, VaultError } from '../../terms/errors.js'
import { headsMax, type DeviceHead } from '../../wire/signed-lists.js'
import { chainHeadBytes, decodeChainHead, decodeLengths, encodeChainObject, type ChainHead } from './chain-object.js'
import type { S3Engine } from './engine.js'
import { inParallel } from './gate.js'
import type { ListedObject } from './listing.js'
import { descendingName, numberNamed, putOnce, writerBytes } from './once.js'

/** Of what a request may bring, and a head. */
const objectBytesMax = 40 * 1024 * 1024
/** Read at once: most objects as a whole. */
const beginningBytes = 64 * 1024
const readBytesMax = 32 * 1024 * 1024
/** Sequences whose objects one listing names: fewer than it may name. */
const window = 900
const readsAtOnce = 8

export class S3Chains {
  readonly #engine: S3Engine
  readonly #prefix: string
  readonly #entropy: Entropy
  /** Heads as they were last seen, by device; at most `headsMax`. */
  readonly #heads = new Map<string, DeviceHead>()

  /** `prefix` ends with a slash. */
  constructor(engine: S3Engine, prefix: string, entropy: Entropy) {
    this.#engine = engine
    this.#prefix = prefix
    this.#entropy = entropy
  }

  async heads(): Promise<readonly DeviceHead[]> {
    const devices: DeviceId[] = []
    for (let after: string | undefined; ;) {
      const { folders, isTruncated } = await this.#engine.list({ prefix: this.#prefix, delimiter: '/', ...(after === undefined ? {} : { after }) })
      for (const folder of folders) {
        const name = folder.slice(this.#prefix.length, -1)
        if (/^[0-9a-f]{32}$/.test(name)) devices.push(new Uint8Array(Buffer.from(name, 'hex')) as Uint8Array as DeviceId)
      }
      if (devices.length > headsMax) throw new VaultError('too-many', `more than ${headsMax} chains`)
      const last = folders.at(-1)
      if (!isTruncated || last === undefined) break
      // Behind all that lies in that folder.
      after = `${last}~`
    }
    const heads = await inParallel(devices, readsAtOnce, (deviceId) => this.#head(deviceId))
    return heads.filter((head) => head !== undefined)
  }

  async append(deviceId: DeviceId, expected: { readonly sequence: number; readonly hash: ManifestHash }, entries: readonly ChainEntry[]): Promise<boolean> {
    const [first] = entries
    if (first === undefined) return isHead(await this.#head(deviceId), expected)
    invariant(entries.every(({ sequence }, index) => sequence === expected.sequence + 1 + index), 'entries follow each other')
    const device = hex(deviceId)
    let head = this.#heads.get(device)
    if (head === undefined || !isHead(head, expected)) {
      head = await this.#head(deviceId)
      if (!isHead(head, expected)) return false
    }
    const bytesBefore = head?.bytes ?? 0
    const body = encodeChainObject(entries, bytesBefore, this.#entropy.bytes(writerBytes))
    if (!await putOnce(this.#engine, this.#key(device, first.sequence), body)) {
      this.#heads.delete(device)
      return false
    }
    const last = entries.at(-1) ?? first
    this.#remember(device, { deviceId, sequence: last.sequence, hash: last.hash, bytes: bytesBefore + entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0) })
    return true
  }

  async readEntries(deviceId: DeviceId, after: number, bytesMax: number): Promise<Uint8Array> {
    const device = hex(deviceId)
    const parts: Uint8Array[] = []
    let [next, room] = [after + 1, Math.min(bytesMax, readBytesMax)]
    while (parts.length === 0 || room > 0) {
      const objects = await this.#objectsFrom(device, next)
      if (objects.length === 0) break
      const group = objects.slice(0, Math.max(1, countWithin(objects, room)))
      const read = await inParallel(group, readsAtOnce, (object) => this.#entriesOf(object.key, Math.max(next, numberNamed(object.key) ?? 0), room))
      const before = next
      for (const { lengths, bytes, followedBy } of read) {
        const count = parts.length === 0 ? Math.max(1, countOf(lengths, room)) : countOf(lengths, room)
        const taken = lengths.slice(0, count).reduce((sum, length) => sum + length, 0)
        if (taken > 0) parts.push(bytes.subarray(0, taken))
        room -= taken
        next = Math.max(next, followedBy)
        // Not all of it fits, or not all of it was read.
        if (taken < bytes.byteLength || count < lengths.length) return Buffer.concat(parts)
      }
      if (next === before) break
    }
    return Buffer.concat(parts)
  }

  /** Ascending, those that hold entries from `next` on, as far as one listing goes; the first may begin before it. */
  async #objectsFrom(device: string, next: number): Promise<readonly ListedObject[]> {
    const prefix = `${this.#prefix}${device}/`
    const { objects } = await this.#engine.list({ prefix, after: prefix + descendingName(next + window) })
    const ascending = objects.filter(({ key }) => numberNamed(key) !== undefined).toReversed()
    const begin = ascending.findLastIndex(({ key }) => (numberNamed(key) ?? 0) <= next)
    return ascending.slice(Math.max(begin, 0))
  }

  /** Entries of one object from `from` on, about `room` bytes, at least one if there is one. */
  async #entriesOf(key: string, from: number, room: number): Promise<{ readonly lengths: readonly number[]; readonly bytes: Uint8Array; readonly followedBy: number }> {
    const beginning = await this.#part(key, 0, beginningBytes)
    const head = decodeChainHead(beginning.bytes, beginning.size)
    const lengthsEnd = chainHeadBytes + 4 * head.count
    const index = lengthsEnd <= beginning.bytes.byteLength ? beginning.bytes.subarray(chainHeadBytes, lengthsEnd) : (await this.#part(key, chainHeadBytes, 4 * head.count)).bytes
    const lengths = decodeLengths(index, head)
    const skipped = lengths.slice(0, Math.max(from - head.first, 0))
    const wanted = lengths.slice(skipped.length)
    const count = Math.max(countOf(wanted, room), Math.min(1, wanted.length))
    const start = lengthsEnd + sumOf(skipped)
    const length = sumOf(wanted.slice(0, count))
    if (beginning.size !== lengthsEnd + sumOf(lengths)) throw new VaultError('corrupt', `object ${key}: its length is not what it says`, { subject: key })
    const bytes = start + length <= beginning.bytes.byteLength ? beginning.bytes.subarray(start, start + length) : await this.#whole(key, start, length)
    return { lengths: wanted, bytes, followedBy: head.first + head.count }
  }

  async #whole(key: string, start: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    const { bytes } = await this.#part(key, start, length)
    if (bytes.byteLength !== length) throw new VaultError('corrupt', `object ${key}: it is shorter than it says`, { subject: key })
    return bytes
  }

  async #part(key: string, start: number, length: number): Promise<{ readonly bytes: Uint8Array; readonly size: number }> {
    const part = await this.#engine.get(key, Math.min(length, objectBytesMax), { start, length })
    if (part === undefined) throw new VaultError('corrupt', `object ${key} of a chain was listed and is not there`, { subject: key })
    return part
  }

  /** Asks the store, as another process may have appended. */
  async #head(deviceId: DeviceId): Promise<DeviceHead | undefined> {
    const device = hex(deviceId)
    const { objects: [newest] } = await this.#engine.list({ prefix: `${this.#prefix}${device}/`, limit: 1 })
    const first = newest === undefined ? undefined : numberNamed(newest.key)
    if (newest === undefined || first === undefined) return undefined
    const known = this.#heads.get(device)
    if (known !== undefined && known.sequence >= first) return known
    const { bytes, size } = await this.#part(newest.key, 0, chainHeadBytes)
    const head: ChainHead = decodeChainHead(bytes, size)
    return this.#remember(device, { deviceId, sequence: head.first + head.count - 1, hash: head.hash, bytes: head.bytes })
  }

  #remember(device: string, head: DeviceHead): DeviceHead {
    const known = this.#heads.get(device)
    if (known !== undefined && known.sequence > head.sequence) return known
    if (known === undefined && this.#heads.size >= headsMax) this.#heads.clear()
    this.#heads.set(device, head)
    return head
  }

  #key(device: string, sequence: number): string {
    return `${this.#prefix}${device}/${descendingName(sequence)}`
  }
}

function isHead(head: DeviceHead | undefined, { sequence, hash }: { readonly sequence: number; readonly hash: ManifestHash }): boolean {
  return head === undefined ? sequence === 0 : head.sequence === sequence && equalBytes(head.hash, hash)
}

function countWithin(objects: readonly ListedObject[], room: number): number {
  return countOf(objects.map(({ size }) => size), room)
}

/** How many of them fit one after another. */
function countOf(lengths: readonly number[], room: number): number {
  let left = room
  const over = lengths.findIndex((length) => (left -= length) < 0)
  return over < 0 ? lengths.length : over
}

function sumOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}
