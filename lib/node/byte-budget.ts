// A number of bytes that may be in use at once: whoever would pass it waits its turn.
export class ByteBudget {
  readonly #bytesMax: number
  #used = 0
  readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Resolves with how to give them back. More than there ever is counts as all of it. */
  async take(bytes: number): Promise<() => void> {
    const counted = Math.min(bytes, this.#bytesMax)
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes: counted, begin })
      this.#serve()
    })
    return () => {
      this.#used -= counted
      this.#serve()
    }
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#used + first.bytes <= this.#bytesMax; first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#used += first.bytes
      first.begin()
    }
  }
}
