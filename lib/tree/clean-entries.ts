// Entries of the catalog that stay decoded, until so many came after them: what is asked for often is read once more in
// ten thousand, and asking for one costs no more than finding it. Never changed in place.
import { entryBytes, type Entry } from './entry.js'

export class CleanEntries {
  readonly #bytesMax: number
  /** In the order in which they came. */
  readonly #entries = new Map<number, Entry>()
  #bytes = 0

  /** `bytesMax`: as `entryBytes` counts them. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  has(ino: number): boolean {
    return this.#entries.has(ino)
  }

  get(ino: number): Entry | undefined {
    return this.#entries.get(ino)
  }

  keep(entry: Entry): void {
    this.drop(entry.ino)
    this.#entries.set(entry.ino, entry)
    this.#bytes += entryBytes(entry)
    if (this.#bytes <= this.#bytesMax) return
    for (const oldest of this.#entries.keys()) {
      this.drop(oldest)
      if (this.#bytes <= this.#bytesMax) return
    }
  }

  drop(ino: number): void {
    const entry = this.#entries.get(ino)
    if (entry === undefined) return
    this.#entries.delete(ino)
    this.#bytes -= entryBytes(entry)
  }
}
