// Speaks S3 with one bucket: signs, bounds, waits, and tries again. Paths, not host names, say the bucket, and keys are made
// of characters that nobody escapes. An attempt that ended without an answer may have been carried out all the same:
// who writes conditionally has to ask (`isUnsure`).
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type Dispatcher } from 'undici'
import { sha256 } from '../../../native-deps/sodium.js'
import { hex } from '../../terms/bytes.js'
import type { Clock } from '../../terms/clock.js'
import type { Entropy } from '../../terms/entropy.js'
import { fromErrno, VaultError } from '../../terms/errors.js'
import type { Logger } from '../../terms/log.js'
import type { S3Credentials } from './credentials.js'
import { engineError, noAnswer } from './engine-errors.js'
import { Gate } from './gate.js'
import { parseListing, textOf, type Listing } from './listing.js'
import type { S3Place } from './place.js'
import { emptyBodyHash, signedHeaders } from './signing.js'

export interface S3Patience {
  /** Of one attempt, beside what its bytes take. */
  readonly attemptMs: number
  readonly attempts: number
  /** After so long no further attempt is begun. */
  readonly givenUpMs: number
  /** Before the second attempt; doubled for each further one, and a random half of it is left out. */
  readonly backOffMs: number
}

export interface EngineOptions {
  readonly place: S3Place
  readonly credentials: S3Credentials
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  readonly patience?: S3Patience
}

interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Empty: the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly bodyHash?: string
  /** What the answer may bring; 64 KiB if it says nothing. */
  readonly bytesMax?: number
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  readonly isUnsure: boolean
}

export interface ObjectPart {
  readonly bytes: Uint8Array
  /** Of the object as a whole. */
  readonly size: number
}

const usualPatience: S3Patience = { attemptMs: 20_000, attempts: 6, givenUpMs: 60_000, backOffMs: 200 }
/** What a poor line still carries; an attempt may take so much longer. */
const bytesPerMs = 256
const connections = 32
const gateLimits = { requestsMax: connections, bytesMax: 128 * 1024 * 1024, waitingMax: 16_384 }
/** A document of an error, or a page of a listing. */
const textBytesMax = 64 * 1024
const listingBytesMax = 4 * 1024 * 1024
const sameWarningMs = 30_000

export class S3Engine {
  readonly place: S3Place
  readonly #options: EngineOptions
  readonly #patience: S3Patience
  readonly #pool: Pool
  readonly #gate = new Gate(gateLimits)
  readonly #derived = new Map<string, ArrayBuffer>()
  #isServing = false
  #isClosed = false
  #warned = { message: '', ms: 0 }

  constructor(options: EngineOptions) {
    this.#options = options
    this.place = options.place
    this.#patience = options.patience ?? usualPatience
    this.#pool = new Pool(options.place.endpoint, {
      connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 4000,
      connect: { timeout: Math.min(10_000, this.#patience.attemptMs), ...authority(options.place.caPath) },
    })
  }

  /** From now on, whom we serve is told that the node's storage fails, and the log is told why: they can't mend it. */
  serve(): void {
    this.#isServing = true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pool.destroy()
  }

  /** False: there is an object of that name. `bodyHash`: hexadecimal, when it is known. */
  async putNew(key: string, body: Uint8Array, bodyHash?: string): Promise<{ readonly isNew: boolean; readonly isUnsure: boolean }> {
    const { status, isUnsure } = await this.#send({ method: 'PUT', key, body, headers: { 'if-none-match': '*' }, bodyHash: bodyHash ?? hex(sha256(body)) })
    return { isNew: status !== 412, isUnsure }
  }

