// Names of one directory in the order of their places in its listing.
import type { Name } from './entry.js'

export interface Dirent {
  readonly name: Name
  /** 0: the name was removed. */
  ino: number
  readonly cookie: number
}

/** Compacted when so many are dead, and more than half. */
const deadMin = 64

export class Places {
  /** Ascending by cookie; dead ones stay, with ino 0, until compacted. */
  #dirents: Dirent[] = []
  #dead = 0

  /** In the place that one before it had, when that is dead; mostly at the end. */
  add(dirent: Dirent): void {
    const last = this.#dirents.at(-1)
    if (last === undefined || last.cookie < dirent.cookie) {
      this.#dirents.push(dirent)
      return
    }
    const index = firstAbove(this.#dirents, dirent.cookie - 1)
    const there = this.#dirents[index]
    if (there !== undefined && there.cookie === dirent.cookie && there.ino === 0) {
      this.#dirents[index] = dirent
      this.#dead = Math.max(this.#dead - 1, 0)
    } else this.#dirents.splice(index, 0, dirent)
  }

  /** One of them was set to ino 0. */
  died(): void {
    if (++this.#dead < deadMin || this.#dead * 2 < this.#dirents.length) return
    this.#dirents = this.#dirents.filter(({ ino }) => ino !== 0)
    this.#dead = 0
  }

  /** Those alive, from the first whose cookie is above `after`. */
  *from(after: number): IterableIterator<Dirent> {
    for (let index = firstAbove(this.#dirents, after); index < this.#dirents.length; index++) {
      const dirent = this.#dirents[index]
      if (dirent !== undefined && dirent.ino !== 0) yield dirent
    }
  }
}

/** Where in ascending dirents the first above this place is; their length: none. */
export function firstAbove(dirents: readonly Dirent[], cookie: number): number {
  let low = 0
  for (let high = dirents.length; low < high; ) {
    const middle = (low + high) >>> 1
    if ((dirents[middle]?.cookie ?? 0) <= cookie) low = middle + 1
    else high = middle
  }
  return low
}

/** All of them in the order of their places. */
export function* mergePlaces(sources: readonly Iterator<Dirent>[]): IterableIterator<Dirent> {
  const heads = sources.map((source) => ({ source, head: source.next() }))
  for (;;) {
    let first: (typeof heads)[number] | undefined
    for (const each of heads) {
      if (each.head.done !== true && (first === undefined || first.head.done === true || each.head.value.cookie < first.head.value.cookie)) first = each
    }
    if (first === undefined || first.head.done === true) return
    yield first.head.value
    first.head = first.source.next()
  }
}
