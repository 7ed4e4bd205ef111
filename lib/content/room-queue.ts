// Writers that wait for room, in the arena or in the log.
import { VaultError } from '../terms/errors.js'

export class RoomQueue {
  #waiting: (() => void)[] = []
  /** Why nothing can be logged: writers get it instead of waiting for room. */
  #failure: VaultError | undefined

  get failure(): VaultError | undefined {
    return this.#failure
  }

  /** Resolves when there may be room, or none will come (`failure`). */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  wake(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  fail(error: unknown): void {
    this.#failure = error instanceof VaultError ? error : new VaultError('io', String(error))
    this.wake()
  }

  /** What failed works again. */
  recover(): void {
    this.#failure = undefined
  }
}
