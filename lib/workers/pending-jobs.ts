// Answers that are waited for, by number. When a thread dies all of them end at once: after that nothing that was under
// way can be told from what was lost.
import type { VaultError } from '../terms/errors.js'
import { errorOf } from '../terms/posted-error.js'
import type { Answer } from './messages.js'

export type Done = Extract<Answer, { kind: 'done' }>

interface Waiting {
  readonly resolve: (answer: Done) => void
  readonly reject: (error: Error) => void
}

export class PendingJobs {
  readonly #waiting = new Map<number, Waiting>()
  #next = 1
  #idle: (() => void)[] = []

  get size(): number {
    return this.#waiting.size
  }

  /** `post` is given the job's number. */
  run(post: (id: number) => void): Promise<Done> {
    const id = this.number()
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      post(id)
    })
  }

  /** A number that no job has. */
  number(): number {
    return this.#next++
  }

  settle(answer: Extract<Answer, { id: number }>): void {
    const waiting = this.#waiting.get(answer.id)
    if (waiting === undefined) return
    this.#waiting.delete(answer.id)
    if (answer.kind === 'done') waiting.resolve(answer)
    else waiting.reject(errorOf(answer.error))
    this.#tellIdle()
  }

  rejectAll(error: VaultError): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of all) reject(error)
    this.#tellIdle()
  }

  /** Resolves when nothing is waited for. */
  async idle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #tellIdle(): void {
    if (this.#waiting.size > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
