// A node that runs: the door, HTTP behind it, storage below, and what is done by the clock. Everything is handed in, so
// that tests run one in their own process. It holds no key of any vault.
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hex } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { tlsIdentity } from '../wire/certificate.js'
import { encodeInvitation } from '../wire/invitation.js'
import { routes } from '../wire/routes.js'
import { AccessRegister } from './access-register.js'
import { blobHandlers } from './blob-handlers.js'
import { AnswerPlaces } from './answer-places.js'
import { BodyPlaces } from './body-places.js'
import { ByteBudget } from './byte-budget.js'
import { chainHandlers } from './chain-handlers.js'
import type { CheckerCalls } from './checker.js'
import type { DeletionRules } from './deletion-marks.js'
import { Dispatcher } from './dispatcher.js'
import { HeldVaults } from './held-vaults.js'
import { InvitationDesk } from './invitation-desk.js'
import { KeyRates } from './key-rates.js'
import { listHandlers } from './list-handlers.js'
import { MemberCopies } from './member-copies.js'
import { NodeChores } from './node-chores.js'
import { NodeCounters } from './node-counters.js'
import type { NodeKeys } from './node-keys.js'
import { nodeLimits, patience as usualPatience, type Patience } from './node-limits.js'
import type { NodeStorage } from './node-storage.js'
import { openApi } from './open-api.js'
import { Pairing } from './pairing.js'
import { ThreadLink } from './thread-link.js'
import { TlsListener } from './tls-listener.js'
import type { Quota } from './vault-account.js'
import { vaultHandlers } from './vault-handlers.js'

export interface NodeOptions {
  /** The caller's: it is closed by whoever opened it, after the node. */
  readonly storage: NodeStorage
  readonly keys: NodeKeys
  /** What it calls itself. */
  readonly name: string
  readonly version: string
  readonly listen: { readonly host: string; readonly port: number }
  /** For each vault that has no other. */
  readonly quota: Quota
  readonly deletion: DeletionRules
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  readonly patience?: Patience
  /** A thread of its own ended by itself: it can't go on. */
  readonly onBroken?: ((error: VaultError) => void) | undefined
}

export interface RunningNode {
  readonly host: string
  readonly port: number
  readonly pin: Uint8Array
  readonly signPublicKey: Uint8Array
  readonly counters: NodeCounters
  readonly register: AccessRegister
  readonly vaults: HeldVaults
  readonly listener: TlsListener
  readonly chores: NodeChores
  /** A code for `places` (host:port), good for so long. */
  invite(options: { readonly seconds: number; readonly places: readonly string[] }): Promise<string>
  /** Rejects when it can't read what it knows, or can't verify or keep what comes. */
  alive(): Promise<void>
  /** No new requests; those that are being answered are, for at most `drainMs`. */
  close(drainMs?: number): Promise<void>
}

