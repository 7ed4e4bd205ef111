// Dirty data goes from the arena to the log: little of it sealed here and at once, more of it by a worker. One spill a
// file at a time, so that its records stand in the order in which the writes came.
import type { LogExtent, SealedExtent } from '../store/log-port.js'
import { limits } from '../terms/limits.js'
import { touchWritten, type Entry } from '../tree/entry.js'
import type { Extent, MemorySource, Source } from './extent-map.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { encodeChange } from './records.js'

export interface DirtyExtent extends Extent {
  readonly source: MemorySource
}

/** Bytes that a worker seals in one call. */
const batchBytes = 1024 * 1024
/** Calls under way at once. */
const batchesAhead = 3

/**
 * Logs what is only in memory. Resolves (or answers undefined at once) when all that was dirty at the call is in the
 * log; in the kernel's hands after the log's next flush, on the disk after its next sync.
 */
export function spill(content: OpenContent, context: ContentContext): Promise<void> | undefined {
  if (content.flushing !== undefined) return content.flushing.then(() => spill(content, context))
  const dirty = dirtyExtents(content)
  content.dirtySinceMs = Infinity
  if (dirty.length === 0) return undefined
  if (dirty.reduce((sum, { start, end }) => sum + end - start, 0) <= limits.mainSealBytesMax) {
    for (const extent of dirty) {
      const data = context.arena.bytes.subarray(extent.source.position + extent.skip, extent.source.position + extent.skip + extent.end - extent.start)
      const body = nextChange(content, extent, context)
      settle(content, extent, context.log.appendExtent(body, content.ino, extent.start, data), context)
    }
    return undefined
  }
  for (const { source } of dirty) content.extents.lend(source)
  content.pins++
  content.flushing = spillThroughWorkers(content, dirty, context).finally(() => {
    content.flushing = undefined
    content.pins--
  })
  return content.flushing
}

/** As `spill`, and what is being cut into chunks is waited for: everything written before the call is in the log after. */
export function drain(content: OpenContent, context: ContentContext): Promise<void> | undefined {
  return content.streaming === undefined ? spill(content, context) : content.streaming.then(() => drain(content, context))
}

export function dirtyExtents(content: OpenContent): DirtyExtent[] {
  const isDirty = (extent: Extent): extent is DirtyExtent => extent.source.kind === 'memory' && extent.source.readers === 0
  return content.extents.memoryBytes === 0 ? [] : content.extents.all().filter(isDirty)
}

async function spillThroughWorkers(content: OpenContent, dirty: readonly DirtyExtent[], context: ContentContext): Promise<void> {
  const batches = inBatches(dirty)
  const sealed = batches.slice(0, batchesAhead).map((batch) => seal(content, batch, context))
  let done = 0
  try {
    for (let index = 0; index < batches.length; index++) {
      const lease = await sealed[index]
      const ahead = batches[index + batchesAhead]
      if (ahead !== undefined) sealed.push(seal(content, ahead, context))
      lease?.extents.forEach((each, at) => appendSealed(content, batches[index]?.[at], each, context))
      lease?.release()
      done++
      for (const { source } of batches[index] ?? []) content.extents.takeBack(source)
      // At once: the log's memory for what it has not written is small.
      context.log.flush()
    }
  } catch (error) {
    // What is not logged stays in memory and dirty: the next spill takes it.
    for (const { source } of batches.slice(done).flat()) content.extents.takeBack(source)
    content.dirtySinceMs = Math.min(content.dirtySinceMs, context.nowMs())
    await Promise.allSettled(sealed.slice(done).map((each) => each.then(({ release }) => release())))
    throw error
  }
}

function seal(content: OpenContent, batch: readonly DirtyExtent[], context: ContentContext): ReturnType<ContentContext['pool']['sealExtents']> {
  const extents = batch.map(({ start, end, source, skip }) => ({
    ino: content.ino, offset: start, position: source.position + skip, length: end - start,
  }))
  return context.pool.sealExtents(extents, context.log.generation)
}

function appendSealed(content: OpenContent, extent: DirtyExtent | undefined, sealed: SealedExtent, context: ContentContext): void {
  // A file that ended meanwhile needs no record.
  if (extent === undefined || context.tree.get(content.ino) === undefined) return
  const body = nextChange(content, extent, context)
  settle(content, extent, context.log.appendSealed(body, sealed), context)
}

/** The record's body; the entry has the size and times that it tells from now on. */
function nextChange(content: OpenContent, { start, end }: Extent, context: ContentContext): Uint8Array {
  const entry = context.tree.edit(content.ino)
  if (content.times !== undefined) touchWritten(entry, content.times, context.now())
  content.times = undefined
  entry.size = Math.max(entry.size, end)
  entry.blocks = content.blocks
  return encodeChange({ ino: content.ino, start, end, size: entry.size, ...timesOf(entry) })
}

export function timesOf(entry: Entry): { modified: { sec: number; nsec: number }; changed: { sec: number; nsec: number } } {
  return { modified: { sec: entry.mtimeSec, nsec: entry.mtimeNsec }, changed: { sec: entry.ctimeSec, nsec: entry.ctimeNsec } }
}

/** The parts of the extent that were not written over meanwhile lie in the log from now on. */
function settle(content: OpenContent, extent: DirtyExtent, logged: LogExtent, context: ContentContext): void {
  const source: Source = { kind: 'log', extent: logged, lsn: logged.lsn }
  context.unpublished.noteContent(content.ino, logged.lsn, context.nowMs())
  for (const { start, end, source: now } of content.extents.overlapping(extent.start, extent.end)) {
    if (now !== extent.source) continue
    const from = Math.max(start, extent.start)
    content.extents.put({ start: from, end: Math.min(end, extent.end), source, skip: from - extent.start })
  }
}

function inBatches(extents: readonly DirtyExtent[]): DirtyExtent[][] {
  const batches: DirtyExtent[][] = []
  let bytes = Infinity
  for (const extent of extents) {
    const length = extent.end - extent.start
    if (bytes + length > batchBytes) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(extent)
    bytes += length
  }
  return batches
}

