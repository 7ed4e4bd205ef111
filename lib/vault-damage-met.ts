// Files and folders that were asked for and can't be read: each is written down once, with its path, and kept for `status`.
// What nobody asks for is found by verifying.
import { VaultError, type ErrorCode } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'

export interface MetDamage {
  /** From the vault's root, bytes as latin1 characters; null: not known. */
  readonly path: string | null
  readonly reason: string
}

export interface DamageMetOptions {
  readonly logger: Logger
  readonly pathOf: (ino: number) => Promise<string | undefined>
}

const codes: ReadonlySet<ErrorCode> = new Set(['corrupt', 'chain-broken', 'io', 'format-unknown'])

export class DamageMet {
  readonly #options: DamageMetOptions
  readonly #met = new Map<number, MetDamage>()
  /** Entries that there was no room for. */
  #more = 0

  constructor(options: DamageMetOptions) {
    this.#options = options
  }

  /** The first of them, in the order in which they were met; `count`: at least as many entries. */
  get found(): { readonly count: number; readonly entries: readonly MetDamage[] } {
    return { count: this.#met.size + this.#more, entries: [...this.#met.values()] }
  }

  isMet(ino: number): boolean {
    return this.#met.has(ino)
  }

  /** What came of a question about an entry. Answers whether it was damage. */
  note(ino: number, error: VaultError): boolean {
    if (!codes.has(error.code)) return false
    if (this.#met.has(ino)) return true
    if (this.#met.size >= limits.damageMetMax) {
      if (this.#more++ === 0) this.#options.logger.log('error', 'more files than are counted are damaged: vaultfs verify names all', { code: error.code, reason: error.message })
      return true
    }
    this.#met.set(ino, { path: null, reason: error.message })
    void this.#tell(ino, error)
    return true
  }

  /** Once its path is known: that may have to be read from the past. */
  async #tell(ino: number, { code, message }: VaultError): Promise<void> {
    const path = await this.#options.pathOf(ino).catch(() => undefined)
    if (path !== undefined) this.#met.set(ino, { path, reason: message })
    const name = path === undefined ? `entry ${ino}` : path === '' ? '/' : Buffer.from(path, 'latin1').toString('utf8')
    this.#options.logger.log('error', 'what was asked for can not be read', { path: name, code, reason: message })
  }
}
