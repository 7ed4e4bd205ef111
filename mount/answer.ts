// The one wrapper around every operation: an error becomes an errno, a refused vault refuses changes, and changes wait
// while the catalog is far behind.
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import type { Vault } from '../lib/vault.js'
import type { Upkeep } from '../lib/vault-upkeep.js'
import { errnoFor } from './errno.js'

/** A record of the log, rows of the catalog, a part of a manifest entry. */
const changeBytes = 4096

export class Answering {
  readonly #vault: Vault
  readonly #upkeep: Upkeep

  constructor(vault: Vault, upkeep: Upkeep) {
    this.#vault = vault
    this.#upkeep = upkeep
  }

  /** An operation that changes nothing. `ino`: the entry of the present that it is about, where it is about one. */
  ask<Value>(work: () => Value | Promise<Value>, ino = 0): Value | number | Promise<Value | number> {
    if (this.#vault.isDown) return errnoFor(this.#vault.failsafe)
    try {
      const answer = work()
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#errno(error, ino)) : answer
    } catch (error) {
      return this.#errno(error, ino)
    }
  }

  /** An operation that changes something, and takes about so much room on the disk for it. */
  change<Value>(work: () => Value | Promise<Value>, bytes = changeBytes): Value | number | Promise<Value | number> {
    const { refusal } = this.#vault
    if (refusal !== undefined) return errnoFor(refusal)
    const { room } = this.#upkeep
    return room.take(bytes) ? this.#admitted(work) : room.wait(bytes).then(() => this.#admitted(work), (error: unknown) => this.#errno(error, 0))
  }

  /** One that takes no room, or gives some back: allowed on a full disk as long as the log's last segment has room. */
  free<Value>(work: () => Value | Promise<Value>): Value | number | Promise<Value | number> {
    const { refusal } = this.#vault
    return refusal === undefined || refusal.code === 'no-space' ? this.#admitted(work) : errnoFor(refusal)
  }

  #admitted<Value>(work: () => Value | Promise<Value>): Value | number | Promise<Value | number> {
    const { tree } = this.#vault
    if (tree.changes < limits.generationChanges) return this.ask(work)
    const applying = this.#upkeep.apply()
    if (tree.changes < limits.generationChangesMax) return this.ask(work)
    return applying.then(() => this.ask(work))
  }

  #errno(error: unknown, ino: number): number {
    const { logger } = this.#vault.parts
    if (!(error instanceof VaultError)) {
      logger.log('error', 'an operation failed unforeseen', { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    } else if (error.code === 'broken-invariant') {
      this.#vault.fail(error)
    } else if (ino !== 0 && this.#vault.damageMet.note(ino, error)) {
      // It is written down with its path.
    } else if (error.code === 'corrupt' || error.code === 'chain-broken' || error.code === 'io') {
      logger.log('error', 'an operation failed', { code: error.code, reason: error.message })
    }
    return errnoFor(error)
  }
}

