// Contents of past files that are being read, by version: never among those of the present, which change and are
// published. Nothing is ever written to one, so one that nobody uses can be made again.
import { OpenContent } from '../../lib/content/open-content.js'
import { limits } from '../../lib/terms/limits.js'
import type { Entry } from '../../lib/tree/entry.js'

export class PastContents {
  /** Oldest use first. */
  readonly #open = new Map<number, OpenContent>()

  /** The attributes' size counts: content that reaches further is cut off, and behind shorter content follows a hole. */
  of(version: number, entry: Entry): OpenContent {
    const content = this.#open.get(version) ?? new OpenContent(entry, () => undefined)
    this.#open.delete(version)
    this.#open.set(version, content)
    if (this.#open.size > limits.pastContentsMax) this.#dropIdle()
    return content
  }

  /** The newest stays: somebody is about to use it. */
  #dropIdle(): void {
    let over = this.#open.size - limits.pastContentsMax
    for (const [version, { idle }] of this.#open) {
      if (over-- <= 0) return
      if (idle) this.#open.delete(version)
    }
  }
}
