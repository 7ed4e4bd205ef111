// Memory for what nodes answer, used again and again: the first touch of new memory costs more than all else that is done
// with a blob on its way. Shared, because V8 collects a thread's whole heap where so many bytes come and go by message.
import { limits } from './terms/limits.js'
import { blobBytesMax, frameHeadBytes } from './wire/blob-frames.js'

/** One question's blobs with their heads, or the largest blob. */
const placeBytes = Math.max(limits.fetchBytesWished + limits.fetchBlobsMax * frameHeadBytes, blobBytesMax + frameHeadBytes)

export class FetchPlaces {
  readonly #free: Uint8Array[] = []

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(placeBytes))
  }

  /** Nobody uses it any more. */
  give(place: Uint8Array): void {
    this.#free.push(place)
  }
}