  /** Undefined: there is none. The whole, or at most `length` bytes from `start` on; nothing when `start` lies at the end or behind it. */
  async get(key: string, bytesMax: number, range?: { readonly start: number; readonly length: number }): Promise<ObjectPart | undefined> {
    const headers: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.start}-${range.start + range.length - 1}` }
    const { status, headers: answered, body } = await this.#send({ method: 'GET', key, headers, bytesMax: Math.max(bytesMax, textBytesMax) })
    if (status === 404) return undefined
    if (status === 416) return { bytes: new Uint8Array(0), size: (await this.size(key)) ?? 0 }
    const whole = /\/(\d+)$/.exec(String(answered['content-range'] ?? ''))?.[1]
    if (status === 200 && range !== undefined) return { bytes: body.subarray(range.start, range.start + range.length), size: body.byteLength }
    return { bytes: body, size: whole === undefined ? body.byteLength : Number(whole) }
  }

  async size(key: string): Promise<number | undefined> {
    return (await this.look(key))?.size
  }

  /** Seconds since 1970 by the store's clock. Undefined: there is none. */
  async look(key: string): Promise<{ readonly size: number; readonly modifiedSec: number } | undefined> {
    const { status, headers } = await this.#send({ method: 'HEAD', key })
    const [size, modifiedSec] = [Number(oneOf(headers['content-length'])), Date.parse(oneOf(headers['last-modified']) ?? '') / 1000]
    if (status === 404) return undefined
    if (!Number.isSafeInteger(size)) throw noAnswer(this.place, new Error('an answer that does not say how long the object is'))
    return { size, modifiedSec }
  }

  async delete(key: string): Promise<void> {
    await this.#send({ method: 'DELETE', key })
  }

  /** A page of at most 1000 keys that begin with `prefix`, behind `after`. */
  async list({ prefix, after, limit = 1000, delimiter }: { readonly prefix: string; readonly after?: string; readonly limit?: number; readonly delimiter?: string }): Promise<Listing> {
    const query = { 'list-type': '2', prefix, 'max-keys': String(limit), ...(after === undefined ? {} : { 'start-after': after }), ...(delimiter === undefined ? {} : { delimiter }) }
    const { headers, body } = await this.#send({ method: 'GET', key: '', query, bytesMax: listingBytesMax })
    return parseListing(Buffer.from(body).toString('utf8'), oneOf(headers['date']))
  }

  async #send(request: Request): Promise<Answer> {
    try {
      return await this.#gate.run((request.body?.byteLength ?? 0) + (request.bytesMax ?? 0), () => this.#tryAgain(request))
    } catch (error) {
      throw this.#isServing ? this.#forClients(error) : error
    }
  }

  async #tryAgain(request: Request): Promise<Answer> {
    const { attempts, givenUpMs, backOffMs } = this.#patience
    const beginMs = this.#options.clock.monotonicMs()
    let isUnsure = false
    for (let attempt = 1; ; attempt++) {
      try {
        return { ...await this.#attempt(request), isUnsure }
      } catch (error) {
        if (!(error instanceof VaultError) || !error.worthRetrying || attempt >= attempts || this.#options.clock.monotonicMs() - beginMs > givenUpMs) throw error
        isUnsure = true
      }
      const [random = 0] = this.#options.entropy.bytes(1)
      await sleep(backOffMs * 2 ** (attempt - 1) * (1 - random / 512))
    }
  }

  async #attempt({ method, key, query = {}, headers = {}, body, bodyHash = emptyBodyHash, bytesMax = textBytesMax }: Request): Promise<Omit<Answer, 'isUnsure'>> {
    const { place } = this
    const url = new URL(`${place.endpoint}/${place.bucket}/${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const { sec } = this.#options.clock.now()
    const signed = await signedHeaders({ method, url, headers, bodyHash }, { credentials: this.#options.credentials, region: place.region, sec, cache: this.#derived })
    const signal = AbortSignal.timeout(Math.ceil(this.#patience.attemptMs + ((body?.byteLength ?? 0) + bytesMax) / bytesPerMs))
    const answer = await this.#exchange({ method, path: url.pathname + url.search, headers: signed, signal, ...(body === undefined ? {} : { body }) }, bytesMax)
    const { status } = answer
    const text = status < 300 ? '' : Buffer.from(answer.body.subarray(0, textBytesMax)).toString('utf8')
    // An engine without buckets of that name answers 404 too, and that is not "not here".
    const isAnswer = (status >= 200 && status < 300) || (status === 412 && method === 'PUT') || (status === 416 && method === 'GET') || (status === 404 && method !== 'PUT' && key !== '' && textOf(text, 'Code') !== 'NoSuchBucket')
    if (!isAnswer) throw engineError(place, { status, text, date: oneOf(answer.headers['date']), sec })
    return answer
  }

  async #exchange(options: Dispatcher.RequestOptions, bytesMax: number): Promise<Omit<Answer, 'isUnsure'>> {
    try {
      const { statusCode, headers, body } = await this.#pool.request(options)
      const length = Number(oneOf(headers['content-length']) ?? NaN)
      const isHead = options.method === 'HEAD'
      const parts: Uint8Array[] = []
      let bytes = 0
      for await (const part of body as AsyncIterable<Uint8Array>) {
        bytes += part.byteLength
        if (bytes > bytesMax) throw new VaultError('io', `object store ${this.place.endpoint}: an answer of more than ${bytesMax} bytes`)
        parts.push(part)
      }
      if (!isHead && Number.isFinite(length) && length !== bytes) throw new Error(`an answer of ${length} bytes ended after ${bytes}`)
      return { status: statusCode, headers, body: parts.length === 1 ? parts[0] as Uint8Array : Buffer.concat(parts) }
    } catch (error) {
      throw error instanceof VaultError ? error : noAnswer(this.place, error)
    }
  }

  #forClients(error: unknown): unknown {
    if (!(error instanceof VaultError) || !['denied', 'offline', 'deadline', 'io', 'unsupported'].includes(error.code)) return error
    const ms = this.#options.clock.monotonicMs()
    if (!this.#isClosed && (error.message !== this.#warned.message || ms - this.#warned.ms > sameWarningMs)) {
      this.#warned = { message: error.message, ms }
      this.#options.logger.log('error', error.message, { code: error.code, ...(error.next === undefined ? {} : { next: error.next }) })
    }
    return new VaultError('busy', "the node's storage does not answer as it should", { cause: error, next: "try again later; who runs the node finds the reason in its log" })
  }
}

function authority(caPath: string | undefined): { readonly ca?: string } {
  if (caPath === undefined) return {}
  try {
    return { ca: readFileSync(caPath, 'utf8') }
  } catch (error) {
    throw fromErrno(error, caPath)
  }
}

function oneOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
