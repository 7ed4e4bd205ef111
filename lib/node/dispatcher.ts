// HTTP on one side, handlers on the other: finds the route, knows who asks, reads the body when a handler wants it, sends
// what it answers, and says failures as PROTOCOL §2 has them. The table of lib/wire/routes.ts is all there is.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'
import { BusyFor } from '../terms/busy-for.js'
import { hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { encodeProblem, statusOf } from '../wire/problem.js'
import { routes, type Route, type RouteName } from '../wire/routes.js'
import type { KnownPrincipal } from './access.js'
import type { Answer, Asked, Handler } from './answers.js'
import { announcedLength, paceOfAnswer, readBody, writePiece } from './body-reading.js'
import type { BodyPlaces } from './body-places.js'
import type { HeldVaults } from './held-vaults.js'
import type { KeyRates } from './key-rates.js'
import type { NodeCounters } from './node-counters.js'
import { retryAfterOf } from './retry-after.js'

export type KnownRoute = Exclude<RouteName, 'pair'>

export interface DispatcherOptions {
  readonly handlers: Readonly<Record<KnownRoute, Handler>>
  readonly vaults: HeldVaults
  readonly places: BodyPlaces
  readonly rates: KeyRates
  readonly counters: NodeCounters
  readonly logger: Logger
  /** Of Patience. */
  readonly spanMs: number
  /** Of the socket that a request came by. */
  pinOf(request: IncomingMessage): Uint8Array | undefined
  principalOf(pin: Uint8Array): KnownPrincipal | undefined
}

interface Match {
  readonly name: KnownRoute
  readonly route: Route
  readonly parameters: Readonly<Record<string, string>>
}

export class Dispatcher {
  readonly #options: DispatcherOptions

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { counters, logger } = this.#options
    const target = targetOf(request)
    const match = target === undefined ? undefined : matchOf(request.method ?? '', target.pathname)
    const releases: (() => void)[] = []
    try {
      await this.#answer({ request, response, target, match, releases })
    } catch (error) {
      if (statusOf(error) >= 500 && !(error instanceof VaultError && error.code === 'busy')) {
        logger.log('error', 'a request failed', { route: match?.name ?? '', reason: error instanceof Error ? error.message : String(error) })
      }
      fail(request, response, error)
    } finally {
      for (const release of releases) release()
      counters.countRequest(match?.name ?? 'unknown', response.statusCode)
    }
  }

  async #answer({ request, response, target, match, releases }: {
    readonly request: IncomingMessage; readonly response: ServerResponse; readonly target: URL | undefined; readonly match: Match | undefined; readonly releases: (() => void)[]
  }): Promise<void> {
    const { handlers, rates, vaults, principalOf, pinOf } = this.#options
    const pin = pinOf(request)
    const principal = pin === undefined ? undefined : principalOf(pin)
    if (pin === undefined || principal === undefined) throw new VaultError('not-permitted', 'this node does not know that key any more')
    const key = hex(pin)
    const end = rates.begin(key)
    try {
      if (match === undefined || target === undefined) throw new VaultError('not-found', 'there is no such thing here', { next: '/v1/openapi.json says what there is' })
      if (!match.route.who.includes(principal.kind)) throw new VaultError('not-permitted', `${principal.kind} may not do that`)
      const length = announcedLength(request, match.route.bytesMax) ?? match.route.bytesMax
      const vault = await vaults.open(principal.vaultId)
      const asked: Asked = {
        principal, vault, parameters: match.parameters, query: target.searchParams, bodyLength: length,
        header: (name) => { const value = request.headers[name]; return typeof value === 'string' ? value : undefined },
        body: async () => {
          const place = await this.#options.places.take(hex(principal.vaultId), length)
          releases.push(() => { place.release() })
          const body = await readBody(request, place.memory.subarray(0, length), this.#options.spanMs)
          this.#options.counters.bytesIn += body.byteLength
          return body
        },
        whenAnswered: (release) => { releases.push(release) },
      }
      await this.#send(response, match.route, await handlers[match.name](asked))
    } finally {
      end()
    }
  }

  async #send(response: ServerResponse, route: Route, { status, headers = {}, body }: Answer): Promise<void> {
    const { counters, spanMs } = this.#options
    response.statusCode = status
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (body === undefined) {
      // A status that could have a body says that it has none.
      if (status !== 204) response.setHeader('content-length', '0')
      return void response.end()
    }
    response.setHeader('content-type', route.response)
    response.setHeader('cache-control', 'no-store')
    if (typeof body === 'string' || body instanceof Uint8Array) {
      const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
      response.setHeader('content-length', String(bytes.byteLength))
      counters.bytesOut += bytes.byteLength
      await writePiece(response, bytes, spanMs)
    } else {
      const pace = paceOfAnswer()
      for await (const piece of body) {
        counters.bytesOut += piece.byteLength
        await writePiece(response, piece, spanMs, pace)
      }
    }
    response.end()
  }
}

const patterns = Object.entries(routes).filter(([name]) => name !== 'pair').map(([name, route]) => ({ name: name as KnownRoute, route: route as Route, parts: route.path.split('/') }))

/** Undefined: a client wrote something that leads nowhere. */
function targetOf({ url }: IncomingMessage): URL | undefined {
  return URL.parse(url ?? '/', 'https://node') ?? undefined
}

function matchOf(method: string, path: string): Match | undefined {
  const parts = path.split('/')
  let found: Match | undefined
  for (const { name, route, parts: pattern } of patterns) {
    if (route.method !== method || pattern.length !== parts.length) continue
    const parameters: Record<string, string> = {}
    const fits = pattern.every((part, index) => {
      const given = parts[index] ?? ''
      if (!part.startsWith('{')) return part === given
      parameters[part.slice(1, -1)] = given
      return given !== ''
    })
    // What has fewer parameters says it more exactly.
    if (fits && (found === undefined || Object.keys(parameters).length < Object.keys(found.parameters).length)) found = { name, route, parameters }
  }
  return found
}

/** A failure on its way out; where an answer has begun, the socket ends in the middle of it. */
export function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const body = encodeProblem(told(error))
  response.statusCode = error instanceof BusyFor ? 429 : statusOf(error)
  const retryAfter = retryAfterOf(error)
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter))
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', String(Buffer.byteLength(body)))
  if (!request.complete) discard(request, response)
  response.end(body)
}

/** Without where things lie on this machine. */
function told(error: unknown): unknown {
  if (!(error instanceof VaultError)) return undefined
  const isOfMachine = error.cause !== undefined || error.subject?.startsWith('/') === true
  if (!isOfMachine) return statusOf(error) === 500 ? undefined : error
  if (error.code === 'no-space') return new VaultError('no-space', 'the disk of the node is full')
  if (error.code === 'busy') return new VaultError('busy', 'the node has too much to do')
  return error.code === 'corrupt' ? new VaultError('corrupt', 'what the node has of it is damaged') : undefined
}

/** So long the rest of a body that nobody wants is read: whoever still sends would not see the answer otherwise. */
const discardMs = 5000

function discard(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  // Nobody sends another request behind it.
  response.on('finish', () => { if (!request.complete) request.socket.end() })
  const timer = setTimeout(() => { request.destroy() }, discardMs)
  void finished(request, { writable: false }).catch(() => undefined).finally(() => { clearTimeout(timer) })
  response.on('error', () => undefined)
}
