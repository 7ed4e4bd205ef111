// A number of bytes that may be in use at once: whoever would pass it waits its turn. No vault has all of it, so that slow
// clients of one do not make those of another wait.
import { VaultError } from '../terms/errors.js'
import { nodeLimits } from './node-limits.js'

export interface BudgetOptions {
  readonly bytesMax: number
  readonly bytesPerVaultMax: number
  /** Undefined: as long as for a place. */
  readonly waitMs?: number
}

interface Waiting {
  readonly vault: string
  readonly bytes: number
  readonly begin: () => void
}

export class ByteBudget {
  readonly #options: BudgetOptions
  #used = 0
  readonly #usedBy = new Map<string, number>()
  #waiting: Waiting[] = []

  constructor(options: BudgetOptions) {
    this.#options = options
  }

  /** Resolves with how to give them back. More than a vault may ever have counts as all of that. Rejects 'busy' when it took too long. */
  async take(vault: string, bytes: number): Promise<() => void> {
    const counted = Math.min(bytes, this.#options.bytesPerVaultMax)
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        vault, bytes: counted,
        begin: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(new VaultError('busy', 'too many large answers at once', { next: 'try again in a while' }))
        // Who came later may have waited for this one alone.
        this.#serve()
      }, this.#options.waitMs ?? nodeLimits.placeWaitMs)
      this.#waiting.push(waiting)
      this.#serve()
    })
    return () => {
      this.#count(vault, -counted)
      this.#serve()
    }
  }

  #serve(): void {
    const { bytesMax, bytesPerVaultMax } = this.#options
    // Nobody overtakes who came first and needs much, or he would wait for ever; but no vault waits for another's own limit.
    const waitForThemselves = new Set<string>()
    for (const waiting of [...this.#waiting]) {
      if ((this.#usedBy.get(waiting.vault) ?? 0) + waiting.bytes > bytesPerVaultMax) waitForThemselves.add(waiting.vault)
      if (waitForThemselves.has(waiting.vault)) continue
      if (this.#used + waiting.bytes > bytesMax) return
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
      this.#count(waiting.vault, waiting.bytes)
      waiting.begin()
    }
  }

  #count(vault: string, bytes: number): void {
    const now = (this.#usedBy.get(vault) ?? 0) + bytes
    this.#used += bytes
    if (now === 0) this.#usedBy.delete(vault)
    else this.#usedBy.set(vault, now)
  }
}

/** What `read` answers, of at most `bytes`: counts until whoever sends it comes for more. */
export async function* counted(budget: ByteBudget, vault: string, bytes: number, read: () => Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  const release = await budget.take(vault, bytes)
  try {
    yield await read()
  } finally {
    release()
  }
}
