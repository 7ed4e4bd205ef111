// How far long work is, of which the whole is known: one line that is rewritten at a terminal (share, rate, time left),
// a plain line every ten seconds when it goes to a file.

import type { WriteStream } from 'node:tty'
import { bytesText } from './report.js'

export interface WorkProgress {
  /** What is being done, in a word or two; a new one begins anew. */
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

const rewriteMs = 200
const plainMs = 10_000

export class WorkProgressLine {
  readonly #output: WriteStream
  readonly #nowMs: () => number
  #phase = ''
  #beganMs = 0
  #shownMs = -Infinity
  #shown = false

  constructor(output: WriteStream, nowMs: () => number = () => performance.now()) {
    this.#output = output
    this.#nowMs = nowMs
  }

  report(progress: WorkProgress): void {
    const now = this.#nowMs()
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase
      this.#beganMs = now
      // A short phase at a file says nothing.
      this.#shownMs = this.#output.isTTY ? -Infinity : now
    }
    if (now - this.#shownMs < (this.#output.isTTY ? rewriteMs : plainMs)) return
    this.#shownMs = now
    const text = progressText(progress, now - this.#beganMs)
    this.#output.write(this.#output.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
    this.#shown = true
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown && this.#output.isTTY) this.#output.write('\r\u001b[K')
    this.#shown = false
  }
}

function progressText({ phase, done, total, unit }: WorkProgress, elapsedMs: number): string {
  const amount = (value: number): string => (unit === 'bytes' ? bytesText(value) : String(Math.round(value)))
  const share = total === 0 ? 100 : Math.min(100, Math.floor((100 * done) / total))
  const perSec = elapsedMs < 1000 ? undefined : done / (elapsedMs / 1000)
  const rate = perSec === undefined ? '' : `, ${amount(perSec)}/s`
  const left = perSec === undefined || perSec === 0 || done >= total ? '' : `, ${timeText((total - done) / perSec)} left`
  return `${phase}: ${share} % (${amount(done)} of ${amount(total)})${rate}${left}`
}

/** 'minutes:seconds', with hours where there are some. */
export function timeText(sec: number): string {
  const whole = Math.ceil(sec)
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}
