// Memory for dirty data, shared with the workers. Room is handed out from blocks of 64 KiB; a block is free again when
// the last extent in it is. Bounded: when it is full, `allocate` answers -1 and writers wait.

export const arenaBlockBytes = 65536
/** What one call of `releaseIdle` gives back at most takes half a millisecond. */
const releasedBlocksMax = 64

export class Arena {
  readonly shared: SharedArrayBuffer
  readonly bytes: Uint8Array
  #free: number[] = []
  #users: Uint32Array
  /** Blocks that were never written, or given back since: 1. */
  #untouched: Uint8Array
  /** The least that were free since `releaseIdle` last looked: so many at the bottom of `#free` lay there all the time. */
  #idle = 0
  #current = -1
  #currentEnd = 0

  /** `sizeBytes`: a multiple of the block size. `shared`: memory of that size that something else keeps alive too. */
  constructor(sizeBytes: number, shared = new SharedArrayBuffer(sizeBytes)) {
    this.shared = shared
    this.bytes = new Uint8Array(this.shared)
    const blocks = Math.floor(sizeBytes / arenaBlockBytes)
    this.#users = new Uint32Array(blocks)
    this.#untouched = new Uint8Array(blocks).fill(1)
    for (let block = blocks - 1; block >= 0; block--) this.#free.push(block)
  }

  get usedBytes(): number {
    return (this.#users.length - this.#free.length) * arenaBlockBytes
  }

  get sizeBytes(): number {
    return this.#users.length * arenaBlockBytes
  }

  /** Position of `length` ≤ 64 KiB contiguous bytes, or -1 when there is no room. One `free` is owed for it. */
  allocate(length: number): number {
    if (this.#current < 0 || this.#currentEnd + length > (this.#current + 1) * arenaBlockBytes) {
      // Whatever lay in the current block may be gone: then it is free again once it counts no longer as being filled.
      this.#retireCurrent()
      const block = this.#free.pop()
      if (block === undefined) return -1
      this.#idle = Math.min(this.#idle, this.#free.length)
      this.#untouched[block] = 0
      this.#current = block
      this.#currentEnd = block * arenaBlockBytes
      // The block being filled counts as one user, so that it isn't freed under the filling.
      this.#users[block] = 1
    }
    const position = this.#currentEnd
    this.#currentEnd += length
    this.#addUser(this.#current)
    return position
  }

  /** Before the first allocation: somebody before us put bytes here, for which one `free` is owed. */
  adopt(position: number): void {
    const block = Math.floor(position / arenaBlockBytes)
    if (this.#users[block] === 0) this.#free.splice(this.#free.indexOf(block), 1)
    this.#untouched[block] = 0
    this.#addUser(block)
  }

  /** Lengthens the newest allocation in place; false when something lies behind it or the block is full. */
  extend(position: number, length: number, by: number): boolean {
    if (position + length !== this.#currentEnd) return false
    if (position + length + by > (this.#current + 1) * arenaBlockBytes) return false
    this.#currentEnd += by
    return true
  }

  /** Another extent shares the allocation's block (an extent was split in two). */
  share(position: number): void {
    this.#addUser(Math.floor(position / arenaBlockBytes))
  }

  /** Gives back one allocation (or one share of it). */
  free(position: number): void {
    this.#dropUser(Math.floor(position / arenaBlockBytes))
  }

  /**
   * Gives back memory that nothing was written to since the last call, a part of it at a time: a burst of writing would
   * stay in the resident set for ever. `discard` makes it zeros.
   */
  releaseIdle(discard: (bytes: Uint8Array) => void): void {
    let released = 0
    for (let at = 0; at < this.#idle && released < releasedBlocksMax; at++) {
      const block = this.#free[at]
      if (block === undefined || this.#untouched[block] === 1) continue
      this.#untouched[block] = 1
      discard(this.bytes.subarray(block * arenaBlockBytes, (block + 1) * arenaBlockBytes))
      released++
    }
    this.#idle = this.#free.length
  }

  #retireCurrent(): void {
    if (this.#current < 0) return
    const retired = this.#current
    this.#current = -1
    this.#dropUser(retired)
  }

  #addUser(block: number): void {
    this.#users[block] = (this.#users[block] ?? 0) + 1
  }

  #dropUser(block: number): void {
    const left = (this.#users[block] ?? 1) - 1
    this.#users[block] = left
    if (left === 0) {
      if (block === this.#current) this.#current = -1
      this.#free.push(block)
    }
  }
}
