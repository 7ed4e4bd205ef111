// Reads a segment file from front to back and tells which blobs it holds: for the tail that a crash left unindexed, and
// for a new index when the old one is gone. A blob counts when its bytes hash to its id; nothing else is believed.
import { sha256 } from '../../native-deps/sodium.js'
import { equalBytes } from '../terms/bytes.js'
import { frameBytes, framePrefix, getFrame } from './frame.js'
import type { Row } from './rows.js'
import { readFully } from './segment-files.js'

export interface Scan {
  readonly rows: readonly Row[]
  /** Behind the last frame that was found. */
  readonly end: number
  /** Places that look like frames, whole or not. None: there was never a blob. */
  readonly frames: number
}

export function scanSegment(fd: number, from: number, size: number): Scan {
  const rows: Row[] = []
  const head = new Uint8Array(frameBytes)
  let payload = new Uint8Array(0)
  let at = from
  let end = from
  let frames = 0
  while (at + frameBytes <= size) {
    const frame = readFully(fd, head, at) === frameBytes ? getFrame(head, size - at - frameBytes) : undefined
    if (frame !== undefined) frames++
    let whole = frame !== undefined && !frame.live
    if (frame?.live === true) {
      if (payload.byteLength < frame.length) payload = new Uint8Array(frame.length)
      const bytes = payload.subarray(0, frame.length)
      whole = readFully(fd, bytes, at + frameBytes) === frame.length && equalBytes(sha256(bytes), frame.blobId)
      if (whole) rows.push({ blobId: frame.blobId, offset: at + frameBytes, length: frame.length })
    }
    if (frame !== undefined && whole) {
      at += frameBytes + frame.length
      end = at
    } else {
      // Damage in the middle must not hide what lies behind it.
      at = nextCandidate(fd, at + 1, size)
    }
  }
  return { rows, end, frames }
}

const stepBytes = 1024 * 1024

/** The next place where a frame could begin; `size` when there is none. */
export function nextCandidate(fd: number, from: number, size: number): number {
  const block = Buffer.allocUnsafe(Math.min(stepBytes, Math.max(size - from, 1)))
  for (let at = from; at < size; at += block.byteLength - framePrefix.byteLength + 1) {
    const count = readFully(fd, block, at)
    const found = block.subarray(0, count).indexOf(framePrefix)
    if (found >= 0) return at + found
    if (count < block.byteLength || block.byteLength < framePrefix.byteLength) break
  }
  return size
}
