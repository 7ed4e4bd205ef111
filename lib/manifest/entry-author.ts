// The half of a manifest entry that needs secrets: sealing and opening its body, signing it. Apart from chain.ts, so that
// whoever only verifies chains (a node) never comes near a key. FORMAT §7.4.

import { aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from '../../native-deps/sodium.js'
import type { KeyPage } from '../crypto/key-page.js'
import { signTagged } from '../crypto/signature.js'
import { decodeEntryBody, type EntryBody } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import type { EntryAuthor } from './chain.js'

export function pageAuthor(page: KeyPage, entropy: Entropy): EntryAuthor {
  return {
    get epoch() { return page.currentEpoch },
    sealedLength: (plain) => aeadNonceBytes + plain.byteLength + aeadTagBytes,
    sealBody: (plain, clearBytes) => {
      const out = new Uint8Array(aeadNonceBytes + plain.byteLength + aeadTagBytes)
      const nonce = entropy.bytes(aeadNonceBytes)
      out.set(nonce)
      aeadSeal(out.subarray(aeadNonceBytes), plain, clearBytes, nonce, page.key('manifest'))
      return out
    },
    sign: (signed) => signTagged('entry/v1', signed, page.key('device-sign')),
  }
}

/** Throws 'corrupt' when it does not open under its epoch's key. */
export function openEntryBody(entry: ManifestEntry, page: KeyPage): EntryBody {
  const plain = new Uint8Array(Math.max(0, entry.sealedBody.byteLength - aeadNonceBytes - aeadTagBytes))
  const nonce = entry.sealedBody.subarray(0, aeadNonceBytes)
  const key = page.epochKey(entry.clear.epoch, 'manifest')
  if (nonce.byteLength < aeadNonceBytes || !aeadOpen(plain, entry.sealedBody.subarray(aeadNonceBytes), entry.clearBytes, nonce, key)) {
    throw new VaultError('corrupt', `manifest entry ${entry.clear.sequence} does not open`, { subject: `manifest entry ${entry.clear.sequence}` })
  }
  return decodeEntryBody(plain)
}

