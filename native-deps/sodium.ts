// libsodium through sodium-native, typed and thin. Names are the verbs of this house. Two traps live here and nowhere
// else: functions that take `.buffer` abort the process on a SharedArrayBuffer (the key page is one), so such arguments
// are copied into private memory and wiped; and a failed verification is an exception there, a `false` here.
// SHA-256 is node:crypto's, five times faster than sodium's.

import { hash } from 'node:crypto'
import sodium from 'sodium-native'
import { concatBytes } from '../lib/terms/bytes.js'
import type { Entropy } from '../lib/terms/entropy.js'

export const aeadKeyBytes = 32
export const aeadNonceBytes = 24
export const aeadTagBytes = 16
export const signatureBytes = 64
export const signPublicKeyBytes = 32
export const signSecretKeyBytes = 64
export const boxPublicKeyBytes = 32
export const boxSecretKeyBytes = 32
export const boxSealBytes = 48
export const passwordSaltBytes = 16

/**
 * XChaCha20-Poly1305. `out` is exactly message + 16 bytes and may begin where `message` does (in place).
 * All arguments may be views of a SharedArrayBuffer.
 */
export function aeadSeal(out: Uint8Array, message: Uint8Array, ad: Uint8Array, nonce: Uint8Array, key: Uint8Array): void {
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out, message, ad, null, nonce, key)
}

/** Answers false when the tag does not fit; `out` (exactly cipher − 16 bytes) is then zeros. May work in place. */
export function aeadOpen(out: Uint8Array, cipher: Uint8Array, ad: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean {
  if (cipher.byteLength < aeadTagBytes) return false
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(out, null, cipher, ad, nonce, key)
    return true
  } catch (error) {
    if (error instanceof Error && error.message === 'could not verify data') return false
    throw error
  }
}

/** `length` random bytes in memory of their own. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length)
  sodium.randombytes_buf(out)
  return out
}

/** The machine's randomness, for whoever wires the parts together. */
export const systemEntropy: Entropy = { bytes: randomBytes }

/** BLAKE2b sub-key: `out` is 16 to 64 bytes, `context` exactly 8 characters of ASCII, `id` below 2^53. */
export function deriveKey(out: Uint8Array, id: number, context: string, key: Uint8Array): void {
  sodium.crypto_kdf_derive_from_key(out, id, Buffer.from(context, 'latin1'), key)
}

/** BLAKE2b, keyed when `key` (16 to 64 bytes) is given; `out` is 16 to 64 bytes. */
export function blake2b(out: Uint8Array, input: Uint8Array, key?: Uint8Array): void {
  if (key === undefined) sodium.crypto_generichash(out, input)
  else sodium.crypto_generichash(out, input, key)
}

export function sha256(input: Uint8Array): Uint8Array<ArrayBuffer> {
  // A Buffer of the pool would keep 8 KiB alive for 32 bytes; the copy is the caller's own.
  return new Uint8Array(hash('sha256', input, 'buffer'))
}

/** Argon2id on a thread of libuv's pool; the loop stays free. Rejects when the memory can't be had. */
export async function passwordHash(
  password: Uint8Array,
  salt: Uint8Array,
  cost: { readonly passes: number; readonly memoryBytes: number; readonly outBytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(cost.outBytes)
  await withPrivate([password, salt], async ([privatePassword, privateSalt]) => {
    await new Promise<void>((resolve, reject) => {
      sodium.crypto_pwhash_async(
        out, privatePassword, privateSalt, cost.passes, cost.memoryBytes, sodium.crypto_pwhash_ALG_ARGON2ID13,
        (error) => { if (error === null || error === undefined) resolve(); else reject(error) },
      )
    })
  })
  return out
}

export interface KeyPair {
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** Secret: to be wiped by whoever made it. */
  readonly secretKey: Uint8Array<ArrayBuffer>
}

/** Ed25519 from a 32-byte seed; the secret key is 64 bytes. */
export function signKeyPair(seed: Uint8Array): KeyPair {
  const publicKey = new Uint8Array(signPublicKeyBytes)
  const secretKey = new Uint8Array(signSecretKeyBytes)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

export function sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(signatureBytes)
  sodium.crypto_sign_detached(out, message, secretKey)
  return out
}

export function verifySignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.byteLength !== signatureBytes || publicKey.byteLength !== signPublicKeyBytes) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/** X25519 from a 32-byte seed. */
export function boxKeyPair(seed: Uint8Array): KeyPair {
  const publicKey = new Uint8Array(boxPublicKeyBytes)
  const secretKey = new Uint8Array(boxSecretKeyBytes)
  sodium.crypto_box_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

/**
 * To whoever holds the secret key of `publicKey`, from nobody in particular: message + 48 bytes. What crypto_box_seal
 * does, with the ephemeral key from the entropy that is handed in, so that test vectors can be made again.
 */
export function boxSeal(message: Uint8Array, publicKey: Uint8Array, entropy: Entropy): Uint8Array<ArrayBuffer> {
  const seed = entropy.bytes(32)
  const ephemeral = boxKeyPair(seed)
  const nonce = new Uint8Array(24)
  blake2b(nonce, concatBytes(ephemeral.publicKey, publicKey))
  const out = new Uint8Array(message.byteLength + boxSealBytes)
  out.set(ephemeral.publicKey)
  const copy = privateCopy(message)
  sodium.crypto_box_easy(out.subarray(boxPublicKeyBytes), copy, nonce, privateCopy(publicKey), ephemeral.secretKey)
  for (const secret of [seed, ephemeral.secretKey, copy]) wipe(secret)
  return out
}

/** `undefined` when it was not sealed to this key or was changed. */
export function boxOpen(
  cipher: Uint8Array, keys: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
): Uint8Array<ArrayBuffer> | undefined {
  if (cipher.byteLength < boxSealBytes) return undefined
  const out = new Uint8Array(cipher.byteLength - boxSealBytes)
  const parts = [cipher, keys.publicKey, keys.secretKey].map(privateCopy)
  const [privateCipher, publicKey, secretKey] = parts
  if (privateCipher === undefined || publicKey === undefined || secretKey === undefined) return undefined
  const opened = sodium.crypto_box_seal_open(out, privateCipher, publicKey, secretKey)
  for (const part of parts) wipe(part)
  return opened ? out : undefined
}

/** Zeros that the compiler can't take for useless. Accepts any view, also of shared memory. */
export function wipe(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) sodium.sodium_memzero(bytes)
}

function privateCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

async function withPrivate(
  inputs: readonly [Uint8Array, Uint8Array], use: (copies: readonly [Uint8Array, Uint8Array]) => Promise<void>,
): Promise<void> {
  const copies = [privateCopy(inputs[0]), privateCopy(inputs[1])] as const
  try {
    await use(copies)
  } finally {
    for (const copy of copies) wipe(copy)
  }
}
