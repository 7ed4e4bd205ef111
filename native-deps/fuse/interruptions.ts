// FUSE_INTERRUPT says that a signal came for somebody who waits; once for each request, whatever the signal. Programs do
// not expect EINTR from a file when a timer or a child tells them something (a database takes it for a failed disk), so
// only who is to end is let go: killed, or told to by SIGINT, SIGTERM, SIGHUP or SIGQUIT. The kernel is silent about
// later signals, so whoever stays is looked at again until his answer is there.
import { readFileSync } from 'node:fs'

const lookAgainMs = 250
/** SIGHUP, SIGINT, SIGQUIT, SIGTERM, and SIGKILL, which the kernel also adds when another signal ends the process. */
const ending = [1, 2, 3, 9, 15].reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n)

/** Whether the text of /proc/PID/status shows a signal that ends the thread, or wishes it to end, and is not blocked. */
export function hasEndingSignal(status: string): boolean {
  const mask = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`)
  return (((mask('SigPnd') | mask('ShdPnd')) & ~mask('SigBlk')) & ending) !== 0n
}

/** Who is not there any more, or can't be seen from here, waits for nothing that is worth it. */
function isToEnd(pid: number): boolean {
  try {
    return hasEndingSignal(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return true
  }
}

export interface Interruptible {
  readonly key: number
  readonly pid: number
}

export interface InterruptionParts<Waiting extends Interruptible> {
  /** Whoever waits under this key now. */
  readonly waiting: (key: number) => Waiting | undefined
  /** Called once, with one that is still waited for. */
  readonly giveUp: (waiting: Waiting) => void
}

export class Interruptions<Waiting extends Interruptible> {
  readonly #parts: InterruptionParts<Waiting>
  readonly #keys = new Set<number>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: InterruptionParts<Waiting>) {
    this.#parts = parts
  }

  interrupt(key: number): void {
    this.#keys.add(key)
    this.#look()
  }

  /** Nobody is looked at any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#keys.clear()
  }

  #look(): void {
    for (const key of this.#keys) {
      const waiting = this.#parts.waiting(key)
      if (waiting !== undefined && !isToEnd(waiting.pid)) continue
      this.#keys.delete(key)
      if (waiting !== undefined) this.#parts.giveUp(waiting)
    }
    if (this.#keys.size === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#look()
    }, lookAgainMs)
  }
}
