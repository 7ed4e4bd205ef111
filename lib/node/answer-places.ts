// Memory for answers with many bytes of blobs, shared with the thread that reads them and used again and again: the first
// touch of new memory costs more than reading into it. How many there are at once is the budget's business (byte-budget.ts).
import { blobBytesMax, frameHeadBytes } from '../wire/blob-frames.js'
import { nodeLimits } from './node-limits.js'

const placeBytes = Math.max(nodeLimits.framesAnswerBytes, blobBytesMax + frameHeadBytes)

export class AnswerPlaces {
  readonly #free: Uint8Array<SharedArrayBuffer>[] = []

  /** Of `bytes` or more, up to one blob of any length. */
  take(bytes: number): Uint8Array<SharedArrayBuffer> {
    if (bytes <= nodeLimits.smallBodyBytesMax) return shared(bytes)
    return this.#free.pop() ?? shared(placeBytes)
  }

  /** Nobody reads it any more. */
  give(place: Uint8Array<SharedArrayBuffer>): void {
    if (place.byteLength === placeBytes && this.#free.length < nodeLimits.answerPlacesKept) this.#free.push(place)
  }
}

function shared(bytes: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(bytes))
}
