// The buffers that requests are read into. A deferred write keeps the one its data lies in until it settles; when all
// are lent, reading stops until one comes back: that is how a slow store pushes back on the kernel.
import { VaultError } from '../../lib/terms/errors.js'
import type { Channel } from './native.js'
import { RequestBuffer } from './protocol-input.js'

/** Memory is only touched as far as requests fill it: 32 small writes waiting cost 32 pages, not 32 MiB. */
const buffersMax = 32

export class RequestBuffers {
  readonly #channel: Channel
  readonly #writeBytesMax: number
  readonly #free: RequestBuffer[] = []
  #made = 0

  constructor(channel: Channel, writeBytesMax: number) {
    this.#channel = channel
    this.#writeBytesMax = writeBytesMax
  }

  /** The most recently used free one, or undefined when all are lent. */
  take(): RequestBuffer | undefined {
    return this.#free.pop() ?? (this.#made < buffersMax ? this.#make() : undefined)
  }

  giveBack(buffer: RequestBuffer): void {
    this.#free.push(buffer)
  }

  #make(): RequestBuffer {
    const buffer = new RequestBuffer(this.#writeBytesMax)
    buffer.index = this.#channel.addBuffer(buffer.bytes)
    if (buffer.index < 0) throw new VaultError('broken-invariant', 'the kernel driver has no room for another request buffer')
    this.#made++
    return buffer
  }
}
