// So many requests at a time, and so many bytes of their bodies: who comes when it is full waits, in order. A queue has
// an end too, from which on the node says that it is busy.
import { VaultError } from '../../terms/errors.js'

export interface GateLimits {
  readonly requestsMax: number
  readonly bytesMax: number
  readonly waitingMax: number
}

export class Gate {
  readonly #limits: GateLimits
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = []
  #requests = 0
  #bytes = 0

  constructor(limits: GateLimits) {
    this.#limits = limits
  }

  /** `bytes`: what `work` holds at most. More than all there is counts as all there is. Rejects 'busy' when too many wait. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const weight = Math.min(bytes, this.#limits.bytesMax)
    if (this.#waiting.length > 0 || !this.#hasRoom(weight)) {
      if (this.#waiting.length >= this.#limits.waitingMax) throw new VaultError('busy', 'too many requests wait for the object store', { next: 'try again later' })
      await new Promise<void>((resolve) => { this.#waiting.push({ bytes: weight, enter: resolve }) })
    } else this.#take(weight)
    try {
      return await work()
    } finally {
      this.#requests--
      this.#bytes -= weight
      this.#admit()
    }
  }

  /** Takes the place for who waits, so that nobody slips in between. */
  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#hasRoom(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(first.bytes)
      first.enter()
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#requests < this.#limits.requestsMax && this.#bytes + bytes <= this.#limits.bytesMax
  }

  #take(bytes: number): void {
    this.#requests++
    this.#bytes += bytes
  }
}

/** In the order of `items`, `atOnce` of them at a time; after a failure no more are begun, and it rejects when those that run have ended. */
export async function inParallel<Item, Result>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const at = next++
      try {
        results[at] = await work(items[at] as Item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  if (failure !== undefined) throw failure.error
  return results
}
