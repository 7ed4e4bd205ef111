// Writers that wait for room, in the arena or in the log.
import { VaultError } from '../terms/errors.js'

export class RoomQueue {
  #waiting: (() => void)[] = []
  /** Why nothing can be logged: writers get it instead of waiting for room. */
  #failure: VaultError | undefined

  get failure(): VaultError | undefined {
    return this.#failure
  }

  /** Resolves when there may be room, or none will come (`failure`); after so long at the latest. */
  wait(latestMs = Infinity): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (latestMs === Infinity) return
      setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== resolve)
        resolve()
      }, latestMs)
    })
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
