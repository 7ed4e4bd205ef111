// The public name of a sealed blob: plain SHA-256, so that a stranger can check it with `sha256sum`. FORMAT §3.

import { sha256 } from '../../native-deps/sodium.js'
import type { BlobId } from '../terms/bytes.js'

export function blobIdOf(sealed: Uint8Array): BlobId {
  return sha256(sealed) as Uint8Array as BlobId
}
