// What the catalog said of a name a moment ago: one unlink asks four times, a create three. Who asks for the names of a
// folder one after another in their order (git status) has the next ones read with the one he asks for, more of them as
// long as he comes to them. Forgotten whenever the catalog has changed.
import type { Dirent } from './places.js'
import type { Name } from './entry.js'

const namesMax = 2048
const foldersMax = 64
/** Names read at once: the first time that somebody seems to go on, and at most. */
const aheadMin = 4
const aheadMax = 32

export interface NameSource {
  lookup(parent: number, name: Name): Dirent | undefined
  /** Names of the folder from this one on, in the order of their bytes. */
  lookupFrom(parent: number, name: Name, limit: number): readonly Dirent[]
}

/** Somebody who asks for names that are there, in their order. */
interface Run {
  /** All up to this one were read. */
  last: Name
  /** How many were read at once, and how many known ones were asked for since. */
  read: number
  used: number
}

export class KnownNames {
  readonly #source: NameSource
  readonly #names = new Map<string, Dirent | undefined>()
  readonly #runs = new Map<number, Run>()

  constructor(source: NameSource) {
    this.#source = source
  }

  /** Undefined: the catalog has no such name. */
  get(parent: number, name: Name): Dirent | undefined {
    const key = `${parent}/${name}`
    const known = this.#names.get(key)
    if (known === undefined && !this.#names.has(key)) return this.#read(parent, name, key)
    const run = this.#runs.get(parent)
    if (run !== undefined) run.used++
    return known
  }

  forget(): void {
    this.#names.clear()
    this.#runs.clear()
  }

  #read(parent: number, name: Name, key: string): Dirent | undefined {
    const run = this.#runs.get(parent)
    const count = run === undefined || name <= run.last ? 1 : run.read === 1 ? aheadMin : run.used * 2 < run.read ? 1 : Math.min(run.read * 2, aheadMax)
    if (this.#names.size + count > namesMax) this.#names.clear()
    if (count === 1) {
      const found = this.#source.lookup(parent, name)
      this.#names.set(key, found)
      this.#note(parent, found?.name, 1)
      return found
    }
    const rows = this.#source.lookupFrom(parent, name, count)
    for (const row of rows) this.#names.set(`${parent}/${row.name}`, row)
    const [first] = rows
    const found = first?.name === name ? first : undefined
    if (found === undefined) this.#names.set(key, undefined)
    this.#note(parent, found === undefined ? undefined : rows.at(-1)?.name, rows.length)
    return found
  }

  /** `last` undefined: he asks for names that are not there, as who makes them does. */
  #note(parent: number, last: Name | undefined, read: number): void {
    this.#runs.delete(parent)
    if (last === undefined) return
    this.#runs.set(parent, { last, read, used: 0 })
    if (this.#runs.size > foldersMax) for (const oldest of this.#runs.keys()) { this.#runs.delete(oldest); break }
  }
}
