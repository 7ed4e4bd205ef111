// Memory for what nodes answer, used again and again: the first touch of new memory costs more than all else that is done
// with a blob on its way.
import { blobBytesMax, frameHeadBytes } from './wire/blob-frames.js'
import { limits } from './terms/limits.js'

/** One question's blobs with their heads, or the largest blob. */
const placeBytes = Math.max(limits.fetchBytesWished + limits.fetchBlobsMax * frameHeadBytes, blobBytesMax + frameHeadBytes)

export class FetchPlaces {
  readonly #free: Uint8Array<ArrayBuffer>[] = []

  take(): Uint8Array<ArrayBuffer> {
    return this.#free.pop() ?? new Uint8Array(placeBytes)
  }

  /** Nobody uses it any more. Other memory is let go of. */
  give(memory: Uint8Array<ArrayBuffer>): void {
    if (memory.byteLength === placeBytes) this.#free.push(memory)
  }
}
