// Bytes and the brands that keep kinds of them apart. A brand is minted in one file each; here are only the types.

declare const brand: unique symbol
type Branded<Name extends string> = Uint8Array & { readonly [brand]: Name }

/** Plaintext of a user. Must not reach lib/node, lib/wire or a peer. */
export type Plain = Branded<'plain'>
/** A sealed blob, header and segments; minted in crypto/seal.ts, or read back from the cache. */
export type Sealed = Branded<'sealed'>
/** 32 bytes, secret: BLAKE3 keyed of a chunk's plaintext. */
export type ChunkId = Branded<'chunk-id'>
/** 32 bytes, public: SHA-256 of a sealed blob. */
export type BlobId = Branded<'blob-id'>
/** 16 random bytes that name an entry of the tree on all devices. */
export type EntryId = Branded<'entry-id'>
/** 32 bytes: SHA-256 of a manifest entry's signed bytes. */
export type ManifestHash = Branded<'manifest-hash'>
/** 32 bytes: SHA-256(owner public key ‖ salt). */
export type VaultId = Branded<'vault-id'>
/** 16 random bytes that name one device's chain. */
export type DeviceId = Branded<'device-id'>

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}
