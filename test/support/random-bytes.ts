// Random numbers and bytes from a seed: a failing test can be repeated.

/** Numbers in [0, 1), by the generator mulberry32. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function randomBytes(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const random = numbers(seed)
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let at = 0; at < words.length; at++) words[at] = random() * 4294967296
  return new Uint8Array(words.buffer, 0, length)
}