/** Resolves when it listens. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { storage, keys, name, version, clock, entropy, logger, quota, deletion, listen, patience = usualPatience } = options
  const register = await AccessRegister.open(storage.records)
  const desk = new InvitationDesk(register, () => clock.now().sec)
  const vaults = new HeldVaults({ storage, register, quota, deletion, clock })
  const counters = new NodeCounters()
  const checker = new ThreadLink<CheckerCalls>({ entry: new URL('./checker-thread.js', import.meta.url), name: 'vaultfs node checker', setup: undefined, logger, onBroken: options.onBroken })
  const [places, rates, answers] = [new BodyPlaces(), new KeyRates(clock), new ByteBudget({ bytesMax: nodeLimits.answerBytesMax, bytesPerVaultMax: nodeLimits.answerBytesPerVaultMax })]
  const description = openApi(version)
  const dispatcher = new Dispatcher({
    handlers: {
      ...blobHandlers({ checker, answers, places: new AnswerPlaces() }), ...chainHandlers({ checker, register, answers }), ...listHandlers({ keys, clock, checker, answers }),
      ...vaultHandlers({ register, clock, name, version, deletion, signing: keys.signPublicKey, answers }), openapi: async () => ({ status: 200, body: description }),
    },
    vaults, places, rates, counters, logger, spanMs: patience.spanMs,
    pinOf: ({ socket }) => listener.pinOf(socket),
    principalOf: (pin) => register.principalOf(pin),
  })
  const pairing = new Pairing({ register, desk, vaults, keys, name, clock, counters, logger, pinOf: (socket) => listener.pinOf(socket) })
  const answering = new Answering()
  const known = httpServer(answering.watching((request, response) => { void (request.url === routes.pair.path ? pairing : dispatcher).serve(request, response) }), patience)
  const strangers = httpServer(answering.watching((request, response) => { void pairing.serve(request, response) }), patience)
  const listener = new TlsListener({
    identity: await tlsIdentity(keys.tlsSecretKey), known, strangers, logger,
    door: { isKnown: (pin) => register.principalOf(pin) !== undefined, refresh: () => register.refreshed(), get isOpenToStrangers() { return desk.isOpen } },
  })
  const members = new MemberCopies(storage, logger)
  register.onChange(() => {
    listener.dropStrangers()
    void members.follow(register.access)
  })
  const port = await listener.listen(listen.host, listen.port).catch(async (error: unknown) => {
    // What was begun would keep the process alive.
    for (const server of [known, strangers]) server.close()
    await checker.close()
    throw error
  })
  const chores = new NodeChores({ register, vaults, rates, counters, clock, logger })
  return {
    host: listen.host, port, pin: keys.tlsPin, signPublicKey: keys.signPublicKey, counters, register, vaults, listener, chores,
    invite: ({ seconds, places: reachable }) => codeFor(reachable, keys.tlsPin, () => desk.open(seconds, entropy)),
    alive: async () => { await Promise.all([register.refresh(), checker.alive(), storage.alive()]) },
    close: async (drainMs = 0) => {
      listener.stopListening()
      chores.stop()
      await answering.drained(drainMs)
      listener.destroyAll()
      known.close()
      strangers.close()
      await answering.drained(nodeLimits.handshakeMs)
      try {
        await saveAccounts(vaults, logger)
        await members.follow(register.access)
      } finally {
        // Whatever went wrong: a thread that is left keeps the process alive.
        await checker.close()
      }
    },
  }
}

async function saveAccounts(vaults: HeldVaults, logger: Logger): Promise<void> {
  for (const { account, vaultId } of await vaults.opened()) {
    await account.save().catch((error: unknown) => {
      logger.log('error', 'what a vault wrote today was not noted', { vault: hex(vaultId).slice(0, 16), reason: error instanceof Error ? error.message : String(error) })
    })
  }
}

async function codeFor(places: readonly string[], pin: Uint8Array, open: () => ReturnType<InvitationDesk['open']>): Promise<string> {
  if (places.length === 0) throw new VaultError('usage', 'an invitation without an address', { next: 'say with --advertise where the node can be reached' })
  return encodeInvitation({ ...await open(), pin, places })
}

/** Never listens itself: the door hands it sockets. */
function httpServer(listener: RequestListener, { headMs, idleMs }: Patience): Server {
  const server = createServer({
    maxHeaderSize: nodeLimits.headBytesMax, headersTimeout: headMs, requestTimeout: 0, keepAliveTimeout: idleMs, connectionsCheckingInterval: Math.ceil(headMs / 4),
  }, listener)
  // A request that is none: no words are lost on it.
  server.on('clientError', (_, socket) => { socket.destroy() })
  // Only a server that listens looks for heads that do not come; this is how it is told.
  server.emit('listening')
  return server
}

/** Requests that are being answered. */
class Answering {
  #count = 0
  readonly #sockets = new WeakSet<Socket>()
  #onNone: (() => void) | undefined

  watching(listener: (...parameters: Parameters<RequestListener>) => void): RequestListener {
    return (request, response: ServerResponse) => {
      const { socket } = request
      // Who is gone is noticed by whoever reads or writes; without a listener it would end the process.
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      // Nobody asks before the last answer has ended: such an answer would lie in memory for as long as that one takes.
      if (this.#sockets.has(socket)) return void socket.destroy()
      this.#sockets.add(socket)
      this.#count++
      response.once('close', () => {
        this.#sockets.delete(socket)
        this.#count--
        if (this.#count === 0) this.#onNone?.()
      })
      listener(request, response as Parameters<RequestListener>[1])
    }
  }

  async drained(ms: number): Promise<void> {
    if (this.#count === 0 || ms === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onNone = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
