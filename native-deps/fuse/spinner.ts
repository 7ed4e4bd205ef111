// Decides for how long to poll after activity before sleeping. On a processor that the client shares with us polling
// only delays it, so a spin that finds nothing several times in a row is given up and tried again now and then.

/** Spins that may miss in a row. */
const missesMax = 4
/** After that, one in so many asks is a trial. */
const trialEvery = 64

export class Spinner {
  readonly #microseconds: number
  #misses = 0
  #asked = 0

  constructor(microseconds: number) {
    this.#microseconds = microseconds
  }

  /** How long to spin now; asked once after each burst of requests. */
  next(): number {
    if (this.#microseconds === 0 || this.#misses < missesMax) return this.#microseconds
    this.#asked++
    return this.#asked % trialEvery === 0 ? this.#microseconds : 0
  }

  hit(): void {
    this.#misses = 0
  }

  missed(): void {
    this.#misses++
  }
}
