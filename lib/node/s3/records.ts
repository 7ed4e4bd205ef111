// Documents with versions in a bucket. Each change, a removal too, is an object of its own, written only where none is, so
// of two who change the same version one wins. Numbers go on behind a removal (`base` is where the document's own begin),
// and the last object of a name is never deleted: a number is given once.
import { recordBytesMax, type RecordStorage } from '../node-storage.js'
import { ByteReader } from '../../format/reader.js'
import { ByteWriter } from '../../format/writer.js'
import type { Clock } from '../../terms/clock.js'
import type { Entropy } from '../../terms/entropy.js'
import { VaultError } from '../../terms/errors.js'
import type { S3Engine } from './engine.js'
import { descendingName, magicBytes, numberNamed, putOnce, writerBytes } from './once.js'

/** 'VFR' and the version. */
const magic = 0x56_46_52_01
const removalBytes = magicBytes + writerBytes
const headBytes = removalBytes + 8
const attemptsMax = 10
/** So long what was read counts as the number to follow. */
const knownMs = 60_000
const knownMax = 256
/** Documents up to here are kept beside their number: a node looks every few seconds whether one changed. */
const heldBytesMax = 64 * 1024
/**
 * Objects that are not the last of their name are deleted when they are older than this by the store's clock: far more than
 * the deadlines of a write that follows the one before, else a number could be given again. Looked for as often.
 */
const outdatedMs = 60 * 60_000

interface Current {
  /** Counts all changes of that name, from 1; 0: there was none. */
  readonly number: number
  /** Number before the document's first; undefined: there is none now. */
  readonly base: number | undefined
  readonly ms: number
  /** Undefined: not kept. */
  readonly held?: Uint8Array | undefined
}

export class S3Records implements RecordStorage {
  readonly #engine: S3Engine
  readonly #prefix: string
  readonly #entropy: Entropy
  readonly #clock: Clock
  readonly #known = new Map<string, Current>()
  #sweptMs = -Infinity

  /** `prefix` ends with a slash. */
  constructor(engine: S3Engine, prefix: string, { entropy, clock }: { readonly entropy: Entropy; readonly clock: Clock }) {
    this.#engine = engine
    this.#prefix = prefix
    this.#entropy = entropy
    this.#clock = clock
  }

  async get(name: string): Promise<{ readonly version: number; readonly bytes: Uint8Array } | undefined> {
    const found = await this.#newest(name, headBytes + recordBytesMax)
    return found?.base === undefined ? undefined : { version: found.number - found.base, bytes: found.bytes }
  }

