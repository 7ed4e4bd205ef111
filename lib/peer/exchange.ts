// One request and its answer, with an end to both: an answer is read up to what it may be long and cut off beyond, and
// everything is waited for as patience.ts says. Errors come out as ours and name the node.
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { concatBytes } from '../terms/bytes.js'
import { PassingBytes } from '../terms/external-memory.js'
import { VaultError } from '../terms/errors.js'
import { Pace } from '../wire/pace.js'
import { decodeProblem } from '../wire/problem.js'
import { Watch, type Patience } from './patience.js'

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  /** Pieces of the body. */
  readonly body?: readonly Uint8Array[]
  readonly media?: 'application/octet-stream' | 'application/json'
  readonly range?: { readonly start: number; readonly length: number }
  /** Of the answer's body. */
  readonly bytesMax: number
  /** For the answer's body: what fits comes as a view of it, what does not has memory of its own. */
  readonly into?: Uint8Array | undefined
}

export interface ExchangeOptions {
  readonly peer: string
  readonly patience: Patience
  /** What connecting may take before. */
  readonly connectMs: number
  readonly onTransfer?: ((up: number, down: number) => void) | undefined
}

/** What a node says of a failure. */
const problemBytesMax = 16 * 1024
const pieceBytesMin = 64 * 1024
const pieceBytesMax = 1024 * 1024
/** Of a part that is copied rather than sent by itself. */
const shortBytesMax = 32 * 1024

/** Of this thread, whichever node they come from. */
const passing = new PassingBytes()

/** The connection ended before the answer did. */
export class HungUp extends Error {
  /** Whether not even the beginning of an answer came. */
  readonly wasMute: boolean

  constructor(wasMute: boolean, cause: unknown) {
    super('the connection ended', { cause })
    this.wasMute = wasMute
  }
}

/** The body of a 2xx answer. Rejects with a VaultError, or HungUp. */
export async function exchange(dispatcher: Dispatcher, { method, path, body, media, range, bytesMax, into }: Exchange, options: ExchangeOptions): Promise<Uint8Array> {
  const { peer } = options
  const watch = new Watch(peer, options.patience, options.connectMs)
  let isAnswered = false
  try {
    const answer = await dispatcher.request({
      origin, method, path, signal: watch.signal, headersTimeout: 0, bodyTimeout: 0,
      headers: {
        ...(body === undefined ? {} : { 'content-length': String(lengthOf(body)), 'content-type': media ?? 'application/octet-stream' }),
        ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.start + range.length - 1}` }),
      },
      ...(body === undefined ? {} : { body: iterated(pieces(body, watch, options)) }),
    })
    isAnswered = true
    const isGood = answer.statusCode >= 200 && answer.statusCode < 300
    const bytes = await bounded(answer.body, { bytesMax: isGood ? bytesMax : problemBytesMax, into: into ?? new Uint8Array(0) }, watch, options)
    if (isGood) return bytes
    throw decodeProblem(answer.statusCode, Buffer.from(bytes).toString('utf8'), peer, answer.headers['retry-after'])
  } catch (error) {
    throw translated(error, watch, isAnswered, peer)
  } finally {
    watch.end()
  }
}

/** Undici takes what can be iterated over, and its types do not say so; a stream around it costs as much again. */
function iterated(pieces: AsyncIterable<Uint8Array>): Readable {
  return pieces as unknown as Readable
}

/** Nobody looks it up: the connector knows the node's addresses. */
export const origin = 'https://vaultfs-node'

function lengthOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, piece) => sum + piece.byteLength, 0)
}

/**
 * In pieces, because each that is asked for tells that the one before is on its way: small ones at first, and larger ones
 * where they go quickly, since each costs the same. Short parts go together, or each would be a packet.
 */
async function* pieces(body: readonly Uint8Array[], watch: Watch, { onTransfer }: ExchangeOptions): AsyncGenerator<Uint8Array> {
  const pace = new Pace(pieceBytesMin, pieceBytesMax)
  for (const piece of cutInPieces(body, pace)) {
    pace.begin()
    yield piece
    pace.ended()
    watch.carried(piece.byteLength)
    onTransfer?.(piece.byteLength, 0)
  }
  watch.requested()
}

/** Views of long parts, and copies of short ones side by side. */
function* cutInPieces(body: readonly Uint8Array[], pace: Pace): Generator<Uint8Array> {
  let short: Uint8Array[] = []
  let shortBytes = 0
  for (const part of body) {
    if (shortBytes > 0 && shortBytes + part.byteLength > pace.bytes) {
      yield concatBytes(...short)
      short = []
      shortBytes = 0
    }
    if (part.byteLength <= shortBytesMax) {
      short.push(part)
      shortBytes += part.byteLength
      continue
    }
    if (shortBytes > 0) {
      yield concatBytes(...short)
      short = []
      shortBytes = 0
    }
    for (let at = 0; at < part.byteLength;) {
      const piece = part.subarray(at, at + pace.bytes)
      yield piece
      at += piece.byteLength
    }
  }
  if (shortBytes > 0) yield concatBytes(...short)
}

function bounded(body: Readable, { bytesMax, into }: { readonly bytesMax: number; readonly into: Uint8Array }, watch: Watch, { peer, onTransfer }: ExchangeOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  // From then on the memory may be somebody else's.
  let isEnded = false
  return new Promise<Uint8Array>((resolve, reject) => {
    body.on('data', (part: Buffer) => {
      if (isEnded) return
      length += part.byteLength
      onTransfer?.(0, part.byteLength)
      if (length > bytesMax) {
        const lie = new VaultError('corrupt', `node ${peer}: its answer is longer than one may be, and was cut off`, { subject: peer, next: 'update the older of the two; when that does not help, do not trust this node' })
        watch.abort(lie)
        reject(lie)
        return
      }
      watch.carried(part.byteLength)
      passing.came(part.byteLength)
      if (length <= into.byteLength) into.set(part, length - part.byteLength)
      else {
        if (parts.length === 0) parts.push(into.subarray(0, length - part.byteLength))
        parts.push(part)
      }
    })
    body.on('error', reject)
    body.on('end', () => { resolve(length <= into.byteLength ? into.subarray(0, length) : concatBytes(...parts)) })
    body.on('close', () => { reject(new Error('it ended before its end')) })
  }).finally(() => { isEnded = true })
}

/** What HTTP can't be read as. */
const nonsense = /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|RESPONSE|REQ_CONTENT))/

function translated(error: unknown, watch: Watch, isAnswered: boolean, peer: string): unknown {
  const { reason } = watch.signal as { readonly reason: unknown }
  if (watch.signal.aborted && reason instanceof VaultError) return reason
  if (error instanceof VaultError) return error
  const { code, name } = error as NodeJS.ErrnoException
  if (nonsense.test(code ?? '') || name === 'HTTPParserError') {
    return new VaultError('corrupt', `node ${peer}: it answers something that is no HTTP`, { subject: peer, next: 'check its address, and whether something lies between', cause: error })
  }
  return new HungUp(!isAnswered, error)
}
