// The document of access.ts as the node holds it: read anew when another process (a command, or a second one on the same
// store) has changed it, and changed by compare and replace. Who listens hears of keys that are strangers now.
import { hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { decodeAccess, encodeAccess, noAccess, principalsOf, type Access, type KnownPrincipal } from './access.js'
import { nodeLimits } from './node-limits.js'
import type { RecordStorage } from './node-storage.js'

const recordName = 'access'

export class AccessRegister {
  readonly #records: RecordStorage
  #version = 0
  #access: Access = noAccess
  #principals: ReadonlyMap<string, KnownPrincipal> = new Map()
  readonly #listeners: (() => void)[] = []
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  private constructor(records: RecordStorage) {
    this.#records = records
  }

  static async open(records: RecordStorage): Promise<AccessRegister> {
    const register = new AccessRegister(records)
    await register.refresh()
    return register
  }

  get access(): Access {
    return this.#access
  }

  /** Called after every change, whoever made it. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  principalOf(pin: Uint8Array): KnownPrincipal | undefined {
    return this.#principals.get(hex(pin))
  }

  /** What others have changed. */
  async refresh(): Promise<void> {
    const found = await this.#records.get(recordName)
    if (found !== undefined && found.version !== this.#version) this.#take(decodeAccess(found.bytes), found.version)
  }

  /** As `refresh`, for as many as ask: those who ask while one runs wait together for the next. */
  refreshed(): Promise<void> {
    this.#next ??= this.#running.then(async () => {
      this.#next = undefined
      await this.refresh()
    })
    this.#running = this.#next.catch(() => undefined)
    return this.#next
  }

  /** `change` may be called several times, each time with the newest; what it throws is thrown. Durable when it resolves. */
  async change<Result>(change: (access: Access) => { readonly access: Access; readonly result: Result }): Promise<Result> {
    for (let attempt = 0; attempt < nodeLimits.changeAttempts; attempt++) {
      // A refresh may take what we write before we hear that it is written.
      const version = this.#version
      const { access, result } = change(this.#access)
      if (access === this.#access) return result
      if (await this.#records.put(recordName, version, encodeAccess(access))) {
        this.#take(access, version + 1)
        return result
      }
      await this.refresh()
    }
    throw new VaultError('busy', 'others change what this node knows all the time', { next: 'Try again.' })
  }

  #take(access: Access, version: number): void {
    // Two of our own changes may end in the other order than they were made.
    if (version <= this.#version) return
    this.#version = version
    this.#access = access
    this.#principals = principalsOf(access)
    for (const listener of this.#listeners) listener()
  }
}
