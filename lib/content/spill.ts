// Dirty data goes from the arena to the log: little of it sealed here and at once, more of it by a worker. One spill a
// file at a time, so that its records stand in the order in which the writes came.
import type { LogExtent, SealedExtent } from '../store/log-port.js'
import { limits } from '../terms/limits.js'
import type { Extent, MemorySource, Source } from './extent.js'
import { endGroup, logData, type Holding } from './log-group.js'
import type { ContentContext, OpenContent } from './open-content.js'

export interface DirtyExtent extends Extent {
  readonly source: MemorySource
}

/** Bytes that a worker seals in one call. */
const batchBytes = 1024 * 1024
/** Calls under way at once. */
const batchesAhead = 3

/**
 * How a group of records ends: `end`, here and now; `later`, when no stream and no write is half done with the file; `open`:
 * the caller ends it.
 */
export type GroupEnding = 'end' | 'later' | 'open'

/**
 * Logs what is only in memory. Resolves (or answers undefined at once) when all that was dirty at the call is in the
 * log; in the kernel's hands after the log's next flush, on the disk after its next sync. It holds when its group ends.
 */
export function spill(content: OpenContent, context: ContentContext, ending: GroupEnding): Promise<void> | undefined {
  if (content.flushing !== undefined) return content.flushing.then(() => spill(content, context, ending))
  const dirty = dirtyExtents(content)
  const ends = ending === 'end' || (ending === 'later' && content.streaming === undefined && content.halfTaken === 0 && content.restUntilMs <= context.nowMs())
  const holding = ends && dirty.length === 1 && content.group === undefined ? 'alone' : 'held'
  if (dirty.reduce((sum, { start, end }) => sum + end - start, 0) <= limits.mainSealBytesMax) {
    for (const extent of dirty) {
      const data = context.arena.bytes.subarray(extent.source.position + extent.skip, extent.source.position + extent.skip + extent.end - extent.start)
      settle(content, extent, logData(content, extent, holding, data, context), context)
    }
    if (ends) endGroup(content, context)
    content.dirtySinceMs = content.group === undefined ? Infinity : context.nowMs()
    return undefined
  }
  for (const { source } of dirty) content.extents.lend(source)
  content.dirtySinceMs = ends ? Infinity : context.nowMs()
  content.pins++
  content.flushing = spillThroughWorkers(content, dirty, { holding, ends }, context).finally(() => {
    content.flushing = undefined
    content.pins--
  })
  return content.flushing
}

/** As `spill`, and what is being cut into chunks is waited for: everything written before the call is in the log after, and holds. */
export function drain(content: OpenContent, context: ContentContext): Promise<void> | undefined {
  return content.streaming === undefined ? spill(content, context, 'end') : content.streaming.then(() => drain(content, context))
}

/** Resolves when the second part of a write is there, if the kernel was about to send one: half a write is not published. */
export async function restOfWrite(content: OpenContent, context: ContentContext): Promise<void> {
  const restMs = content.restUntilMs - context.nowMs()
  if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
}

export function dirtyExtents(content: OpenContent): DirtyExtent[] {
  const isDirty = (extent: Extent): extent is DirtyExtent => extent.source.kind === 'memory' && extent.source.readers === 0
  return content.extents.memoryBytes === 0 ? [] : content.extents.all().filter(isDirty)
}

async function spillThroughWorkers(content: OpenContent, dirty: readonly DirtyExtent[], { holding, ends }: { readonly holding: Holding; readonly ends: boolean }, context: ContentContext): Promise<void> {
  const batches = inBatches(dirty)
  const sealed = batches.slice(0, batchesAhead).map((batch) => seal(content, batch, context))
  let done = 0
  try {
    for (let index = 0; index < batches.length; index++) {
      const lease = await sealed[index]
      const ahead = batches[index + batchesAhead]
      if (ahead !== undefined) sealed.push(seal(content, ahead, context))
      lease?.extents.forEach((each, at) => appendSealed(content, batches[index]?.[at], each, holding, context))
      lease?.release()
      done++
      for (const { source } of batches[index] ?? []) content.extents.takeBack(source)
      if (ends && done === batches.length) endGroup(content, context)
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

function appendSealed(content: OpenContent, extent: DirtyExtent | undefined, sealed: SealedExtent, holding: Holding, context: ContentContext): void {
  // A file that ended meanwhile needs no record.
  if (extent === undefined || context.tree.get(content.ino) === undefined) return
  settle(content, extent, logData(content, extent, holding, sealed, context), context)
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
  context.tree.edit(content.ino).blocks = content.blocks
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

