// Plaintext that was cut and waits to be stored, for one bulk thread. Cuts of one request share one piece of memory,
// which is used again when the last of them is gone.

export interface HeldChunk {
  readonly from: number
  readonly length: number
  readonly chunkId: Uint8Array
}

export interface HeldCut {
  readonly memory: HeldMemory
  /** By the index of the run; a hole has none. */
  readonly chunks: readonly (HeldChunk | undefined)[]
}

export interface HeldMemory {
  readonly bytes: Uint8Array
  cuts: number
}

const mebibyte = 1024 * 1024

export class HeldCuts {
  readonly #cuts = new Map<number, HeldCut>()
  readonly #spareMax: number
  readonly #shared: boolean
  #spare: Uint8Array[] = []

  /** `spareMax`: bytes of memory kept for later use. `shared`: other threads may seal from it. */
  constructor(spareMax: number, shared: boolean) {
    this.#spareMax = spareMax
    this.#shared = shared
  }

  memory(length: number): HeldMemory {
    // A large one is left for a large request, whose fresh memory would cost more than the cutting.
    const most = Math.max(4 * length, 2 * mebibyte)
    const fits = this.#spare.filter(({ byteLength }) => byteLength >= length && byteLength <= most).sort((a, b) => a.byteLength - b.byteLength)[0]
    if (fits === undefined) {
      const room = Math.ceil(Math.max(length, 1) / mebibyte) * mebibyte
      return { bytes: this.#shared ? new Uint8Array(new SharedArrayBuffer(room)) : new Uint8Array(room), cuts: 0 }
    }
    this.#spare = this.#spare.filter((bytes) => bytes !== fits)
    return { bytes: fits, cuts: 0 }
  }

  hold(cut: number, held: HeldCut): void {
    held.memory.cuts++
    this.#cuts.set(cut, held)
  }

  get(cut: number): HeldCut | undefined {
    return this.#cuts.get(cut)
  }

  release(cut: number): void {
    const held = this.#cuts.get(cut)
    if (held === undefined) return
    this.#cuts.delete(cut)
    held.memory.cuts--
    this.settle(held.memory)
  }

  /** Memory that no cut uses is spare. */
  settle(memory: HeldMemory): void {
    if (memory.cuts > 0) return
    const kept = this.#spare.reduce((sum, bytes) => sum + bytes.byteLength, 0)
    if (kept + memory.bytes.byteLength <= this.#spareMax) this.#spare.push(memory.bytes)
  }
}
