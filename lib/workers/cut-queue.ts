// Cutting as the main thread sees it: which bulk thread takes what, and how much plaintext waits there to be stored.
// Bounded: a thread holds `heldBytesMax`, and what comes beyond waits in line until earlier cuts are stored. So whoever
// holds a cut must not wait for another one before storing it.
import { decodeBlobReference, blobReferenceBytes, type BlobReference } from '../format/blob-reference.js'
import type { Cut, CutRequest, CutRun } from '../store/pool-port.js'
import type { ChunkId } from '../terms/bytes.js'
import { invariant, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { forcesCut } from './cutting.js'
import type { BulkJob, CutAnswer } from './messages.js'
import type { PendingJobs } from './pending-jobs.js'
import { encodePieces } from './piece-codec.js'
import type { WorkerLink } from './worker-link.js'

interface BulkThread {
  readonly link: WorkerLink<BulkJob>
  heldBytes: number
  /** Jobs that it was given and has not answered. */
  jobs: number
}

interface Waiter {
  readonly bytes: number
  readonly resolve: (thread: BulkThread) => void
  readonly reject: (error: Error) => void
}

/** A smaller part is not worth another thread's waking. */
const partBytesMin = 2 * 1024 * 1024

/** What a cut keeps in a thread until it is stored. */
interface Hold {
  readonly thread: BulkThread
  readonly cut: number
  readonly bytes: number
}

export class CutQueue {
  readonly #threads: readonly BulkThread[]
  readonly #pending: PendingJobs
  readonly #onStored: (references: readonly BlobReference[]) => void
  #waiting: Waiter[] = []
  /** A cut that its owner forgot would hold its memory for ever. */
  readonly #forgotten = new FinalizationRegistry<Hold>((hold) => { this.#letGo(hold) })

  constructor(links: readonly WorkerLink<BulkJob>[], pending: PendingJobs, onStored: (references: readonly BlobReference[]) => void) {
    this.#threads = links.map((link) => ({ link, heldBytes: 0, jobs: 0 }))
    this.#pending = pending
    this.#onStored = onStored
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async cut(requests: readonly CutRequest[]): Promise<readonly Cut[]> {
    if (requests.length === 0) return []
    const sizes = requests.map(({ pieces }) => pieces.reduce((sum, piece) => sum + (forcesCut(piece) ? 0 : piece.length), 0))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (bytes > limits.cutBytesMax) throw new VaultError('too-large', `a cut of ${bytes} bytes (at most ${limits.cutBytesMax})`)
    const jobs = requests.map(({ pieces, final, boundaries, resumeAfter }) => ({
      cut: this.#pending.number(), pieces: encodePieces(pieces), final, boundaries: [...boundaries], resumeAfter,
    }))
    const thread = await this.#threadFor(bytes)
    thread.jobs++
    try {
      const { value } = await this.#pending.run((id) => { thread.link.post({ kind: 'cut', id, requests: jobs }) })
      invariant(Array.isArray(value) && value.length === jobs.length, 'an answer for each cut')
      return (value as readonly CutAnswer[]).map((answer, index) => {
        return this.#held(answer, { thread, cut: jobs[index]?.cut ?? 0, bytes: sizes[index] ?? 0 })
      })
    } catch (error) {
      this.#give(thread, bytes)
      throw error
    } finally {
      thread.jobs--
    }
  }

  async storePages(pages: readonly Uint8Array[]): Promise<readonly BlobReference[]> {
    if (pages.length === 0) return []
    const thread = this.#threads.reduce((least, each) => (each.jobs < least.jobs ? each : least))
    // Memory of its own size: a clone of a view would copy all that lies behind it.
    const copies = pages.map((page) => new Uint8Array(page))
    return this.#stored(thread, (id) => ({ kind: 'pages', id, pages: copies }))
  }

  refuse(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }

  #held(answer: CutAnswer, hold: Hold): Cut {
    let stored = false
    const cut: Cut = {
      runs: runsOf(answer), consumed: answer.consumed, met: answer.met,
      store: async (indexes) => {
        invariant(!stored, 'a cut is stored twice')
        stored = true
        this.#forgotten.unregister(cut)
        if (indexes.length === 0) {
          this.#letGo(hold)
          return []
        }
        return this.#storeParts(answer, hold, indexes)
      },
    }
    this.#forgotten.register(cut, hold, cut)
    return cut
  }

  /** Sealing is most of the work: a large cut is shared out, the owner of the memory taking the first part. */
  async #storeParts(answer: CutAnswer, hold: Hold, indexes: readonly number[]): Promise<readonly BlobReference[]> {
    const { memory } = answer
    const others = memory === undefined ? [] : this.#threads.filter((thread) => thread !== hold.thread && thread.jobs <= hold.thread.jobs)
    const [own = [], ...parts] = shareOut(indexes, answer.lengths, 1 + others.length)
    const keep = parts.length > 0
    const jobs = [this.#stored(hold.thread, (id) => ({ kind: 'store', id, cut: hold.cut, indexes: own, keep }))]
    parts.forEach((part, at) => {
      const thread = others[at]
      if (thread === undefined || memory === undefined) return
      jobs.push(this.#stored(thread, (id) => ({ kind: 'seal', id, memory, ...chunksOf(answer, part) })))
    })
    // All have ended before the memory is let go of, also when one has failed.
    const ended = await Promise.allSettled(jobs)
    if (keep) this.#letGo(hold)
    else this.#give(hold.thread, hold.bytes)
    return ended.flatMap((each) => {
      if (each.status === 'rejected') throw each.reason
      return each.value
    })
  }

  async #stored(thread: BulkThread, job: (id: number) => BulkJob): Promise<readonly BlobReference[]> {
    thread.jobs++
    try {
      const { value } = await this.#pending.run((id) => { thread.link.post(job(id)) })
      invariant(value instanceof Uint8Array, 'references come back')
      const references = Array.from({ length: value.byteLength / blobReferenceBytes }, (_, index) =>
        decodeBlobReference(value.subarray(index * blobReferenceBytes, (index + 1) * blobReferenceBytes)))
      this.#onStored(references)
      return references
    } finally {
      thread.jobs--
    }
  }

  #letGo(hold: Hold): void {
    hold.thread.link.post({ kind: 'store', id: this.#pending.number(), cut: hold.cut, indexes: [], keep: false })
    this.#give(hold.thread, hold.bytes)
  }

  #threadFor(bytes: number): Promise<BulkThread> {
    const thread = this.#waiting.length > 0 ? undefined : this.#roomy(bytes)
    if (thread !== undefined) return Promise.resolve(thread)
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }))
  }

  /** The thread that holds least, if it has room; one that holds nothing always has. Takes the room. */
  #roomy(bytes: number): BulkThread | undefined {
    const least = this.#threads.reduce((best, each) => (load(each) < load(best) ? each : best))
    if (least.heldBytes > 0 && least.heldBytes + bytes > limits.heldBytesMax) return undefined
    least.heldBytes += bytes
    return least
  }

  #give(thread: BulkThread, bytes: number): void {
    thread.heldBytes -= bytes
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const next = this.#roomy(first.bytes)
      if (next === undefined) return
      this.#waiting.shift()
      first.resolve(next)
    }
  }
}

