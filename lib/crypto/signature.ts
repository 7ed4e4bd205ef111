// Signatures with a domain tag: what was signed as one thing can't be shown as another. FORMAT §6.
// Only public-key work: the node's code may use this file.

import { sign, verifySignature } from '../../native-deps/sodium.js'

/** What a key of a vault may sign. A new use obliges a new word here. */
export type SignatureDomain = 'member/v1' | 'entry/v1' | 'recovery/v1' | 'revocation/v1' | 'deletion/v1' | 'inventory/v1' | 'heads/v1'

export function signTagged(domain: SignatureDomain, message: Uint8Array, secretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return sign(tagged(domain, message), secretKey)
}

export function verifyTagged(domain: SignatureDomain, message: Uint8Array, signed: { readonly signature: Uint8Array; readonly publicKey: Uint8Array }): boolean {
  return verifySignature(signed.signature, tagged(domain, message), signed.publicKey)
}

function tagged(domain: SignatureDomain, message: Uint8Array): Uint8Array {
  // The zero byte ends the tag, so no tag is another's beginning.
  const tag = Buffer.from(`vaultfs ${domain}\0`, 'latin1')
  const out = new Uint8Array(tag.byteLength + message.byteLength)
  out.set(tag)
  out.set(message, tag.byteLength)
  return out
}
