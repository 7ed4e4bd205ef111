// How far nodes are, for who waits for them: one line that is rewritten at a terminal (what is left, rate, time left, each
// node), a plain one when it goes to a file, every ten seconds and when a node's state changes.

import type { WriteStream } from 'node:tty'
import type { PeerProgress, Progress } from '../lib/control/progress.js'
import { bytesText, count } from './report.js'
import { timeText } from './work-progress.js'

const plainMs = 10_000
/** Before that a rate says nothing. */
const rateAfterMs = 1000

export class SendingLine {
  readonly #output: WriteStream
  readonly #nowMs: () => number
  #first: { readonly ms: number; readonly bytes: number } | undefined
  #shownMs = -Infinity
  #states = ''
  #shown = false

  constructor(output: WriteStream, nowMs: () => number = () => performance.now()) {
    this.#output = output
    this.#nowMs = nowMs
  }

  report({ entries, bytes, peers = [] }: Progress): void {
    const now = this.#nowMs()
    this.#first ??= { ms: now, bytes }
    const states = peers.map(({ name, state }) => `${name} ${state}`).join()
    if (!this.#output.isTTY && states === this.#states && now - this.#shownMs < plainMs) return
    this.#states = states
    this.#shownMs = now
    const text = `sending: ${count(entries, 'blob')}, ${bytesText(bytes)} to go${this.#pace(now, bytes)}${peers.length === 0 ? '' : `; ${peers.map(peerText).join(', ')}`}`
    this.#output.write(this.#output.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
    this.#shown = true
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown && this.#output.isTTY) this.#output.write('\r\u001b[K')
    this.#shown = false
  }

  #pace(now: number, bytes: number): string {
    const { ms, bytes: before } = this.#first ?? { ms: now, bytes }
    const perSec = (1000 * (before - bytes)) / (now - ms)
    return now - ms < rateAfterMs || perSec <= 0 ? '' : `, ${bytesText(Math.round(perSec))}/s, ${timeText(bytes / perSec)} left`
  }
}

function peerText({ name, state, blobsLeft }: PeerProgress): string {
  return `${name} ${blobsLeft > 0 ? `${state} ${blobsLeft}` : state}`
}
