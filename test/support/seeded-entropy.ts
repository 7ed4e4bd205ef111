// Entropy that can be repeated: for vectors and for tests that must be able to fail the same way twice.

import type { Entropy } from '../../lib/terms/entropy.js'
import { randomBytes } from './random-bytes.js'

export function seededEntropy(seed: number): Entropy {
  let next = seed * 1000
  return { bytes: (length) => randomBytes(next++, length).slice() }
}
