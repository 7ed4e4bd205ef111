// Shows what is in flight: one line that is rewritten at a terminal, plain lines when it goes to a file, and then only
// when the phase changes.

import type { WriteStream } from 'node:tty'
import type { OnProgress, Progress } from '../lib/control/progress.js'
import { progressText } from './report.js'

export class ProgressLine {
  readonly #output: WriteStream
  #phase: Progress['phase'] | undefined
  #shown = false

  constructor(output: WriteStream) {
    this.#output = output
  }

  readonly report: OnProgress = (progress) => {
    if (progress.entries === 0 && progress.bytes === 0 && !this.#shown) return
    if (this.#output.isTTY) this.#output.write(`\r\u001b[K${progressText(progress)}`)
    else if (progress.phase !== this.#phase) this.#output.write(`${progressText(progress)}\n`)
    this.#phase = progress.phase
    this.#shown = true
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown && this.#output.isTTY) this.#output.write('\r\u001b[K')
  }
}
