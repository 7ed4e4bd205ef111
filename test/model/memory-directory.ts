// A directory's names, with cookies that stay while names come and go: a listing that goes on after a cookie shows what
// is left after it, never something twice.

export interface MemoryName {
  readonly name: string
  readonly cookie: number
  ino: number
  gone: boolean
}

/** 1 and 2 are "." and "..". */
const firstCookie = 3

export class MemoryDirectory {
  readonly #names = new Map<string, MemoryName>()
  /** By cookie; holds gone ones until they are half of it. */
  #order: MemoryName[] = []
  #nextCookie = firstCookie

  get count(): number {
    return this.#names.size
  }

  get(name: string): number | undefined {
    return this.#names.get(name)?.ino
  }

  set(name: string, ino: number): void {
    const known = this.#names.get(name)
    if (known !== undefined) {
      known.ino = ino
      return
    }
    const entry = { name, ino, cookie: this.#nextCookie++, gone: false }
    this.#names.set(name, entry)
    this.#order.push(entry)
  }

  delete(name: string): void {
    const known = this.#names.get(name)
    if (known === undefined) return
    known.gone = true
    this.#names.delete(name)
    if (this.#order.length > 64 && this.#order.length > 2 * this.#names.size) {
      this.#order = this.#order.filter((entry) => !entry.gone)
    }
  }

  /** Calls `take` for each name after the cookie until it answers false. */
  list(cookie: number, take: (entry: MemoryName) => boolean): void {
    let [low, high] = [0, this.#order.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#order[middle]?.cookie ?? 0) <= cookie) low = middle + 1
      else high = middle
    }
    for (let at = low; at < this.#order.length; at++) {
      const entry = this.#order[at]
      if (entry !== undefined && !entry.gone && !take(entry)) return
    }
  }
}
