// Room in shared memory for answers, in slots of one size. Who finds none waits in line; nobody overtakes, or a request
// for many slots would never be served.
import type { Lease } from '../store/pool-port.js'
import { invariant } from '../terms/errors.js'

interface Waiter {
  readonly count: number
  readonly resolve: (slots: readonly number[]) => void
  readonly reject: (error: Error) => void
}

export class Slots {
  readonly shared: SharedArrayBuffer
  readonly slotBytes: number
  readonly count: number
  readonly #free: number[]
  #waiting: Waiter[] = []

  constructor(count: number, slotBytes: number) {
    this.shared = new SharedArrayBuffer(count * slotBytes)
    this.slotBytes = slotBytes
    this.count = count
    // The last freed is taken first: its pages are in the processor's cache, and unused slots never become resident.
    this.#free = Array.from({ length: count }, (_, index) => count - 1 - index)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Byte positions of `count` slots. */
  take(count: number): Promise<readonly number[]> {
    invariant(count <= this.count, 'a request for more slots than there are')
    if (this.#waiting.length === 0 && count <= this.#free.length) return Promise.resolve(this.#pop(count))
    return new Promise((resolve, reject) => this.#waiting.push({ count, resolve, reject }))
  }

  /** One slot without waiting; undefined when there is none or others wait. */
  takeNow(): number | undefined {
    if (this.#waiting.length > 0 || this.#free.length === 0) return undefined
    return this.#pop(1)[0]
  }

  give(slots: readonly number[]): void {
    for (const position of slots) this.#free.push(position / this.slotBytes)
    for (let first = this.#waiting[0]; first !== undefined && first.count <= this.#free.length; first = this.#waiting[0]) {
      this.#waiting.shift()
      first.resolve(this.#pop(first.count))
    }
  }

  /** Everybody who waits is turned away. */
  refuse(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }

  #pop(count: number): number[] {
    return this.#free.splice(this.#free.length - count, count).map((slot) => slot * this.slotBytes)
  }
}

export function leaseOf(bytes: Uint8Array, give: () => void): Lease {
  let released = false
  return {
    bytes,
    release: () => {
      invariant(!released, 'a lease is released twice')
      released = true
      give()
    },
  }
}
