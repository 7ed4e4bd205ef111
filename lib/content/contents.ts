// Every file's content that is open to change or to reading, and the room for dirty data that they share.
import type { DirtyRow } from '../store/handover.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Entry } from '../tree/entry.js'
import { encodeContent, type ContentReference } from './content-reference.js'
import type { Source } from './extent.js'
import { HandedOver } from './handed-over.js'
import { OpenContent, type ContentContext } from './open-content.js'
import { RoomQueue } from './room-queue.js'
import { drain, restOfWrite, spill } from './spill.js'
import { isAhead, stream, streamLags } from './streaming.js'
import { buffer } from './write-buffer.js'

export class Contents {
  readonly context: ContentContext
  readonly #open = new Map<number, OpenContent>()
  /** So many open ones are looked through for idle ones: not at each opening, when most of them are in use. */
  #dropAt: number = limits.cachedContentsMax
  readonly #dirty = new Set<OpenContent>()
  readonly #queue = new RoomQueue()
  /** Absent: nobody takes over when this daemon dies. */
  readonly #handedOver: HandedOver | undefined

  constructor(context: ContentContext) {
    this.context = context
    this.#handedOver = context.dirtyTable === undefined ? undefined : new HandedOver(context, context.dirtyTable)
  }

  /** The content of a file; the caller looks the entry up first. */
  of(entry: Entry): OpenContent {
    const known = this.#open.get(entry.ino)
    if (known !== undefined) return known
    const content = new OpenContent(entry, (source) => this.#release(source))
    this.#open.set(entry.ino, content)
    if (this.#open.size > this.#dropAt) this.#dropIdle(content)
    return content
  }

  peek(ino: number): OpenContent | undefined {
    return this.#open.get(ino)
  }

  all(): IterableIterator<OpenContent> {
    return this.#open.values()
  }

  get dirtyBytes(): number {
    let bytes = 0
    for (const { extents } of this.#dirty) bytes += extents.memoryBytes
    return bytes
  }

  /** Of data that is not published, in memory or in the log. */
  get unpublishedBytes(): number {
    let bytes = 0
    for (const { extents } of this.#open.values()) bytes += extents.dataBytes
    return bytes
  }

  /** Of those, what lies in no blob yet: publishing will need about as much room for it. */
  get unstoredBytes(): number {
    let bytes = 0
    for (const { extents } of this.#open.values()) bytes += extents.unstoredBytes
    return bytes
  }

  get dirtyFiles(): number {
    return this.#dirty.size
  }

  /**
   * Takes all of `data`; waits (a promise) while the arena is full. Answers the number of bytes taken, or rejects when
   * nothing can be logged any more. `mayWait`: once, for a stream that lags behind.
   */
  write(content: OpenContent, offset: number, data: Uint8Array, mayWait = true): number | Promise<number> {
    if (content.gate !== undefined) return this.pinned(content, content.gate.then(() => this.write(content, offset, data)))
    if (this.context.log.sizeBytes > limits.logBytesMax * 2) return this.pinned(content, this.#writeLater(content, offset, data))
    if (mayWait && isAhead(content)) return this.pinned(content, this.#queue.wait(limits.streamLagMs).then(() => this.write(content, offset, data, false)))
    const taken = this.#buffer(content, offset, data)
    if (taken > 0) this.#dirty.add(content)
    if (taken === data.byteLength) {
      if (this.context.arena.usedBytes > this.context.arena.sizeBytes * limits.arenaSpillShare) this.relieve()
      return taken
    }
    return this.#writeRest(content, offset, data, taken)
  }

  /** The object stays the one of its file until the work has ended. */
  pinned<Value>(content: OpenContent, work: Promise<Value>): Promise<Value> {
    content.pins++
    return work.finally(() => {
      content.pins--
    })
  }

  /**
   * Calls `view` when everything written to the file is logged; for a file that is written all the time, writers wait
   * for that long.
   */
  async still<Value>(content: OpenContent, view: () => Value): Promise<Value> {
    await this.pinned(content, restOfWrite(content, this.context).then(() => this.drain(content)))
    if (content.isLogged) return view()
    const gate = Promise.withResolvers<undefined>()
    content.gate = gate.promise
    try {
      while (!content.isLogged) await this.pinned(content, Promise.resolve(this.drain(content)))
      return view()
    } finally {
      content.gate = undefined
      gate.resolve(undefined)
    }
  }

  /** Logs what of the file is only in memory; it holds at the latest when what is under way with the file has ended. Undefined: done at once. */
  spill(content: OpenContent): Promise<void> | undefined {
    const spilling = spill(content, this.context, 'later')
    if (spilling !== undefined) return spilling.then(() => this.#spilled(content))
    this.#noteClean(content)
    return undefined
  }

  /** As `spill`, and what is being cut into chunks is waited for too: all of it holds. */
  drain(content: OpenContent): Promise<void> | undefined {
    const draining = drain(content, this.context)
    if (draining !== undefined) return draining.then(() => this.#spilled(content))
    this.#noteClean(content)
    return undefined
  }

  /** Logs what is older than a moment (monotonic): the one-second rule. */
  spillOlderThan(ms: number): Promise<unknown> {
    return Promise.all([...this.#dirty].filter(({ dirtySinceMs }) => dirtySinceMs <= ms).map((content) => this.spill(content)))
  }

  spillAll(): Promise<unknown> {
    return Promise.all([...this.#dirty].map((content) => this.pinned(content, restOfWrite(content, this.context).then(() => this.drain(content)))))
  }

  /** The arena fills: a large file's chunks are cut; when that lags, the file with most dirty bytes goes to the log. */
  relieve(): void {
    let largest: OpenContent | undefined
    for (const content of this.#dirty) {
      if (content.flushing === undefined && content.extents.memoryBytes > (largest?.extents.memoryBytes ?? 0)) largest = content
    }
    if (largest === undefined) return
    const streamed = largest
    if (stream(streamed, this.context, () => { this.relieve() })) {
      streamed.streaming?.then(() => this.#streamed(streamed)).catch((error: unknown) => this.#streamFailed(streamed, error))
      return
    }
    // Waiting for the cut costs less than to log the bytes and to read them back.
    if (largest.streaming !== undefined && !streamLags(largest, this.context)) return
    const spilling = this.spill(largest)
    if (spilling === undefined) this.#spilled(largest)
    else spilling.catch((error: unknown) => this.fail(error))
  }

  /** Chunks that hold only together with what is still in memory: that is logged at once. */
  async #streamed(content: OpenContent): Promise<void> {
    await (content.group === undefined ? this.#spilled(content) : this.spill(content))
  }

  /** What keeps chunks from being stored may not keep the log from taking the bytes. */
  #streamFailed(content: OpenContent, error: unknown): void {
    if (error instanceof VaultError && error.code === 'broken-invariant') this.fail(error)
    else this.spill(content)?.catch((worse: unknown) => this.fail(worse))
  }

  /**
   * The log was flushed: the bytes that it has now are given back. Not before, or a daemon that took over in between
   * would find them neither here nor there.
   */
  flushed(): void {
    if (this.#handedOver?.waits !== true) return
    this.#handedOver.giveBack()
    this.#queue.wake()
  }

  /** What a daemon left that died: as if it had just been written. */
  adopt(entry: Entry, { row, start, length, position }: DirtyRow): void {
    const content = this.of(entry)
    this.context.arena.adopt(position)
    content.extents.put({ start, end: start + length, source: { kind: 'memory', position, length, users: 0, readers: 0, row, sinceMs: this.context.nowMs(), oldest: 0, newest: content.version + 1, inOrder: false }, skip: 0 })
    content.version++
    content.size = Math.max(content.size, start + length)
    content.times = this.context.now()
    this.#noteDirty(content)
  }

  /** What a daemon left in the log whose end is still to be said. */
  adoptGroups(): void {
    for (const content of this.#open.values()) if (content.group !== undefined) this.#noteDirty(content)
  }

  /** The log has shrunk: who waited for that tries again. */
  resume(): void {
    this.#queue.wake()
  }

  /** Nothing can be logged: those who wait for room are told. Cleared by the next spill that works. */
  fail(error: unknown): void {
    this.#queue.fail(error)
  }

  /** What was logged of the file up to `throughLsn` is published: its extents go, the content reference takes their place. */
  installPublished(ino: number, reference: ContentReference, throughLsn: number): void {
    const entry = this.context.tree.edit(ino)
    entry.content = encodeContent(reference)
    const content = this.#open.get(ino)
    if (content === undefined) return
    content.base = reference
    content.extents.removeWhere(({ source }) => source.kind !== 'memory' && source.lsn <= throughLsn)
    content.version++
    entry.blocks = content.blocks
  }

  /** The entry ended: its bytes are nobody's. */
  discard(ino: number): void {
    const content = this.#open.get(ino)
    if (content === undefined) return
    this.#open.delete(ino)
    this.#dirty.delete(content)
    content.extents.removeWhere(() => true)
  }

  async #writeRest(content: OpenContent, offset: number, data: Uint8Array, taken: number): Promise<number> {
    content.pins++
    content.halfTaken++
    try {
      while (taken < data.byteLength) {
        this.relieve()
        await this.#queue.wait(limits.streamLagMs)
        if (this.#queue.failure !== undefined) {
          if (taken > 0) return taken
          throw this.#queue.failure
        }
        const more = this.#buffer(content, offset + taken, data.subarray(taken))
        if (more > 0) this.#dirty.add(content)
        taken += more
      }
      return taken
    } finally {
      content.halfTaken--
      content.pins--
    }
  }

  #buffer(content: OpenContent, offset: number, data: Uint8Array): number {
    return this.#handedOver === undefined ? buffer(content, offset, data, this.context) : this.#handedOver.buffer(content, offset, data)
  }

  /** Publishing is far behind: writers wait until the log has shrunk, or it would take the disk. */
  async #writeLater(content: OpenContent, offset: number, data: Uint8Array): Promise<number> {
    while (this.context.log.sizeBytes > limits.logBytesMax * 2) {
      await this.#queue.wait()
      if (this.#queue.failure !== undefined) throw this.#queue.failure
    }
    return await this.write(content, offset, data)
  }

  /** Not in the batch of a request, whose end flushes. */
  #spilled(content: OpenContent): void {
    this.#noteClean(content)
    if (this.#handedOver?.waits !== true) return
    try {
      this.context.log.flush()
    } catch {
      // A full disk: the bytes stay until a flush works, which the next batch tries.
      return
    }
    this.flushed()
  }

  #noteDirty(content: OpenContent): void {
    content.dirtySinceMs = Math.min(content.dirtySinceMs, this.context.nowMs())
    this.#dirty.add(content)
  }

  #noteClean(content: OpenContent): void {
    this.#queue.recover()
    if (content.isLogged) this.#dirty.delete(content)
  }

  #release(source: Source): void {
    if (source.kind !== 'memory') return
    if (this.#handedOver !== undefined) return this.#handedOver.release(source)
    this.context.arena.free(source.position)
    this.#queue.wake()
  }

  /** `but`: somebody is about to use it, so it must stay the one of its file. */
  #dropIdle(but: OpenContent): void {
    for (const [ino, content] of this.#open) {
      if (this.#open.size <= limits.cachedContentsMax * 0.75) break
      if (content.idle && content !== but) this.#open.delete(ino)
    }
    this.#dropAt = Math.max(limits.cachedContentsMax, this.#open.size * 1.25)
  }
}
