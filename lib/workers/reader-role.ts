// The thread that somebody always waits for: reads, pages, and data on its way to the log. Reads and seals take turns,
// so that neither a flood of the one nor of the other makes anybody wait long.
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { randomBytes } from '../../native-deps/sodium.js'
import { decodeBlobReference } from '../format/blob-reference.js'
import {
  extentAssociatedData, extentAssociatedDataBytes, extentOverheadBytes, sealExtentInto, type LogOwner,
} from '../format/log-record.js'
import type { Assembler } from './assembler.js'
import type { BlobOpener } from './blob-opener.js'
import type { Answer, ReaderJob } from './messages.js'
import { decodePieces } from './piece-codec.js'
import { postedError } from '../terms/posted-error.js'

export interface ReaderSetup {
  readonly port: MessagePort
  readonly readSlots: SharedArrayBuffer
  readonly smallSlots: SharedArrayBuffer
  readonly sealSlots: SharedArrayBuffer
  readonly arena: Uint8Array
  readonly owner: LogOwner
  /** A view of the key page. */
  readonly logKey: Uint8Array
  readonly assembler: Assembler
  readonly blobs: BlobOpener
  /** Closes files, wipes what was opened. */
  readonly close: () => void
}

/** Numbers an extent in a seal job: ino, offset, position, length, place. */
export const sealFields = 5

const noncesAhead = 128

export class ReaderRole {
  readonly #setup: ReaderSetup
  readonly #large: Uint8Array
  readonly #small: Uint8Array
  readonly #sealed: Uint8Array
  readonly #associatedData = new Uint8Array(extentAssociatedDataBytes)
  #reads: ReaderJob[] = []
  #seals: ReaderJob[] = []
  #nonces = new Uint8Array(0)

  constructor(setup: ReaderSetup) {
    this.#setup = setup
    this.#large = new Uint8Array(setup.readSlots)
    this.#small = new Uint8Array(setup.smallSlots)
    this.#sealed = new Uint8Array(setup.sealSlots)
    setup.port.on('message', (jobs: readonly ReaderJob[]) => {
      this.#take(jobs)
      this.#work()
    })
  }

  #take(jobs: readonly ReaderJob[]): void {
    for (const job of jobs) {
      if (job.kind === 'seal') this.#seals.push(job)
      else this.#reads.push(job)
    }
  }

  #work(): void {
    while (this.#reads.length > 0 || this.#seals.length > 0) {
      for (const queue of [this.#reads, this.#seals]) {
        const job = queue.shift()
        if (job !== undefined && !this.#run(job)) return
        // What came meanwhile takes its place at once; the event loop would hand it over only after all of these.
        const more = receiveMessageOnPort(this.#setup.port)
        if (more !== undefined) this.#take(more.message as readonly ReaderJob[])
      }
    }
  }

  /** False: the thread ends. */
  #run(job: ReaderJob): boolean {
    if (job.kind === 'close') {
      this.#setup.close()
      this.#setup.port.close()
      return false
    }
    let answer: Answer
    try {
      answer = this.#answer(job)
    } catch (error) {
      answer = { kind: 'failed', id: job.id, error: postedError(error) }
    }
    this.#setup.port.postMessage(answer)
    return true
  }

  #answer(job: Exclude<ReaderJob, { kind: 'close' }>): Answer {
    if (job.kind === 'seal') {
      this.#seal(job.generation, job.extents)
      return { kind: 'done', id: job.id }
    }
    if (job.kind === 'page') {
      const reference = decodeBlobReference(job.reference, 'a request for a page')
      const value = new Uint8Array(reference.plainLength)
      this.#setup.blobs.read(reference, 0, value.byteLength, value)
      return { kind: 'done', id: job.id, value }
    }
    // Positions below zero are in the small slots, counted from −1 down.
    const room = job.slot < 0 ? this.#small : this.#large
    const position = job.slot < 0 ? -1 - job.slot : job.slot
    this.#setup.assembler.assemble(decodePieces(job.pieces), room.subarray(position, position + job.length))
    return { kind: 'done', id: job.id }
  }

  #seal(generation: number, extents: Float64Array): void {
    const { arena, owner, logKey } = this.#setup
    for (let at = 0; at < extents.length; at += sealFields) {
      const [ino = 0, offset = 0, position = 0, length = 0, place = 0] = extents.subarray(at, at + sealFields)
      const associatedData = extentAssociatedData(owner, { generation, ino, offset, length }, this.#associatedData)
      const out = this.#sealed.subarray(place, place + length + extentOverheadBytes)
      sealExtentInto(out, arena.subarray(position, position + length), associatedData, this.#nonce(), logKey)
    }
  }

  /** Random, each used once; drawn many at a time because each draw is a system call. */
  #nonce(): Uint8Array {
    if (this.#nonces.byteLength === 0) this.#nonces = randomBytes(24 * noncesAhead)
    const nonce = this.#nonces.subarray(0, 24)
    this.#nonces = this.#nonces.subarray(24)
    return nonce
  }
}
