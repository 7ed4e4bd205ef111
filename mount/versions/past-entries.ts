// Entries of the past that were asked for lately, by version: a version never changes, so what is here stays true until
// retention lets go of it.
import { VaultError } from '../../lib/terms/errors.js'
import { limits } from '../../lib/terms/limits.js'
import type { HistoryPort, PastEntry } from '../../lib/store/history-port.js'
import type { Entry } from '../../lib/tree/entry.js'
import { decodePast } from '../../lib/vault-past.js'

/** An entry and which of its versions it is. */
export interface Found {
  readonly version: number
  readonly entry: Entry
}

export class PastEntries {
  readonly #history: HistoryPort
  /** Oldest use first. */
  readonly #known = new Map<number, Entry>()

  constructor(history: HistoryPort) {
    this.#history = history
  }

  /** Rejects 'stale' when retention has let go of the version. */
  get(version: number): Entry | Promise<Entry> {
    const known = this.#known.get(version)
    if (known === undefined) return this.#fetch(version)
    this.#known.delete(version)
    this.#known.set(version, known)
    return known
  }

  found(past: PastEntry): Found {
    const { version } = past
    const known = this.#known.get(version)
    if (known !== undefined) return { version, entry: known }
    const entry = decodePast(past)
    this.#known.set(version, entry)
    if (this.#known.size > limits.pastEntriesMax) this.#dropOldest()
    return { version, entry }
  }

  clear(): void {
    this.#known.clear()
  }

  async #fetch(version: number): Promise<Entry> {
    const past = await this.#history.version(version)
    if (past === undefined) throw new VaultError('stale', 'The version is not kept any more', { subject: `version ${version}` })
    return this.found(past).entry
  }

  #dropOldest(): void {
    for (const version of this.#known.keys()) {
      this.#known.delete(version)
      return
    }
  }
}
