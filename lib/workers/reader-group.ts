// The reader threads as one: small reads of a blob go to the thread that has its table and opened pieces, unless that one
// is busier than another; large ones to whoever is least busy.
import { availableParallelism } from 'node:os'
import type { Piece } from '../store/content-piece.js'
import type { ReaderJob } from './messages.js'
import type { WorkerLink } from './worker-link.js'

export interface ReaderThread {
  readonly link: WorkerLink<ReaderJob>
  /** Jobs that it was given and has not answered. */
  jobs: number
}

/** How much longer a preferred thread's line may be: opening a piece anew costs about as much as two small reads. */
const patience = 2

/** One more than processors, since one waits for the disk; those behind the second begin when others have to wait. */
export function readersMax(): number {
  const processors = availableParallelism()
  return processors === 1 ? 1 : Math.min(processors + 1, 4)
}

export class ReaderGroup {
  readonly #threads: ReaderThread[] = []
  #onCrowd: (() => void) | undefined

  /** Called once, when somebody has to wait because all threads have work. */
  whenCrowded(callback: () => void): void {
    this.#onCrowd = callback
  }

  /** A thread counts from the moment when it is ready, or it would keep its first jobs waiting. */
  add(link: WorkerLink<ReaderJob>): void {
    this.#threads.push({ link, jobs: 0 })
  }

  /** Hands `run` a thread and counts the job until its promise settles. `affinity`: any number, equal for what belongs together. */
  async use<Result>(affinity: number | undefined, run: (link: WorkerLink<ReaderJob>) => Promise<Result>): Promise<Result> {
    const thread = this.#pick(affinity)
    if (this.#onCrowd !== undefined && this.#threads.every(({ jobs }) => jobs > 0)) {
      const tell = this.#onCrowd
      this.#onCrowd = undefined
      tell()
    }
    thread.jobs++
    try {
      return await run(thread.link)
    } finally {
      thread.jobs--
    }
  }

  #pick(affinity: number | undefined): ReaderThread {
    const least = this.#threads.reduce((best, each) => (each.jobs < best.jobs ? each : best))
    if (affinity === undefined) return least
    const preferred = this.#threads[affinity % this.#threads.length]
    return preferred !== undefined && preferred.jobs <= least.jobs + patience ? preferred : least
  }
}

/** Of the first blob or log extent: what small reads of one file have in common. */
export function affinityOf(pieces: readonly Piece[]): number | undefined {
  for (const piece of pieces) {
    if (piece.kind === 'blob') return piece.reference.blobId[0]
    if (piece.kind === 'log') return piece.extent.ino
  }
  return undefined
}
