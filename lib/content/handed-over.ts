// Dirty bytes where the next daemon would find them (lib/store/handover.ts): what is written is there whole or not at all,
// and nothing is given back before the log has it.
import type { DirtyTable } from '../store/handover.js'
import type { MemorySource } from './extent.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { buffer } from './write-buffer.js'

export class HandedOver {
  readonly #context: ContentContext
  readonly #table: DirtyTable
  /** Nobody needs them any more, once the log's newest record is in the kernel's hands. */
  #superseded: MemorySource[] = []
  /** Bytes are just being copied: what they replace counts until all of them are there. */
  #isWriting = false

  constructor(context: ContentContext, table: DirtyTable) {
    this.#context = context
    this.#table = table
  }

  /** Whether something waits for the log to be flushed. */
  get waits(): boolean {
    return this.#superseded.length > 0
  }

  /** As `buffer`; who takes over when this daemon dies in the middle takes back what it had changed. */
  buffer(content: OpenContent, offset: number, data: Uint8Array): number {
    const { extents, ino } = content
    const { arena, log } = this.#context
    const end = offset + data.byteLength
    const dirty = extents.overlapping(offset, end).flatMap(({ source, skip, start, end: until }) => {
      if (source.kind !== 'memory') return []
      const from = Math.max(start, offset)
      const at = source.position + skip + from - start
      return [{ at: from - offset, bytes: arena.bytes.subarray(at, at + Math.min(until, end) - from) }]
    })
    const last = extents.endingAt(extents.end)?.source
    this.#table.beginWrite({ ino, start: offset, length: data.byteLength, last: last?.kind === 'memory' ? last : undefined }, dirty)
    const before = this.#superseded.length
    this.#isWriting = true
    const taken = buffer(content, offset, data, this.#context)
    this.#isWriting = false
    this.#table.endWrite()
    for (const { row } of this.#superseded.slice(before)) this.#table.supersede(row, log.lastLsn)
    return taken
  }

  /** No extent shows it any more. */
  release(source: MemorySource): void {
    if (!this.#isWriting) this.#table.supersede(source.row, this.#context.log.lastLsn)
    this.#superseded.push(source)
  }

  /** The log was flushed. */
  giveBack(): void {
    for (const { position, row } of this.#superseded) {
      this.#table.free(row)
      this.#context.arena.free(position)
    }
    this.#superseded = []
  }
}
