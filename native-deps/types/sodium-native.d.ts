// The part of sodium-native 5 that sodium.ts uses. The package has no types of its own.
// Arguments are checked by assertions: a wrong length throws, a wrong kind of buffer may abort the process.

declare module 'sodium-native' {
  interface Sodium {
    sodium_memzero(buffer: Uint8Array): void
    randombytes_buf(buffer: Uint8Array): void

    crypto_aead_xchacha20poly1305_ietf_encrypt(
      cipher: Uint8Array, message: Uint8Array, ad: Uint8Array | null, secretNonce: null, nonce: Uint8Array, key: Uint8Array,
    ): number
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      message: Uint8Array, secretNonce: null, cipher: Uint8Array, ad: Uint8Array | null, nonce: Uint8Array, key: Uint8Array,
    ): number

    crypto_kdf_derive_from_key(subkey: Uint8Array, subkeyId: number, context: Uint8Array, key: Uint8Array): void
    crypto_generichash(out: Uint8Array, input: Uint8Array, key?: Uint8Array): void

    crypto_pwhash_ALG_ARGON2ID13: number
    crypto_pwhash_async(
      out: Uint8Array, password: Uint8Array, salt: Uint8Array, opsLimit: number, memLimit: number, algorithm: number,
      callback: (error: Error | null) => void,
    ): void

    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean

    crypto_box_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    crypto_box_easy(cipher: Uint8Array, message: Uint8Array, nonce: Uint8Array, publicKey: Uint8Array, secretKey: Uint8Array): void
    crypto_box_seal_open(message: Uint8Array, cipher: Uint8Array, publicKey: Uint8Array, secretKey: Uint8Array): boolean
  }
  const sodium: Sodium
  export default sodium
}
