// Prompts. Rules: raw mode is set before a prompt is printed (the other order echoes what is typed early); what is typed
// is never echoed where it is secret; Ctrl-C gives the terminal back as it was; without a terminal nothing is asked, the
// option to use instead is named. Prompts go to standard error, so that standard output stays clean for scripts.

import type { ReadStream, WriteStream } from 'node:tty'
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'

export class Terminal {
  readonly #input: ReadStream
  readonly #output: WriteStream
  /** Typed or pasted after the end of an answer: belongs to the next question. */
  #ahead = Buffer.alloc(0)

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input
    this.#output = output
  }

  get present(): boolean {
    return this.#input.isTTY
  }

  /** `instead` names the option that answers without a terminal. */
  require(instead: string): void {
    if (!this.present) throw new VaultError('usage', 'there is no terminal to ask at', { next: `use ${instead}` })
  }

  /** The answer as bytes, for the caller to wipe. */
  async secret(prompt: string, instead: string): Promise<Uint8Array> {
    this.require(instead)
    return this.#ask(prompt, false)
  }

  async line(prompt: string, instead: string): Promise<string> {
    this.require(instead)
    return (await this.#ask(prompt, true)).toString('utf8').trim()
  }

  /** All that is piped in. Not by readSync: the stream has made the pipe one that does not wait. */
  async piped(): Promise<Uint8Array> {
    const pieces: Buffer[] = []
    let length = 0
    for await (const piece of this.#input as AsyncIterable<Buffer>) {
      pieces.push(piece)
      length += piece.length
      if (length > limits.secretBytesMax) throw new VaultError('too-large', `standard input holds more than ${limits.secretBytesMax} bytes`, { next: 'that is no secret of a vault' })
    }
    return new Uint8Array(Buffer.concat(pieces))
  }

  async confirm(prompt: string, instead: string): Promise<boolean> {
    return /^y(es)?$/i.test(await this.line(`${prompt} [y/N] `, instead))
  }

  note(text: string): void {
    this.#output.write(`${text}\n`)
  }

  /** Takes back what was shown: the screen and, where the terminal knows how, what scrolled off it. */
  clear(): void {
    if (this.#output.isTTY) this.#output.write('\u001b[H\u001b[2J\u001b[3J')
  }

  async #ask(prompt: string, echo: boolean): Promise<Buffer> {
    const input = this.#input
    input.setRawMode(true)
    try {
      this.#output.write(prompt)
      return await this.#read(echo)
    } finally {
      input.setRawMode(false)
      input.pause()
      this.#output.write('\n')
    }
  }

  #read(echo: boolean): Promise<Buffer> {
    const input = this.#input
    const answer = new Answer()
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        input.off('data', take)
        input.off('end', ended)
      }
      const ended = (): void => {
        stop()
        reject(cancelled())
      }
      const take = (bytes: Buffer): void => {
        for (let at = 0; at < bytes.length; at++) {
          const outcome = answer.type(bytes[at] ?? 0)
          if (outcome === 'typing') continue
          this.#ahead = Buffer.from(bytes.subarray(at + 1))
          stop()
          if (outcome === 'cancelled') return reject(cancelled())
          if (echo) this.#output.write(answer.bytes)
          return resolve(answer.bytes)
        }
      }
      input.on('data', take)
      input.on('end', ended)
      input.resume()
      const ahead = this.#ahead
      this.#ahead = Buffer.alloc(0)
      if (ahead.length > 0) take(ahead)
    })
  }
}

/** One line being typed in raw mode, where we are the ones who understand backspace. */
class Answer {
  readonly #bytes = Buffer.alloc(limits.secretBytesMax)
  #length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  type(byte: number): 'typing' | 'done' | 'cancelled' {
    switch (byte) {
      case 0x0d: // Enter
      case 0x0a:
        return 'done'
      case 0x03: // Ctrl-C
        return 'cancelled'
      case 0x04: // Ctrl-D
        return this.#length === 0 ? 'cancelled' : 'typing'
      case 0x15: // Ctrl-U
        this.#length = 0
        return 'typing'
      case 0x08: // Backspace, as either of its two codes
      case 0x7f:
        this.#erase()
        return 'typing'
      default:
        if (byte >= 0x20 && this.#length < limits.secretBytesMax) this.#bytes[this.#length++] = byte
        return 'typing'
    }
  }

  /** One character of UTF-8: its continuation bytes and its first. */
  #erase(): void {
    while (this.#length > 0 && ((this.#bytes[this.#length - 1] ?? 0) & 0xc0) === 0x80) this.#length--
    if (this.#length > 0) this.#length--
  }
}

function cancelled(): VaultError {
  return new VaultError('cancelled', 'cancelled; nothing was changed')
}
