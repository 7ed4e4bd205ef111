// Nodes that something is brought from. None is trusted: what one says wrong is told with its name, once, and the next one
// is asked; one that can't be reached any more is left out from then on.
import type { PeerPort } from './store/peer-port.js'
import { VaultError } from './terms/errors.js'

export interface NodeNote {
  /** What the user calls the node. */
  readonly node: string
  readonly message: string
}

/** It is of no use now, whatever it is asked. */
const absent: ReadonlySet<string> = new Set(['offline', 'deadline', 'busy', 'denied', 'not-permitted'])

export class Nodes {
  readonly #peers: readonly PeerPort[]
  readonly #onNote: (note: NodeNote) => void
  readonly #gone = new Map<PeerPort, VaultError>()
  readonly #told = new Set<string>()

  constructor(peers: readonly PeerPort[], onNote: (note: NodeNote) => void) {
    this.#peers = peers
    this.#onNote = onNote
  }

  /** Those that answer, as far as is known. */
  get present(): readonly PeerPort[] {
    return this.#peers.filter((peer) => !this.#gone.has(peer))
  }

  isPresent(peer: PeerPort): boolean {
    return !this.#gone.has(peer)
  }

  note({ name }: Pick<PeerPort, 'name'>, message: string): void {
    if (this.#told.has(`${name} ${message}`)) return
    this.#told.add(`${name} ${message}`)
    this.#onNote({ node: name, message })
  }

  /** Undefined: it did not, and that is told. Rejects when the fault is ours. */
  async ask<Answer>(peer: PeerPort, question: (peer: PeerPort) => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await question(peer)
    } catch (error) {
      this.blame(peer, error)
      return undefined
    }
  }

  /** Takes note of what a node did; throws what is no node's fault. */
  blame(peer: PeerPort, error: unknown): void {
    if (!(error instanceof VaultError) || error.code === 'cancelled' || error.code === 'broken-invariant') throw error
    if (absent.has(error.code)) this.#gone.set(peer, error)
    this.note(peer, error.message)
  }

  /** Throws what became of the last one when none is left. */
  requireOne(): void {
    if (this.present.length > 0) return
    const [error] = [...this.#gone.values()].slice(-1)
    throw new VaultError('offline', `no node can be reached: ${error?.message ?? 'none is known'}`, {
      next: 'begin again when one can be: what was brought stays', ...(error === undefined ? {} : { cause: error }),
    })
  }
}
