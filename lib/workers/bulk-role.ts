// A thread that cuts, hashes, compresses and seals, at low priority. Blobs of several jobs are gathered and written
// together; the keeper, not this thread, says when they are durable.
import type { MessagePort } from 'node:worker_threads'
import { chunkIdOf } from '../crypto/chunk-id.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { sealChunk, sealedLengthMax, type SealedBlob } from '../crypto/seal.js'
import { blobReferenceBytes, encodeBlobReference, type BlobKind } from '../format/blob-reference.js'
import type { AppendedBlobs, BlobAppender } from '../store/blob-cache-port.js'
import type { ChunkId } from '../terms/bytes.js'
import { invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { postedError } from '../terms/posted-error.js'
import type { Assembler } from './assembler.js'
import { cutParts, forcesCut, joinHoles, partsOf, type CutLengths } from './cutting.js'
import { HeldCuts, type HeldMemory } from './held-cuts.js'
import type { AbandonSegment, Answer, BulkJob, CommitRequest, CutAnswer, CutJobRequest } from './messages.js'
import { decodePieces } from './piece-codec.js'

export interface BulkSetup {
  readonly port: MessagePort
  readonly keeper: MessagePort
  readonly assembler: Assembler
  readonly keys: KeyRing
  readonly cut: CutLengths
  /** Whether `cut` takes shared memory. */
  readonly cutsShared: boolean
  readonly appender: BlobAppender
  readonly close: () => void
}

type CutJob = Extract<BulkJob, { kind: 'cut' }>
type StoreJob = Extract<BulkJob, { kind: 'store' }>
type SealJob = Extract<BulkJob, { kind: 'seal' }>
type PagesJob = Extract<BulkJob, { kind: 'pages' }>

export class BulkRole {
  readonly #setup: BulkSetup
  readonly #held: HeldCuts
  #gathered: SealedBlob[] = []
  /** Where blobs are sealed, one behind the other, until they are written: memory of their own costs more than sealing. */
  #room = new Uint8Array(2 * limits.appendBytesWished)
  #gatheredBytes = 0
  /** The room was written since its pages were given back; and since it was last looked. */
  #roomTouched = false
  #roomUsed = false
  #done: { readonly id: number; readonly references: Uint8Array }[] = []

  constructor(setup: BulkSetup) {
    this.#setup = setup
    this.#held = new HeldCuts(limits.heldBytesMax, setup.cutsShared)
    setup.port.on('message', (jobs: readonly BulkJob[]) => {
      for (const job of jobs) this.#run(job)
      this.#flush([])
    })
    setup.keeper.on('message', ({ segment }: AbandonSegment) => { setup.appender.abandon(segment) })
  }

  /** Gives back the rooms that nothing was put into since the last call. */
  releaseIdle(discard: (bytes: Uint8Array) => void): void {
    this.#held.releaseIdle(discard)
    if (this.#roomTouched && !this.#roomUsed && this.#gatheredBytes === 0) {
      discard(this.#room)
      this.#roomTouched = false
    }
    this.#roomUsed = false
  }

  #run(job: BulkJob): void {
    if (job.kind === 'close') {
      this.#flush([])
      this.#setup.close()
      this.#setup.keeper.close()
      this.#setup.port.close()
    } else if (job.kind === 'cut') this.#cut(job)
    else if (job.kind === 'store') this.#store(job)
    else if (job.kind === 'seal') this.#sealFor(job)
    else this.#storePages(job)
  }

  #cut(job: CutJob): void {
    // Nobody waits longer for durability because somebody else's bytes are cut first.
    this.#flush([])
    const stretches = job.requests.map((request) => ({ request, pieces: joinHoles(decodePieces(request.pieces)) }))
    const length = stretches.reduce((sum, { pieces }) => sum + plainBytes(pieces), 0)
    const memory = this.#held.memory(length)
    try {
      let at = 0
      const answers = stretches.map(({ request, pieces }) => {
        const from = at
        for (const piece of pieces) {
          if (forcesCut(piece)) continue
          this.#setup.assembler.assemble([piece], memory.bytes.subarray(at, at + piece.length))
          at += piece.length
        }
        return this.#cutOne(request, partsOf(pieces, from, request.final), memory)
      })
      this.#post({ kind: 'done', id: job.id, value: answers })
    } catch (error) {
      for (const { cut } of job.requests) this.#held.release(cut)
      this.#held.settle(memory)
      this.#fail(job.id, error)
    }
  }

  #cutOne(request: CutJobRequest, parts: ReturnType<typeof partsOf>, memory: HeldMemory): CutAnswer {
    const runs = cutParts(parts, memory.bytes, request, this.#setup.cut)
    const hasher = this.#setup.keys.idHasher('chunk')
    const chunks = runs.lengths.map((length, index) => {
      const from = runs.places[index] ?? -1
      return from < 0 ? undefined : { from, length, chunkId: chunkIdOf(memory.bytes.subarray(from, from + length), hasher) }
    })
    this.#held.hold(request.cut, { memory, chunks })
    const ids = chunks.filter((chunk) => chunk !== undefined).map((chunk) => chunk.chunkId)
    const { buffer, byteOffset } = memory.bytes
    return {
      lengths: Float64Array.from(runs.lengths), chunkIds: joined(ids, 32), consumed: runs.consumed, met: runs.met,
      memory: buffer instanceof SharedArrayBuffer ? buffer : undefined, places: Float64Array.from(runs.places, (place) => place + byteOffset),
    }
  }

  #store(job: StoreJob): void {
    const held = this.#held.get(job.cut)
    try {
      if (job.indexes.length > 0) this.#seal(job.id, this.#named(job, held))
    } catch (error) {
      this.#fail(job.id, error)
    } finally {
      if (!job.keep) this.#held.release(job.cut)
    }
  }

  /** The owner keeps the memory until this part, too, is durable. */
  #sealFor(job: SealJob): void {
    try {
      const bytes = new Uint8Array(job.memory)
      this.#seal(job.id, Array.from({ length: job.places.length / 2 }, (_, index) => {
        const [from = 0, length = 0] = job.places.subarray(2 * index, 2 * index + 2)
        return { plain: bytes.subarray(from, from + length), chunkId: job.chunkIds.slice(32 * index, 32 * index + 32) as Uint8Array as ChunkId }
      }))
    } catch (error) {
      this.#fail(job.id, error)
    }
  }

  #named(job: StoreJob, held: ReturnType<HeldCuts['get']>): { readonly plain: Uint8Array; readonly chunkId: ChunkId }[] {
    invariant(held !== undefined, 'a cut is stored twice')
    return job.indexes.map((index) => {
      const chunk = held.chunks[index]
      invariant(chunk !== undefined, 'a run is stored that is no chunk')
      return { plain: held.memory.bytes.subarray(chunk.from, chunk.from + chunk.length), chunkId: chunk.chunkId as ChunkId }
    })
  }

  #storePages(job: PagesJob): void {
    try {
      const hasher = this.#setup.keys.idHasher('page')
      this.#seal(job.id, job.pages.map((plain) => ({ plain, chunkId: chunkIdOf(plain, hasher) })), 'page')
    } catch (error) {
      this.#fail(job.id, error)
    }
  }

  #seal(id: number, chunks: readonly { readonly plain: Uint8Array; readonly chunkId: ChunkId }[], kind: BlobKind = 'chunk'): void {
    const references: Uint8Array[] = []
    for (const { plain, chunkId } of chunks) {
      const blob = sealChunk(plain, chunkId, this.#setup.keys.sealing, kind, 1, this.#roomFor(plain.byteLength, id))
      references.push(encodeBlobReference(blob))
      this.#gathered.push(blob)
      this.#gatheredBytes += blob.sealedLength
      // The keeper syncs the first blobs while this thread seals the next.
      if (this.#gatheredBytes >= limits.appendBytesWished) this.#flush([id])
    }
    this.#done.push({ id, references: joined(references, blobReferenceBytes) })
  }

  #roomFor(plainLength: number, id: number): Uint8Array {
    const length = sealedLengthMax(plainLength)
    if (this.#gatheredBytes + length > this.#room.byteLength) this.#flush([id])
    if (length > this.#room.byteLength) this.#room = new Uint8Array(length)
    this.#roomTouched = this.#roomUsed = true
    return this.#room.subarray(this.#gatheredBytes, this.#gatheredBytes + length)
  }

  /** Throws for `unfinished`, which is under way; jobs that were complete are told by themselves. */
  #flush(unfinished: readonly number[]): void {
    if (this.#gathered.length === 0 && this.#done.length === 0) return
    const blobs = this.#gathered
    const done = this.#done
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#done = []
    let appended: readonly AppendedBlobs[]
    try {
      appended = this.#setup.appender.append(blobs)
    } catch (error) {
      for (const { id } of done) this.#fail(id, error)
      if (unfinished.length > 0) throw error
      return
    }
    const request: CommitRequest = { appended, unfinished, done }
    this.#setup.keeper.postMessage(request)
  }

  #fail(id: number, error: unknown): void {
    this.#post({ kind: 'failed', id, error: postedError(error) })
  }

  #post(answer: Answer): void {
    this.#setup.port.postMessage(answer)
  }
}

function plainBytes(pieces: readonly Parameters<typeof forcesCut>[0][]): number {
  return pieces.reduce((sum, piece) => sum + (forcesCut(piece) ? 0 : piece.length), 0)
}

function joined(parts: readonly Uint8Array[], bytesEach: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.length * bytesEach)
  parts.forEach((part, index) => { out.set(part, index * bytesEach) })
  return out
}
