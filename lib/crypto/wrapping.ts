// Small secrets under a key: 32 bytes wrapped in 72, and local files. FORMAT §5.1. Each seal takes a fresh random
// nonce; the associated data says what it is and whose, so that nothing can be put in another's place.

import { aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes, blake2b } from '../../native-deps/sodium.js'
import { concatBytes } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'

/** What is sealed and of which vault. */
export interface SealPurpose {
  /** Like "epoch/v1 3": no two uses share one. */
  readonly purpose: string
  readonly vaultId: Uint8Array
}

/** Nonce, cipher, tag: 40 bytes longer than `secret`. */
export function sealSecret(secret: Uint8Array, key: Uint8Array, options: SealPurpose & { readonly entropy: Entropy }): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(aeadNonceBytes + secret.byteLength + aeadTagBytes)
  const nonce = options.entropy.bytes(aeadNonceBytes)
  out.set(nonce)
  aeadSeal(out.subarray(aeadNonceBytes), secret, purposeBytes(options), nonce, key)
  return out
}

/** Undefined when it does not open: another key, another purpose, or changed bytes. */
export function openSecret(sealed: Uint8Array, key: Uint8Array, purpose: SealPurpose): Uint8Array<ArrayBuffer> | undefined {
  const length = sealed.byteLength - aeadNonceBytes - aeadTagBytes
  if (length < 0) return undefined
  const out = new Uint8Array(length)
  const opened = aeadOpen(out, sealed.subarray(aeadNonceBytes), purposeBytes(purpose), sealed.subarray(0, aeadNonceBytes), key)
  return opened ? out : undefined
}

/** Keyed BLAKE2b with a label that ends in a zero byte. */
export function tagOf(label: string, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(32)
  blake2b(out, concatBytes(Buffer.from(`${label}\0`, 'latin1'), ...parts), key)
  return out
}

function purposeBytes({ purpose, vaultId }: SealPurpose): Uint8Array {
  return concatBytes(Buffer.from(`vaultfs ${purpose}\0`, 'latin1'), vaultId)
}
