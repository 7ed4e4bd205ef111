// What the kernel is told without having asked, on its way to the native thread that sends it. Its queue is bounded; an
// invalidation that does not fit waits here and is offered again, because one that got lost would show old content for
// ever. Content for pages that does not fit is dropped: it will be asked for.
import type { Logger } from '../../lib/terms/log.js'
import type { Name } from './handler.js'
import type { Channel } from './native.js'
import { errno } from './protocol.js'

const retryMs = 10
/** While somebody waits for the kernel to act on one: it takes 20 µs, unless a page is being filled. */
const lookMs = 1
/** A directory may be locked by somebody who waits for us. */
const settleMs = 5000
/** FUSE_ROOT_ID of linux/fuse.h. */
const rootIno = 1
/** Of FUSE_NOTIFY_INVAL_INODE: pages stay. */
const attributesOnly = -1

type Notice = () => number

export class Notices {
  readonly #channel: Channel
  readonly #logger: Logger
  #waiting: Notice[] = []
  #timer: NodeJS.Timeout | undefined
  /** How many the native thread took, modulo 2^32. */
  #taken = 0
  #watchers: { readonly ticket: number; readonly done: () => void }[] = []
  #watching = false
  readonly #unseen = new Set<() => void>()

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

  /** The same; resolves when the kernel has dropped the pages, or can't be told any more. */
  inodeDone(ino: number, offset: number, length: number): Promise<void> {
    return new Promise((resolve) => {
      this.#unseen.add(resolve)
      this.#send(() => {
        const result = this.#channel.invalidateInode(ino, offset, length)
        // Counted when this has returned.
        if (result === 0) this.#watch((this.#taken + 1) >>> 0, resolve)
        else if (!isFull(result)) resolve()
        return result
      })
    })
  }

  /** Answers a ticket for `reached`, or undefined when there is no room for it now. */
  store(ino: number, offset: number, bytes: Uint8Array): number | undefined {
    if (this.#waiting.length > 0) return undefined
    if (this.#channel.storePages(ino, offset, bytes, bytes.byteLength) < 0) return undefined
    this.#taken = (this.#taken + 1) >>> 0
    return this.#taken
  }

  /** Whether the kernel has acted on it. */
  hasReached(ticket: number): boolean {
    return ((this.#channel.noticesSent() - ticket) | 0) >= 0
  }

  /** Resolves when it has, or can't be told any more. */
  reached(ticket: number): Promise<void> {
    return new Promise((resolve) => {
      this.#unseen.add(resolve)
      this.#watch(ticket, resolve)
    })
  }

  /** Resolves when the kernel has acted on all that was told before, or has not within a few seconds. */
  async settled(): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, settleMs)
    // They are acted on in their order; this one changes nothing.
    await Promise.race([this.inodeDone(rootIno, attributesOnly, 0), late.promise])
    clearTimeout(timer)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#watchers = []
    for (const done of this.#unseen) done()
    this.#unseen.clear()
  }

  #watch(ticket: number, done: () => void): void {
    this.#watchers.push({ ticket, done })
    if (this.#watching) return
    this.#watching = true
    setImmediate(() => { this.#look() })
  }

  #look(): void {
    const sent = this.#channel.noticesSent()
    // Tickets are at most a queue's length apart, far less than half of the numbers.
    const later = this.#watchers.findIndex(({ ticket }) => ((sent - ticket) | 0) < 0)
    const reached = this.#watchers.splice(0, later < 0 ? this.#watchers.length : later)
    this.#watching = this.#watchers.length > 0
    if (this.#watching) setTimeout(() => { this.#look() }, lookMs)
    for (const { done } of reached) {
      this.#unseen.delete(done)
      done()
    }
  }

  #send(notice: Notice): void {
    if (this.#waiting.length === 0 && this.#offer(notice)) return
    this.#waiting.push(notice)
    this.#timer ??= setTimeout(() => this.#retry(), retryMs)
  }

  #offer(notice: Notice): boolean {
    const result = notice()
    if (result === 0) this.#taken = (this.#taken + 1) >>> 0
    return !isFull(result)
  }

  #retry(): void {
    this.#timer = undefined
    const stuck = this.#waiting.findIndex((notice) => !this.#offer(notice))
    this.#waiting = stuck < 0 ? [] : this.#waiting.slice(stuck)
    if (stuck < 0) return
    this.#logger.log('warn', 'invalidations wait for the kernel', { waiting: this.#waiting.length })
    this.#timer = setTimeout(() => this.#retry(), retryMs)
  }
}

/** It may be offered again. */
function isFull(result: number): boolean {
  return result === -errno.EAGAIN || result === -errno.ENOMEM
}
