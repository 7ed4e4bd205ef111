// Plaintext of blobs for one thread: verified tables and, for small reads, opened frames of 64 KiB are kept, a bounded
// number of each. Every byte was checked against the reference (table, segment, AEAD) before it is seen.
import { openIndex, readRange, wipeIndex, type BlobIndex, type ReadSealed } from '../crypto/open.js'
import type { OpeningKeys } from '../crypto/key-ring.js'
import { frameBytes, indexLength, paddedOfSealed, sealedLengthOf, segmentPlainBytes, segmentsOf, segmentTagBytes } from '../format/blob-envelope.js'
import type { BlobReference } from '../format/blob-reference.js'
import type { BlobReader } from '../store/blob-cache-port.js'
import { hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { SealedWindow } from './sealed-window.js'

/** Of one segment: its table is most of another reading. */
const wholeBytesMax = sealedLengthOf(segmentPlainBytes)

/** From the beginning: so much is read for nothing rather than asked for alone, behind the table. */
const nearBytes = 4 * segmentPlainBytes

/** Smaller blobs lie beside others that are wanted next, and the kernel reads ahead. */
const scannedBytesMin = 256 * 1024

interface OpenBlob {
  readonly index: BlobIndex
  readonly read: ReadSealed
}

export interface OpenerLimits {
  readonly tables: number
  readonly frames: number
}

export class BlobOpener {
  readonly #cache: BlobReader
  readonly #keys: OpeningKeys
  readonly #limits: OpenerLimits
  readonly #blobs = new Map<string, OpenBlob>()
  readonly #frames = new Map<string, Uint8Array>()
  readonly #sealed: SealedWindow

  constructor(cache: BlobReader, keys: OpeningKeys, limits: OpenerLimits) {
    this.#cache = cache
    this.#sealed = new SealedWindow(cache)
    this.#keys = keys
    this.#limits = limits
  }

  /**
   * `length` bytes from `skip` of the plaintext into the front of `out`. `isScan`: they are a part of a long stretch, of
   * which nothing is kept: what lies at its ends is opened again by the next one.
   */
  read(reference: BlobReference, skip: number, length: number, out: Uint8Array, isScan = isLong(length)): void {
    const name = nameOf(reference)
    const known = this.#blobs.has(name)
    try {
      this.#readThrough(name, reference, skip, length, out, isScan)
    } catch (error) {
      // What was read of it is not looked at again: it may be whole the next time, from a copy.
      this.#forget(name)
      // The blob may have been deleted and stored again elsewhere since we looked.
      if (!known || !(error instanceof VaultError) || error.code !== 'corrupt') throw error
      this.#readThrough(name, reference, skip, length, out, isScan)
    }
  }

  /** Keys and plaintext are gone afterwards. */
  close(): void {
    for (const name of [...this.#blobs.keys()]) this.#forget(name)
    for (const frame of this.#frames.values()) frame.fill(0)
    this.#frames.clear()
  }

  #readThrough(name: string, reference: BlobReference, skip: number, length: number, out: Uint8Array, isScan: boolean): void {
    const end = skip + length
    if (isScan) return this.#readAlone(name, reference, skip, end, out, reference.sealedLength >= scannedBytesMin)
    let at = skip
    while (at < end) {
      const number = Math.floor(at / frameBytes)
      const frameEnd = Math.min((number + 1) * frameBytes, reference.plainLength)
      const to = Math.min(end, frameEnd)
      if (at === number * frameBytes && to === frameEnd) this.#readAlone(name, reference, at, to, out.subarray(at - skip), false)
      else out.set(this.#frame(name, reference, number).subarray(at - number * frameBytes, to - number * frameBytes), at - skip)
      at = to
    }
  }

  /** What will hardly be read again soon: nothing of it is kept. */
  #readAlone(name: string, reference: BlobReference, start: number, end: number, out: Uint8Array, isScan: boolean): void {
    const blob = this.#blob(name, reference, start < nearBytes ? end : 0, isScan)
    this.#sealed.expect(sealedEnd(reference, end), isScan)
    readRange(blob.index, blob.read, start, end - start, out)
  }

  #frame(name: string, reference: BlobReference, number: number): Uint8Array {
    const key = `${name}${number}`
    const known = this.#frames.get(key)
    if (known !== undefined) {
      this.#frames.delete(key)
      this.#frames.set(key, known)
      return known
    }
    const blob = this.#blob(name, reference)
    const start = number * frameBytes
    const length = Math.min(frameBytes, reference.plainLength - start)
    const frame = this.#roomForFrame().subarray(0, length)
    this.#sealed.expect(0, false)
    readRange(blob.index, blob.read, start, length, frame)
    this.#frames.set(key, frame)
    return frame
  }

  /** The memory of the frame that was used longest ago, when there are enough. */
  #roomForFrame(): Uint8Array {
    if (this.#frames.size < this.#limits.frames) return new Uint8Array(frameBytes)
    for (const [key, frame] of this.#frames) {
      this.#frames.delete(key)
      return new Uint8Array(frame.buffer, 0, frameBytes)
    }
    return new Uint8Array(frameBytes)
  }

  /** `plainEnd`: what will be read of it next ends there. */
  #blob(name: string, reference: BlobReference, plainEnd = 0, isScan = false): OpenBlob {
    const known = this.#blobs.get(name)
    if (known !== undefined) {
      this.#blobs.delete(name)
      this.#blobs.set(name, known)
      return known
    }
    const { blobId } = reference
    const location = this.#cache.locate(blobId)
    if (location === undefined) {
      // Something names it, so it is not "not found": it is lost.
      throw new VaultError('corrupt', `blob ${hex(blobId)} is not in the cache`, { subject: hex(blobId), next: "Put the folder \"cache\" of the store back from a copy; other files are not touched by it, 'vaultfs verify' names those that are." })
    }
    if (location.length !== reference.sealedLength) {
      throw new VaultError('corrupt', `blob ${hex(blobId)} has another length than what refers to it says`, { subject: hex(blobId) })
    }
    const read: ReadSealed = (offset, length) => this.#sealed.read(name, blobId, location, offset, length)
    this.#sealed.expect(location.length <= wholeBytesMax ? location.length : sealedEnd(reference, plainEnd), isScan)
    const blob = { index: openIndex({ reference, read, keys: this.#keys }), read }
    this.#blobs.set(name, blob)
    for (const oldest of this.#blobs.keys()) {
      if (this.#blobs.size <= this.#limits.tables) break
      this.#forget(oldest, true)
    }
    return blob
  }

  #forget(name: string, keepFrames = false): void {
    this.#sealed.forget(name)
    const blob = this.#blobs.get(name)
    if (blob === undefined) return
    wipeIndex(blob.index)
    this.#blobs.delete(name)
    if (keepFrames) return
    for (const key of this.#frames.keys()) if (key.startsWith(name)) this.#frames.delete(key)
  }
}

/** Of a read, bytes: more than what comes with a small one. */
export function isLong(length: number): boolean {
  return length > limits.readAroundBytesMax
}

/** Where the segment ends that holds the plaintext before `plainEnd`; compressed content lies before that. */
function sealedEnd({ sealedLength, plainLength }: BlobReference, plainEnd: number): number {
  const segments = Math.ceil(plainEnd / segmentPlainBytes)
  return Math.min(sealedLength, indexLength(segmentsOf(paddedOfSealed(sealedLength) ?? plainLength)) + segments * (segmentPlainBytes + segmentTagBytes))
}

/** Everything that the reference vouches for: one that differs in any of it must not get at what another opened. */
function nameOf(reference: BlobReference): string {
  const { blobId, chunkId, tableHash } = reference
  const ids = Buffer.concat([blobId, chunkId, tableHash]).toString('latin1')
  return `${ids}${reference.plainLength}.${reference.epoch}.${reference.suite}.${reference.kind}.${reference.framing}/`
}

