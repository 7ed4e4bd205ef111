// Changes of content that move no bytes: truncate, punch, zero, copy. What was written before is logged before, so that
// the log's order is the order of arrival.
import { limits } from '../terms/limits.js'
import type { Source } from './extent.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { stretchesOf, type Stretch } from './read-plan.js'
import { endGroup, logSplice } from './log-group.js'
import type { SplicePart } from './records.js'
import { drain, spill } from './spill.js'

/** Cuts the file or lengthens it by a hole. Undefined: done at once. */
export function resize(content: OpenContent, size: number, context: ContentContext): Promise<void> | undefined {
  // A spill under way would log, after the cut, bytes that were written before it.
  const under = content.flushing ?? content.streaming
  if (under !== undefined) return under.then(() => resize(content, size, context))
  // Bytes behind the cut never were in the log and need not get there: what is logged without them holds with the cut.
  const { memoryBytes } = content.extents
  if (size < content.size) content.extents.removeWhere(({ source, start }) => source.kind === 'memory' && start >= size)
  const isCut = content.extents.memoryBytes < memoryBytes || content.group !== undefined
  const spilling = spill(content, context, isCut ? 'open' : 'end')
  if (spilling !== undefined) return spilling.then(() => resize(content, size, context))
  const end = Math.max(content.size, content.extents.end, content.base.length)
  if (size < content.size) content.reserved.remove(size, Infinity)
  content.size = size
  record(content, size, Math.max(end, size), [{ length: Math.max(end - size, 0), skip: 0, source: { kind: 'hole' } }], context)
  return undefined
}

/** [start, end) reads as zeros and takes no room; `size`: of the file afterwards. */
export function clear(content: OpenContent, start: number, end: number, size: number, context: ContentContext): Promise<void> | undefined {
  const spilling = drain(content, context)
  if (spilling !== undefined) return spilling.then(() => clear(content, start, end, size, context))
  content.size = Math.max(content.size, size)
  record(content, start, end, [{ length: end - start, skip: 0, source: { kind: 'hole' } }], context)
  return undefined
}

export interface CopyRange {
  readonly from: OpenContent
  readonly fromOffset: number
  readonly to: OpenContent
  readonly toOffset: number
  readonly length: number
}

/**
 * Copies by naming the same chunks and log extents again. Answers the number of bytes copied; 0 when the first of them
 * can't be named (it is inline or only in memory): the caller then moves bytes.
 */
export async function copyRange(range: CopyRange, context: ContentContext): Promise<number> {
  const { from, to, fromOffset, toOffset } = range
  await drain(from, context)
  await drain(to, context)
  const length = Math.min(range.length, from.size - fromOffset)
  if (length <= 0) return 0
  const stretches = await stretchesOf(from, fromOffset, fromOffset + length, context.pages)
  // Written again between the spill and now: rare, and the caller takes a short answer for what it is.
  const parts = namable(stretches)
  const copied = parts.reduce((sum, part) => sum + part.length, 0)
  if (copied === 0) return 0
  to.size = Math.max(to.size, toOffset + copied)
  record(to, toOffset, toOffset + copied, parts, context)
  return copied
}

/** The stretches up to the first that cannot be named (bytes only in memory, or in the entry itself), as many as one record holds. */
function namable(stretches: readonly Stretch[]): SplicePart[] {
  const parts: SplicePart[] = []
  for (const stretch of stretches) {
    const length = stretch.end - stretch.start
    if (stretch.from === 'inline' || parts.length >= limits.splicePartsMax) break
    if (stretch.from === 'run') {
      const { run } = stretch
      parts.push(run.kind === 'hole' ? { length, skip: 0, source: { kind: 'hole' } } : { length, skip: run.skip, source: { kind: 'blob', reference: run.reference, lsn: 0 } })
      continue
    }
    const { source, skip, start } = stretch.extent
    if (source.kind === 'memory') break
    parts.push(source.kind === 'hole' ? { length, skip: 0, source: { kind: 'hole' } } : { length, skip: skip + stretch.start - start, source })
  }
  return parts
}

function record(content: OpenContent, start: number, end: number, parts: readonly SplicePart[], context: ContentContext): void {
  content.times = context.now()
  const lsn = logSplice(content, { start, end, size: content.size }, content.group === undefined ? 'alone' : 'held', parts, context)
  applyParts(content, start, parts, lsn)
  // What is on its way to the log meanwhile ends the group itself.
  if (content.group !== undefined && content.flushing === undefined && content.streaming === undefined) endGroup(content, context)
  else context.tree.edit(content.ino).blocks = content.blocks
  const needed = parts.reduce((oldest, { source }) => (source.kind === 'log' ? Math.min(oldest, source.extent.lsn) : oldest), lsn)
  context.unpublished.noteContent(content.ino, lsn, context.nowMs(), needed)
}

/** Lays the parts over the content from `start` on; also when a splice record is replayed. */
export function applyParts(content: OpenContent, start: number, parts: readonly SplicePart[], lsn: number): void {
  let at = start
  for (const { length, skip, source } of parts) {
    const placed: Source = source.kind === 'hole' ? { kind: 'hole', lsn } : { ...source, lsn }
    if (length > 0) content.extents.put({ start: at, end: at + length, source: placed, skip })
    at += length
  }
  content.version++
}
