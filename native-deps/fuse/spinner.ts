// Decides for how long to poll after activity before sleeping. On a processor that the client shares with us polling
// only delays it, so a spin that finds nothing several times in a row is given up and tried again now and then. So is the
// look for a second request where nobody spins: a lone client has none, and the event loop tells of whoever comes.

/** Spins, and looks, that may miss in a row. */
const missesMax = 4
/** After that, one in so many asks is a trial. */
const trialEvery = 64
const lookEvery = 16

export class Spinner {
  readonly #microseconds: number
  #misses = 0
  #asked = 0
  #looksMissed = 0
  #notLooked = 0

  constructor(microseconds: number) {
    this.#microseconds = microseconds
  }

  /** How long to spin now; asked once after each burst of requests that was looked through to its end. */
  next(): number {
    if (this.#microseconds === 0 || this.#misses < missesMax) return this.#microseconds
    this.#asked += this.#looksMissed < missesMax ? 1 : lookEvery
    if (this.#asked < trialEvery) return 0
    this.#asked = 0
    return this.#microseconds
  }

  hit(): void {
    this.#misses = 0
  }

  missed(): void {
    this.#misses++
  }

  /** Whether to look for a second request. */
  looks(): boolean {
    if (this.#looksMissed < missesMax || (this.#microseconds > 0 && this.#misses < missesMax)) return true
    this.#notLooked = (this.#notLooked + 1) % lookEvery
    return this.#notLooked === 0
  }

  looked(found: boolean): void {
    this.#looksMissed = found ? 0 : this.#looksMissed + 1
  }
}
