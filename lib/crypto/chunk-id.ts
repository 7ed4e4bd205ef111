// The secret name of plaintext: equal bytes have equal ids on all devices of a vault, and nobody without the id key
// can compute one. FORMAT §3. Minted only here and, from stored bytes, in format/blob-reference.ts.

import type { KeyedHasher } from '../../native-deps/blake3.js'
import type { ChunkId } from '../terms/bytes.js'

/** `hasher` is KeyRing's for the kind of blob that it will be. */
export function chunkIdOf(plain: Uint8Array, hasher: KeyedHasher): ChunkId {
  return hasher.digest(plain) as Uint8Array as ChunkId
}
