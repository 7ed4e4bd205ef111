// Which requests were answered and which still wait, so that a watchdog can tell a mount under load from one that forgot
// somebody. Waiting ones stand in the order in which they came.
import type { RequestCounts } from './handler.js'

export interface WaitingRequest {
  /** 0 where the driver does not know. */
  readonly opcode: number
  readonly node: number
  /** performance.now() when it began to wait. */
  waitsSinceMs: number
}

export class RequestLedger<Entry extends WaitingRequest> {
  answered = 0
  readonly #waiting = new Map<number, Entry>()

  get waiting(): number {
    return this.#waiting.size
  }

  get(key: number): Entry | undefined {
    return this.#waiting.get(key)
  }

  /** Whether such a request for this inode waits. */
  waitsFor(opcode: number, node: number): boolean {
    for (const entry of this.#waiting.values()) if (entry.node === node && entry.opcode === opcode) return true
    return false
  }

  begin(key: number, entry: Entry): void {
    entry.waitsSinceMs = performance.now()
    this.#waiting.set(key, entry)
  }

  end(key: number): void {
    this.#waiting.delete(key)
  }

  counts(): RequestCounts {
    const [first] = this.#waiting.values()
    const oldest = first === undefined ? null : { opcode: first.opcode, ino: first.node, waitedMs: Math.round(performance.now() - first.waitsSinceMs) }
    return { answered: this.answered, waiting: this.#waiting.size, oldest }
  }
}
