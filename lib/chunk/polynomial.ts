// The vault's secret polynomial: irreducible, of degree 53, the same from the same seed on every device. Public cut
// points would tell known files apart by the lengths of their chunks; THREATS says what a secret one does not hide.

import { rabinDegree } from '../../native-deps/rabin.js'
import { blake2b } from '../../native-deps/sodium.js'
import { invariant } from '../terms/errors.js'

const top = 1n << BigInt(rabinDegree)

/** `seed` (32 bytes) is a sub-key of the vault and of nothing else. CHUNKER.md 1. */
export function polynomialFrom(seed: Uint8Array): bigint {
  invariant(seed.byteLength === 32, 'a seed of 32 bytes')
  const digest = new Uint8Array(16)
  const counter = new Uint8Array(8)
  for (let attempt = 0; ; attempt++) {
    new DataView(counter.buffer).setUint32(0, attempt)
    blake2b(digest, counter, seed)
    // Bit 53 makes the degree; without bit 0, x would divide it.
    const candidate = (new DataView(digest.buffer).getBigUint64(0) & (top - 1n)) | top | 1n
    if (irreducible(candidate)) return candidate
  }
}

/**
 * Rabin's test. 53 is prime, so a polynomial of degree 53 is irreducible when x^(2^53) = x modulo it and it has no root:
 * any factor's degree would divide 53.
 */
export function irreducible(polynomial: bigint): boolean {
  invariant(polynomial >> BigInt(rabinDegree) === 1n, 'a polynomial of degree 53')
  const hasRoot = (polynomial & 1n) === 0n || parity(polynomial) === 0
  if (hasRoot) return false
  let power = 2n
  for (let square = 0; square < rabinDegree; square++) power = squareModulo(power, polynomial)
  return power === 2n
}

function parity(value: bigint): number {
  let ones = 0
  for (let rest = value; rest > 0n; rest >>= 1n) ones ^= Number(rest & 1n)
  return ones
}

/** Over GF(2) a square is the same polynomial with its bits spread apart. */
function squareModulo(value: bigint, polynomial: bigint): bigint {
  let square = 0n
  for (let bit = 0; bit < rabinDegree; bit++) {
    if (((value >> BigInt(bit)) & 1n) === 1n) square |= 1n << BigInt(2 * bit)
  }
  for (let bit = 2 * rabinDegree; bit >= rabinDegree; bit--) {
    if (((square >> BigInt(bit)) & 1n) === 1n) square ^= polynomial << BigInt(bit - rabinDegree)
  }
  return square
}
