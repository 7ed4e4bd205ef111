// Nodes are met and looked at in a thread of their own, which lives for the one order: whoever orders may be the thread that
// answers the kernel, and what makes certificates takes 160 ms to load.
import { Worker } from 'node:worker_threads'
import type { KeyPage } from './crypto/key-page.js'
import type { KnownPeer } from './format/peer-list.js'
import { VaultError } from './terms/errors.js'
import { errorOf } from './terms/posted-error.js'
import { threadFlags } from './terms/thread-flags.js'
import type { MeetReply, MeetSetup, PairOrder, ProbedNode, ProbeOrder } from './vault-meet-messages.js'
import type { VaultOwner } from './wire/owner-records.js'

export interface MeetingOptions {
  /** The compiled entry of the thread: it hands clock and entropy to vault-meet-thread.ts. */
  readonly entry: URL
  readonly page: KeyPage
  readonly owner: VaultOwner
  /** Ends what is under way: 'cancelled'. An invitation may be used up then. */
  readonly signal: AbortSignal
}

export class Meeting {
  readonly #options: MeetingOptions

  constructor(options: MeetingOptions) {
    this.#options = options
  }

  /** Rejects what pairWithNode rejects. */
  async pair(order: Omit<PairOrder, 'kind'>): Promise<KnownPeer> {
    const reply = await this.#ordered({ kind: 'pair', ...order })
    if (reply.kind !== 'met') throw unexpected()
    return reply.peer
  }

  /** In the order asked; what is wrong with a node is in the answer. */
  async probe(order: Omit<ProbeOrder, 'kind'>): Promise<readonly ProbedNode[]> {
    const reply = await this.#ordered({ kind: 'probe', ...order })
    if (reply.kind !== 'probed') throw unexpected()
    return reply.nodes
  }

  async #ordered(order: PairOrder | ProbeOrder): Promise<MeetReply> {
    const { entry, page, owner: { vaultId, ownerPublicKey }, signal } = this.#options
    if (signal.aborted) throw cancelled()
    const setup: MeetSetup = { vaultId, ownerPublicKey, keyPage: page.shared, order }
    const worker = new Worker(entry, { name: 'vaultfs meet', workerData: setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 6 } })
    const end = (): void => { void worker.terminate() }
    signal.addEventListener('abort', end)
    try {
      const reply = await replyOf(worker)
      if (reply === undefined) throw signal.aborted ? cancelled() : unexpected()
      if (reply.kind === 'failed') throw errorOf(reply.error)
      return reply
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

/** When the thread has ended, so that it has no key any more; undefined: it said nothing. Rejects what it ended with. */
function replyOf(worker: Worker): Promise<MeetReply | undefined> {
  return new Promise((resolve, reject) => {
    let reply: MeetReply | undefined
    worker.on('message', (message: MeetReply) => { reply = message })
    worker.on('error', (cause) => { reject(new VaultError('io', `the thread that speaks with nodes ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })) })
    worker.on('exit', () => { resolve(reply) })
  })
}

function cancelled(): VaultError {
  return new VaultError('cancelled', 'the vault is being unmounted, so speaking with the node was broken off', { next: "'vaultfs peer list' says whether it is known; if not, 'vaultfs peer add' with a new invitation" })
}

function unexpected(): VaultError {
  return new VaultError('io', 'the thread that speaks with nodes ended without a word', { next: 'try again' })
}