  async put(name: string, expected: number, bytes: Uint8Array): Promise<boolean> {
    if (bytes.byteLength > recordBytesMax) throw new VaultError('too-large', `record ${name}: ${bytes.byteLength} bytes`, { subject: name })
    let current = this.#known.get(name)
    if (current === undefined || this.#clock.monotonicMs() - current.ms > knownMs || versionOf(current) !== expected) {
      current = await this.#newest(name, headBytes)
      if (versionOf(current) !== expected) return false
    }
    const [number, base] = [(current?.number ?? 0) + 1, current?.base ?? current?.number ?? 0]
    const body = new ByteWriter(headBytes + bytes.byteLength).u32(magic).bytes(this.#entropy.bytes(writerBytes)).u64(base).bytes(bytes).view()
    return await this.#write(name, { number, base }, body)
  }

  async remove(name: string): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = await this.#newest(name, headBytes)
      if (current?.base === undefined) return
      const body = new ByteWriter(removalBytes).u32(magic).bytes(this.#entropy.bytes(writerBytes)).view()
      if (await this.#write(name, { number: current.number + 1, base: undefined }, body)) return
    }
    throw new VaultError('busy', `record ${name} is changed by others all the time`, { subject: name, next: 'try again later' })
  }

  async list(prefix: string): Promise<readonly string[]> {
    const names: string[] = []
    let seen: string | undefined
    for (let after: string | undefined; ;) {
      const { objects, isTruncated } = await this.#engine.list({ prefix: this.#prefix + escaped(prefix), ...(after === undefined ? {} : { after }) })
      for (const object of objects) {
        const folder = object.key.slice(this.#prefix.length, object.key.lastIndexOf('/'))
        // The first of a name is its newest.
        if (folder === seen || numberNamed(object.key) === undefined) continue
        seen = folder
        if (object.size !== removalBytes) names.push(unescaped(folder))
      }
      after = objects.at(-1)?.key
      if (!isTruncated || after === undefined) return names.sort()
    }
  }

  async #write(name: string, { number, base }: Pick<Current, 'number' | 'base'>, body: Uint8Array): Promise<boolean> {
    // Before it is asked: the number may count as known no longer than since then.
    const ms = this.#clock.monotonicMs()
    if (!await putOnce(this.#engine, this.#folder(name) + descendingName(number), body)) {
      this.#known.delete(name)
      return false
    }
    this.#remember(name, { number, base, ms, held: heldOf(base === undefined ? body.subarray(0, 0) : body.slice(headBytes)) })
    if (ms - this.#sweptMs > outdatedMs) {
      this.#sweptMs = ms
      // Failing is no harm: the next one finds what was left.
      this.sweep().catch(() => undefined)
    }
    return true
  }

  /** Undefined: nothing was ever written under that name. `bytesMax`: of the object; the document's own bytes come without its head. */
  async #newest(name: string, bytesMax: number): Promise<(Current & { readonly bytes: Uint8Array }) | undefined> {
    const known = this.#known.get(name)
    const askedMs = this.#clock.monotonicMs()
    // While it is known, its follower can't have come and been swept away.
    if (known?.held !== undefined && askedMs - known.ms < knownMs && await this.#engine.size(this.#folder(name) + descendingName(known.number + 1)) === undefined) {
      return { ...this.#remember(name, { ...known, ms: askedMs }), bytes: known.held.slice() }
    }
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const ms = this.#clock.monotonicMs()
      const { objects: [newest] } = await this.#engine.list({ prefix: this.#folder(name), limit: 1 })
      const number = newest === undefined ? undefined : numberNamed(newest.key)
      if (newest === undefined || number === undefined) return undefined
      if (newest.size === removalBytes) return { ...this.#remember(name, { number, base: undefined, ms, held: new Uint8Array(0) }), bytes: new Uint8Array(0) }
      const found = await this.#engine.get(newest.key, bytesMax, { start: 0, length: bytesMax })
      // Replaced, and swept away, since it was listed.
      if (found === undefined) continue
      const reader = new ByteReader(found.bytes, `record ${name}`)
      if (reader.u32() !== magic) throw reader.corrupt('not one of ours')
      reader.bytes(writerBytes)
      const base = reader.u64()
      if (base >= number) throw reader.corrupt(`number ${number} behind ${base}`)
      const bytes = reader.copy(reader.remaining)
      return { ...this.#remember(name, { number, base, ms, held: found.bytes.byteLength === found.size ? heldOf(bytes.slice()) : undefined }), bytes }
    }
    throw new VaultError('busy', `record ${name} is changed by others all the time`, { subject: name, next: 'try again later' })
  }

  /** Deletes what is outdated, of all names. Done once an hour by itself. */
  async sweep(): Promise<void> {
    let seen: string | undefined
    for (let after: string | undefined; ;) {
      const { objects, isTruncated, dateMs } = await this.#engine.list({ prefix: this.#prefix, ...(after === undefined ? {} : { after }) })
      const outdated = objects.filter(({ key, modifiedMs }) => {
        const folder = key.slice(0, key.lastIndexOf('/'))
        const isNewest = folder !== seen
        seen = folder
        return !isNewest && numberNamed(key) !== undefined && dateMs - modifiedMs > outdatedMs
      })
      for (const { key } of outdated) await this.#engine.delete(key)
      after = objects.at(-1)?.key
      if (!isTruncated || after === undefined) return
    }
  }

  #remember(name: string, current: Current): Current {
    if (this.#known.size >= knownMax) this.#known.clear()
    this.#known.set(name, current)
    return current
  }

  #folder(name: string): string {
    return `${this.#prefix}${escaped(name)}/`
  }
}

function heldOf(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.byteLength <= heldBytesMax ? bytes : undefined
}

/** As the outside counts; 0: there is none. */
function versionOf(current: Current | undefined): number {
  return current?.base === undefined ? 0 : current.number - current.base
}

/** Bytes that a key may hold as they are; every other one is `_` and two digits, so that what begins with a prefix still does. */
function escaped(name: string): string {
  return [...Buffer.from(name, 'utf8')].map((byte) => {
    const letter = String.fromCharCode(byte)
    return /[A-Za-z0-9.-]/.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`
  }).join('')
}

function unescaped(text: string): string {
  return Buffer.from(text.replace(/_([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))), 'latin1').toString('utf8')
}
