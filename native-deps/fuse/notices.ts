// Invalidations on their way to the native thread that sends them. Its queue is bounded; what does not fit waits here
// and is offered again, because an invalidation that got lost would show old content for ever.
import type { Logger } from '../../lib/terms/log.js'
import type { Name } from './handler.js'
import type { Channel } from './native.js'
import { errno } from './protocol.js'

const retryMs = 10

type Notice = () => number

export class Notices {
  readonly #channel: Channel
  readonly #logger: Logger
  #waiting: Notice[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(channel: Channel, logger: Logger) {
    this.#channel = channel
    this.#logger = logger
  }

  inode(ino: number, offset: number, length: number): void {
    this.#send(() => this.#channel.invalidateInode(ino, offset, length))
  }

  /** `expire`: the kernel keeps the name and what is below it, and asks before it uses it again. */
  entry(parent: number, name: Name, expire: boolean): void {
    const bytes = Buffer.from(name, 'latin1')
    this.#send(() => this.#channel.invalidateEntry(parent, bytes, expire))
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
  }

  #send(notice: Notice): void {
    if (this.#waiting.length === 0 && this.#taken(notice)) return
    this.#waiting.push(notice)
    this.#timer ??= setTimeout(() => this.#retry(), retryMs)
  }

  #taken(notice: Notice): boolean {
    const result = notice()
    return result !== -errno.EAGAIN && result !== -errno.ENOMEM
  }

  #retry(): void {
    this.#timer = undefined
    const stuck = this.#waiting.findIndex((notice) => !this.#taken(notice))
    this.#waiting = stuck < 0 ? [] : this.#waiting.slice(stuck)
    if (stuck < 0) return
    this.#logger.log('warn', 'invalidations wait for the kernel', { waiting: this.#waiting.length })
    this.#timer = setTimeout(() => this.#retry(), retryMs)
  }
}
