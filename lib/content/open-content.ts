// One file's content while something of it is not published or somebody uses it. Guarded by the thread: only code
// between two awaits changes it; `flushing` says that a worker is sealing a part of it for the log.
import type { Arena } from '../store/arena.js'
import type { DirtyTable } from '../store/handover.js'
import type { LogPort, Lsn } from '../store/log-port.js'
import type { PoolPort } from '../store/pool-port.js'
import type { Entry, Moment } from '../tree/entry.js'
import type { Tree } from '../tree/tree.js'
import type { Unpublished } from '../tree/unpublished.js'
import { decodeContent, type ContentReference } from './content-reference.js'
import type { Source } from './extent.js'
import { ExtentMap } from './extent-map.js'
import type { PageStore } from './page-store.js'
import { ReservedRanges } from './reserved-ranges.js'

/** What the rooms of lib/content share. */
export interface ContentContext {
  readonly tree: Tree
  readonly unpublished: Unpublished
  readonly log: LogPort
  readonly pool: PoolPort
  readonly pages: PageStore
  readonly arena: Arena
  /** Where the dirty bytes are noted for a daemon that takes over; absent: none does. */
  readonly dirtyTable?: DirtyTable
  now(): Moment
  /** Monotonic. */
  nowMs(): number
  /** Something was published; `lsn` is the log's record of it. */
  published?(lsn: number): void
}

export class OpenContent {
  readonly ino: number
  readonly extents: ExtentMap
  /** For as long as this object lives. */
  readonly reserved = new ReservedRanges()
  /** What is published; the extents lie over it. */
  base: ContentReference
  /** Bytes, with what is only in memory. */
  size: number
  /** Of writes that are not logged yet; they become the entry's times with the next record. */
  times: Moment | undefined
  /** When the oldest byte that is only in memory was written, monotonic milliseconds; Infinity: there is none. */
  dirtySinceMs = Infinity
  /** The spill to the log that is under way. */
  flushing: Promise<void> | undefined
  /** Records of it that hold only together, and whose end is not logged yet: what is only in memory belongs to them. */
  group: { readonly first: Lsn; size: number } | undefined
  /** Writes of which a part found room and the rest waits for some. */
  halfTaken = 0
  /** Until then the rest of a write may come: monotonic milliseconds. */
  restUntilMs = 0
  /** Chunks are being cut from the dirty data of a large file while it is still written. */
  streaming: Promise<void> | undefined
  /** How many such stretches are under way, and where the last of them was cut; undefined until it is. */
  streams = 0
  cutUntil: number | undefined
  /** When streaming last got on: monotonic milliseconds. */
  streamedAtMs = 0
  /** Writers wait while it is set: somebody needs the file still for a moment. */
  gate: Promise<undefined> | undefined
  /** Operations that hold on to this object across an await: it must stay the one of its file. */
  pins = 0
  /** Bumped by every change: what was planned before may be stale. */
  version = 0

  constructor(entry: Entry, release: (source: Source) => void) {
    this.ino = entry.ino
    this.extents = new ExtentMap(release)
    this.base = decodeContent(entry.content)
    this.size = entry.size
  }

  /** All that was written is in the log, and holds. */
  get isLogged(): boolean {
    return this.extents.memoryBytes === 0 && this.group === undefined
  }

  get idle(): boolean {
    return this.extents.size === 0 && this.group === undefined && this.pins === 0 && this.times === undefined
  }

  /** 512-byte units that are not hole: exact when all is published, an estimate from above before. */
  get blocks(): number {
    const { dataBytes, holeBytes } = this.extents
    const allocated = Math.max(this.base.allocated - holeBytes, 0) + dataBytes
    return Math.ceil(Math.min(allocated, this.size) / 512)
  }

  /** What a stat shows: with what was reserved, as a program expects that reserved it. */
  get blocksShown(): number {
    return Math.max(this.blocks, Math.ceil(this.reserved.bytes / 512))
  }

  /** The oldest log record that its unpublished data needs; Infinity: none. */
  neededLsn(): number {
    let needed = Infinity
    for (const { source } of this.extents.all()) {
      if (source.kind === 'memory') continue
      needed = Math.min(needed, source.lsn, source.kind === 'log' ? source.extent.lsn : Infinity)
    }
    return needed
  }
}
