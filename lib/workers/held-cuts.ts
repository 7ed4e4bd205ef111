// Plaintext that was cut and waits to be stored, for one bulk thread. Cuts of one request share one piece of the room,
// which is free again when the last of them is gone.

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

export class HeldCuts {
  readonly #cuts = new Map<number, HeldCut>()
  /** One piece of memory for all: fresh memory would cost more than the cutting, and its pages only count once touched. */
  readonly #room: Uint8Array
  /** Ascending, apart. */
  #taken: HeldMemory[] = []
  /** How far the room was written since its pages were given back, and since `releaseIdle` last looked. */
  #touchedEnd = 0
  #recentEnd = 0

  /** `roomBytes`: what the main thread lets a thread hold. `shared`: other threads may seal from it. */
  constructor(roomBytes: number, shared: boolean) {
    this.#room = shared ? new Uint8Array(new SharedArrayBuffer(roomBytes)) : new Uint8Array(roomBytes)
  }

  memory(length: number): HeldMemory {
    let from = 0
    let at = 0
    for (; at < this.#taken.length; at++) {
      const next = this.#taken[at]
      if (next === undefined || next.bytes.byteOffset - from >= length) break
      from = next.bytes.byteOffset + next.bytes.byteLength
    }
    const end = from + length
    // Parted into gaps that are all too small: rare, since cuts are few and large or many and small.
    if (end > this.#room.byteLength) return { bytes: new Uint8Array(length), cuts: 0 }
    this.#touchedEnd = Math.max(this.#touchedEnd, end)
    this.#recentEnd = Math.max(this.#recentEnd, end)
    const memory = { bytes: this.#room.subarray(from, end), cuts: 0 }
    this.#taken.splice(at, 0, memory)
    return memory
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

  /** Gives back what lay behind everything held since the last call; `discard` makes it zeros. */
  releaseIdle(discard: (bytes: Uint8Array) => void): void {
    if (this.#recentEnd < this.#touchedEnd) discard(this.#room.subarray(this.#recentEnd, this.#touchedEnd))
    this.#touchedEnd = this.#recentEnd
    const last = this.#taken.at(-1)
    this.#recentEnd = last === undefined ? 0 : last.bytes.byteOffset + last.bytes.byteLength
  }

  /** Memory that no cut uses is free. */
  settle(memory: HeldMemory): void {
    if (memory.cuts === 0) this.#taken = this.#taken.filter((each) => each !== memory)
  }
}
