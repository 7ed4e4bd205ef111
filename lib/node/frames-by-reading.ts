// Frames of blobs (NodeStorage's readFrames) from a storage that reads one blob at a time, each on a way of its own.
import type { BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { frameHead, frameHeadBytes } from '../wire/blob-frames.js'

/** Each may be a request to somebody else. */
const atOnce = 16

export async function framesByReading(blobIds: readonly BlobId[], into: Uint8Array, read: (blobId: BlobId) => Promise<Uint8Array>): Promise<number> {
  let at = 0
  for (let first = 0; first < blobIds.length; first += atOnce) {
    const some = blobIds.slice(first, first + atOnce)
    const blobs = await Promise.all(some.map((blobId) => read(blobId).catch(asMissing)))
    for (const [index, blobId] of some.entries()) {
      const blob = blobs[index] ?? nothing
      const fits = at + frameHeadBytes + blob.byteLength <= into.byteLength
      if (!fits && at > 0) return at
      const sealed = fits ? blob : nothing
      into.set(frameHead(blobId, sealed.byteLength), at)
      into.set(sealed, at + frameHeadBytes)
      at += frameHeadBytes + sealed.byteLength
    }
  }
  return at
}

const nothing = new Uint8Array(0)

function asMissing(error: unknown): undefined {
  if (error instanceof VaultError && (error.code === 'not-found' || error.code === 'corrupt')) return undefined
  throw error
}
