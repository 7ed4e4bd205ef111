// One request and its answer, with an end to both: an answer is read up to what it may be long and cut off beyond, and
// everything is waited for as patience.ts says. Errors come out as ours and name the node.
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { concatBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
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
const pieceBytes = 64 * 1024

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
export async function exchange(dispatcher: Dispatcher, { method, path, body, media, range, bytesMax }: Exchange, options: ExchangeOptions): Promise<Uint8Array> {
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
      ...(body === undefined ? {} : { body: Readable.from(pieces(body, watch, options)) }),
    })
    isAnswered = true
    const isGood = answer.statusCode >= 200 && answer.statusCode < 300
    const bytes = await bounded(answer.body, isGood ? bytesMax : problemBytesMax, watch, options)
    if (isGood) return bytes
    throw decodeProblem(answer.statusCode, Buffer.from(bytes).toString('utf8'), peer, answer.headers['retry-after'])
  } catch (error) {
    throw translated(error, watch, isAnswered, peer)
  } finally {
    watch.end()
  }
}

/** Nobody looks it up: the connector knows the node's addresses. */
export const origin = 'https://vaultfs-node'

function lengthOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, piece) => sum + piece.byteLength, 0)
}

/** In small pieces, because each that is asked for tells that the one before is on its way. */
async function* pieces(body: readonly Uint8Array[], watch: Watch, { onTransfer }: ExchangeOptions): AsyncGenerator<Uint8Array> {
  for (const part of body) {
    for (let at = 0; at < part.byteLength; at += pieceBytes) {
      const piece = part.subarray(at, at + pieceBytes)
      yield piece
      watch.carried(piece.byteLength)
      onTransfer?.(piece.byteLength, 0)
    }
  }
  watch.requested()
}

async function bounded(body: AsyncIterable<Buffer>, bytesMax: number, watch: Watch, { peer, onTransfer }: ExchangeOptions): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of body) {
    length += part.byteLength
    onTransfer?.(0, part.byteLength)
    if (length > bytesMax) {
      const lie = new VaultError('corrupt', `node ${peer}: its answer is longer than one may be, and was cut off`, { subject: peer, next: 'update the older of the two; when that does not help, do not trust this node' })
      watch.abort(lie)
      throw lie
    }
    watch.carried(part.byteLength)
    parts.push(part)
  }
  return concatBytes(...parts)
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