/** A job without bytes to speak of still takes its turn. */
function load(thread: BulkThread): number {
  return thread.heldBytes + thread.jobs * 65536
}

/** Neighbouring indexes in at most `partsMax` parts of about the same size, none much below two mebibytes. */
function shareOut(indexes: readonly number[], lengths: Float64Array, partsMax: number): number[][] {
  const bytes = indexes.reduce((sum, index) => sum + (lengths[index] ?? 0), 0)
  const wished = Math.max(bytes / partsMax, partBytesMin)
  const parts: number[][] = [[]]
  let filled = 0
  for (const index of indexes) {
    if (filled >= wished && parts.length < partsMax) {
      parts.push([])
      filled = 0
    }
    parts.at(-1)?.push(index)
    filled += lengths[index] ?? 0
  }
  return parts
}

function chunksOf(answer: CutAnswer, indexes: readonly number[]): { readonly places: Float64Array; readonly chunkIds: Uint8Array } {
  const ids = runsOf(answer)
  const places = new Float64Array(2 * indexes.length)
  const chunkIds = new Uint8Array(32 * indexes.length)
  indexes.forEach((index, at) => {
    const run = ids[index]
    invariant(run?.kind === 'chunk', 'a run is stored that is no chunk')
    places.set([answer.places[index] ?? 0, run.length], 2 * at)
    chunkIds.set(run.chunkId, 32 * at)
  })
  return { places, chunkIds }
}

function runsOf({ lengths, chunkIds }: CutAnswer): CutRun[] {
  let chunk = 0
  return Array.from(lengths, (length): CutRun => {
    if (length < 0) return { kind: 'hole', length: -length }
    const from = 32 * chunk++
    return { kind: 'chunk', length, chunkId: chunkIds.slice(from, from + 32) as Uint8Array as ChunkId }
  })
}
