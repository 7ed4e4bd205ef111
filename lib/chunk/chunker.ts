// Cuts a stretch of plaintext into chunks by its content. Each chunk's cut depends on the chunk's own bytes only, so
// cutting may begin at any old boundary and gives what cutting from the file's beginning gave.

import { openCutter, type RabinBounds, type RabinCutter, type RabinEngine } from '../../native-deps/rabin.js'
import { polynomialFrom } from './polynomial.js'

export interface CutStretch {
  readonly from: number
  readonly until: number
  /** True: what remains at the end is a chunk. False: it is left. */
  readonly final: boolean
  /** Ascending positions at which older chunks begin; a cut on one of them, not before `resumeAfter`, ends the cutting. */
  readonly boundaries: readonly number[]
  readonly resumeAfter: number
}

export interface CutLengths {
  readonly lengths: readonly number[]
  /** Whether one of `boundaries` was met. */
  readonly met: boolean
}

export class Chunker {
  readonly #cutter: RabinCutter

  /** `seed` is the vault's chunker key, `bounds` stand in its header: with others the same bytes are cut elsewhere. */
  constructor(seed: Uint8Array, bounds: RabinBounds, engine?: RabinEngine) {
    this.#cutter = openCutter(polynomialFrom(seed), bounds, engine)
  }

  /** Whether `cut` takes shared memory: rabin-native, where it is used, crashes on it. */
  get acceptsShared(): boolean {
    return this.#cutter.acceptsShared
  }

  cut(bytes: Uint8Array, stretch: CutStretch): CutLengths {
    const lengths: number[] = []
    let at = stretch.from
    let nextBoundary = 0
    while (at < stretch.until) {
      const found = this.#cutter.next(bytes, at, stretch.until)
      if (found === 0 && !stretch.final) break
      const length = found === 0 ? stretch.until - at : found
      lengths.push(length)
      at += length
      while ((stretch.boundaries[nextBoundary] ?? Infinity) < at) nextBoundary++
      if (stretch.boundaries[nextBoundary] === at && at >= stretch.resumeAfter && at < stretch.until) return { lengths, met: true }
    }
    return { lengths, met: false }
  }

  wipe(): void {
    this.#cutter.wipe()
  }
}
