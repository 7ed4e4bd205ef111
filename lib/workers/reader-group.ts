// The reader threads as one: small reads of a blob go to the thread that has its table and opened pieces, unless that one
// is busier than another; large ones to whoever is least busy.
import type { ReaderJob } from './messages.js'
import type { WorkerLink } from './worker-link.js'

export interface ReaderThread {
  readonly link: WorkerLink<ReaderJob>
  /** Jobs that it was given and has not answered. */
  jobs: number
}

/** How much longer a preferred thread's line may be: opening a piece anew costs about as much as two small reads. */
const patience = 2

export class ReaderGroup {
  readonly #threads: ReaderThread[] = []

  /** A thread counts from the moment when it is ready, or it would keep its first jobs waiting. */
  add(link: WorkerLink<ReaderJob>): void {
    this.#threads.push({ link, jobs: 0 })
  }

  /** Hands `run` a thread and counts the job until its promise settles. `affinity`: any number, equal for what belongs together. */
  async use<Result>(affinity: number | undefined, run: (link: WorkerLink<ReaderJob>) => Promise<Result>): Promise<Result> {
    const thread = this.#pick(affinity)
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
