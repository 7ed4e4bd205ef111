// The chunker's definition and nothing else: at each position the last 64 bytes, read as one polynomial over GF(2) and
// divided by ours. No tables, no rolling, no skipping: slow, and right if the definition is.

import type { RabinBounds } from '../../../native-deps/rabin.js'

export function referenceLengths(bytes: Uint8Array, polynomial: bigint, bounds: RabinBounds): number[] {
  const lengths: number[] = []
  const mask = (1n << BigInt(bounds.maskBits)) - 1n
  let start = 0
  for (let at = 1; at <= bytes.length; at++) {
    const length = at - start
    if (length < bounds.bytesMin && at < bytes.length) continue
    const isCut = length >= bounds.bytesMin && (remainder(bytes.subarray(at - 64, at), polynomial) & mask) === 0n
    if (isCut || length >= bounds.bytesMax || at === bytes.length) {
      lengths.push(length)
      start = at
    }
  }
  return lengths
}

function remainder(window: Uint8Array, polynomial: bigint): bigint {
  let value = 0n
  for (const byte of window) {
    value = (value << 8n) | BigInt(byte)
    for (let bit = 60n; bit >= 53n; bit--) if (((value >> bit) & 1n) === 1n) value ^= polynomial << (bit - 53n)
  }
  return value
}
