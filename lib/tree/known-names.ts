// What the catalog said of a name a moment ago: one unlink asks four times, a create three. Forgotten whenever the catalog
// has changed.
import type { Dirent } from './places.js'
import type { Name } from './entry.js'

const namesMax = 2048

export class KnownNames {
  readonly #names = new Map<string, Dirent | undefined>()

  /** Undefined: the catalog has no such name. */
  get(parent: number, name: Name, look: () => Dirent | undefined): Dirent | undefined {
    const key = `${parent}/${name}`
    const known = this.#names.get(key)
    if (known !== undefined || this.#names.has(key)) return known
    const found = look()
    if (this.#names.size >= namesMax) this.#names.clear()
    this.#names.set(key, found)
    return found
  }

  forget(): void {
    this.#names.clear()
  }
}
