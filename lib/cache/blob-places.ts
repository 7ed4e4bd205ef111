// Places of the segments that the index speaks of: whether what it says lies there does, and how it is given up.
import { existsSync, writeSync } from 'node:fs'
import { punchHole } from '../../native-deps/system.js'
import { sha256 } from '../../native-deps/sodium.js'
import { equalBytes, type BlobId } from '../terms/bytes.js'
import { deadMark, frameBytes, getFrame } from './frame.js'
import { readFully, segmentPath, type OpenSegments } from './segment-files.js'

export interface Place {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

export class BlobPlaces {
  readonly #directory: string
  readonly #files: OpenSegments

  constructor(directory: string, files: OpenSegments) {
    this.#directory = directory
    this.#files = files
  }

  /** What can't be freed stays where it is: it is in the index no more, so nothing depends on it. */
  freeIfThere(place: Place, blobId: BlobId): void {
    try {
      if (this.#isAt(place, blobId)) this.free(place)
    } catch {
      // The disk does not take it: the bytes are lost as room, not as content.
    }
  }

  /** Whether its frame is there: a damaged index may lead to another blob's bytes, or to a file that is gone. */
  #isAt({ segment, offset, length }: Place, blobId: BlobId): boolean {
    if (!existsSync(segmentPath(this.#directory, segment))) return false
    const head = new Uint8Array(frameBytes)
    if (readFully(this.#files.fd(segment), head, offset - frameBytes) < frameBytes) return false
    const frame = getFrame(head, length)
    return frame?.live === true && frame.length === length && equalBytes(frame.blobId, blobId)
  }

  /** Whether its bytes are what its name says: all of them are read. */
  isSound(place: Place | undefined, blobId: BlobId): boolean {
    if (place === undefined || !existsSync(segmentPath(this.#directory, place.segment))) return false
    const { segment, offset, length } = place
    const sealed = new Uint8Array(length)
    try {
      return readFully(this.#files.fd(segment), sealed, offset) === length && equalBytes(sha256(sealed), blobId)
    } catch {
      // The disk does not give it.
      return false
    }
  }

  /** The mark first: a scan then skips the frame even where the filesystem has no holes. Neither needs a sync. */
  free({ segment, offset, length }: Place): void {
    const fd = this.#files.fd(segment)
    writeSync(fd, deadMark(), 0, 4, offset - frameBytes)
    punchHole(fd, { offset, length })
  }
}
