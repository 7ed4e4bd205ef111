// The bytes of a file as blocks of 4 KiB; a block that is not there is a hole.

export const blockBytes = 4096
const zeros = new Uint8Array(blockBytes)

export class MemoryContent {
  size = 0
  readonly #blocks = new Map<number, Uint8Array>()

  /** 512-byte units. */
  get blocks(): number {
    return this.#blocks.size * (blockBytes / 512)
  }

  /** Copies into `into` from `offset` on; answers how many bytes there were before the end. */
  read(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.byteLength, this.size - offset))
    for (let done = 0; done < length; ) {
      const at = offset + done
      const inside = at % blockBytes
      const count = Math.min(blockBytes - inside, length - done)
      const block = this.#blocks.get(Math.floor(at / blockBytes)) ?? zeros
      into.set(block.subarray(inside, inside + count), done)
      done += count
    }
    return length
  }

  write(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.byteLength; ) {
      const at = offset + done
      const inside = at % blockBytes
      const count = Math.min(blockBytes - inside, data.byteLength - done)
      this.#own(Math.floor(at / blockBytes)).set(data.subarray(done, done + count), inside)
      done += count
    }
    this.size = Math.max(this.size, offset + data.byteLength)
  }

  truncate(size: number): void {
    if (size < this.size) this.punch(size, Math.ceil(this.size / blockBytes) * blockBytes - size)
    this.size = size
  }

  punch(offset: number, length: number): void {
    const end = Math.min(offset + length, Math.ceil(this.size / blockBytes) * blockBytes)
    for (let at = offset; at < end; ) {
      const inside = at % blockBytes
      const count = Math.min(blockBytes - inside, end - at)
      const index = Math.floor(at / blockBytes)
      if (count === blockBytes) this.#blocks.delete(index)
      else this.#blocks.get(index)?.fill(0, inside, inside + count)
      at += count
    }
  }

  /** The blocks are there and hold what they held, or zeros. */
  reserve(offset: number, length: number): void {
    const last = Math.ceil((offset + length) / blockBytes)
    for (let index = Math.floor(offset / blockBytes); index < last; index++) this.#own(index)
  }

  /** Where the next data (or hole) from `offset` on begins; undefined: none before the end. */
  seek(offset: number, what: 'data' | 'hole'): number | undefined {
    if (offset >= this.size) return undefined
    for (let index = Math.floor(offset / blockBytes); index * blockBytes < this.size; index++) {
      if (this.#blocks.has(index) === (what === 'data')) return Math.max(offset, index * blockBytes)
    }
    return what === 'hole' ? this.size : undefined
  }

  #own(index: number): Uint8Array {
    let block = this.#blocks.get(index)
    if (block === undefined) {
      block = new Uint8Array(blockBytes)
      this.#blocks.set(index, block)
    }
    return block
  }
}
