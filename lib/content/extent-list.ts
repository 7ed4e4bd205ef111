// Extents by offset, sorted, without overlap: in short arrays, so that a change in the middle of a hundred thousand (a
// database that is written all over between two publications) moves a few hundred and not all of them.
import type { Extent } from './extent.js'

/** Splits in two when it is longer. */
const blockMax = 256

export class ExtentList {
  /** None is empty but the only one. */
  #blocks: Extent[][] = [[]]
  #size = 0
  /** Where the last search ended: of `#blocks`, and in that one. */
  #block = 0
  #index = 0

  get size(): number {
    return this.#size
  }

  get last(): Extent | undefined {
    return this.#blocks.at(-1)?.at(-1)
  }

  /** All of them, ascending. Not to be held across a change. */
  all(): readonly Extent[] {
    const [only, second] = this.#blocks
    return second === undefined && only !== undefined ? only : this.#blocks.flat()
  }

  copy(): ExtentList {
    const copy = new ExtentList()
    copy.#blocks = this.#blocks.map((block) => [...block])
    copy.#size = this.#size
    return copy
  }

  /** Those that overlap [start, end), whole, ascending. */
  overlapping(start: number, end: number): readonly Extent[] {
    this.#seek(start)
    const found: Extent[] = []
    let index = this.#index
    for (let at = this.#block; at < this.#blocks.length; at++) {
      for (const block = this.#blocks[at] ?? []; index < block.length; index++) {
        const extent = block[index]
        if (extent === undefined || extent.start >= end) return found
        found.push(extent)
      }
      index = 0
    }
    return found
  }

  /** The first that ends behind `offset`. */
  endingAfter(offset: number): Extent | undefined {
    this.#seek(offset)
    return this.#blocks[this.#block]?.[this.#index]
  }

  /** The last that ends at `offset` or before it. */
  endingBefore(offset: number): Extent | undefined {
    this.#seek(offset)
    return this.#index > 0 ? this.#blocks[this.#block]?.[this.#index - 1] : this.#blocks[this.#block - 1]?.at(-1)
  }

  /** Puts `fresh` in the place of the `count` that begin with the first that ends behind `offset`. */
  replace(offset: number, count: number, fresh: readonly Extent[]): void {
    this.#seek(offset)
    this.#size += fresh.length - count
    const block = this.#blocks[this.#block] ?? []
    if (this.#index + count > block.length) return this.#replaceAcross(count, fresh)
    block.splice(this.#index, count, ...fresh)
    if (block.length > blockMax) this.#blocks.splice(this.#block + 1, 0, block.splice(block.length >> 1))
    else if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(this.#block, 1)
  }

  reset(extents: readonly Extent[]): void {
    this.#blocks = inBlocks(extents)
    this.#size = extents.length
  }

  #replaceAcross(count: number, fresh: readonly Extent[]): void {
    const first = this.#block
    let last = first
    let end = this.#index + count
    for (let block = this.#blocks[last]; block !== undefined && end > block.length; block = this.#blocks[++last]) end -= block.length
    const joined = [...(this.#blocks[first] ?? []).slice(0, this.#index), ...fresh, ...(this.#blocks[last] ?? []).slice(end)]
    this.#blocks.splice(first, last - first + 1, ...(joined.length === 0 ? [] : inBlocks(joined)))
    if (this.#blocks.length === 0) this.#blocks = [[]]
  }

  /** To the first that ends behind `offset`; else behind the last. */
  #seek(offset: number): void {
    const blocks = this.#blocks
    let low = 0
    // The last block is right also for what lies behind all of them.
    for (let high = blocks.length - 1; low < high;) {
      const middle = (low + high) >>> 1
      if ((blocks[middle]?.at(-1)?.end ?? Infinity) <= offset) low = middle + 1
      else high = middle
    }
    const block = blocks[low] ?? []
    let index = 0
    for (let high = block.length; index < high;) {
      const middle = (index + high) >>> 1
      if ((block[middle]?.end ?? Infinity) <= offset) index = middle + 1
      else high = middle
    }
    this.#block = low
    this.#index = index
  }
}

function inBlocks(extents: readonly Extent[]): Extent[][] {
  const blocks: Extent[][] = []
  for (let at = 0; at < extents.length || at === 0; at += blockMax) blocks.push(extents.slice(at, at + blockMax))
  return blocks
}
