// What the catalog said a moment ago of folders that are being listed. Who lists asks at least twice, the second time to
// hear that nothing follows; and a reply is full in the middle of what was read. Forgotten whenever the catalog has changed.
import type { Dirent } from './places.js'

const foldersMax = 16

/** All names of a folder with a place above `after`, up to that of the last row; or to the end. */
export interface Stretch {
  readonly after: number
  /** Ascending. */
  readonly rows: readonly Dirent[]
  readonly isLast: boolean
}

export class Listings {
  readonly #stretches = new Map<number, Stretch>()

  /** Undefined: it does not say what comes next above `after`. */
  find(parent: number, after: number): Stretch | undefined {
    const stretch = this.#stretches.get(parent)
    if (stretch === undefined || after < stretch.after) return undefined
    return stretch.isLast || after < (stretch.rows.at(-1)?.cookie ?? 0) ? stretch : undefined
  }

  keep(parent: number, stretch: Stretch): Stretch {
    this.#stretches.delete(parent)
    this.#stretches.set(parent, stretch)
    if (this.#stretches.size > foldersMax) for (const oldest of this.#stretches.keys()) { this.#stretches.delete(oldest); break }
    return stretch
  }

  forget(): void {
    this.#stretches.clear()
  }
}
