// How much of a body is handed to a socket at a time: what costs processor time is each piece, and what shows that a slow
// line still carries is each piece too. So they are small, and grow where they go quickly.

/** A piece that took less was a small one for this line. */
const quickMs = 50

export class Pace {
  readonly #bytesMin: number
  readonly #bytesMax: number
  #beganMs = 0
  /** Of the next piece, at most. */
  bytes: number

  constructor(bytesMin: number, bytesMax: number) {
    this.#bytesMin = bytesMin
    this.#bytesMax = bytesMax
    this.bytes = bytesMin
  }

  begin(): void {
    this.#beganMs = performance.now()
  }

  /** The socket has taken it. */
  ended(): void {
    const isQuick = performance.now() - this.#beganMs < quickMs
    this.bytes = isQuick ? Math.min(2 * this.bytes, this.#bytesMax) : Math.max(this.#bytesMin, this.bytes >>> 2)
  }
}
