// Chunks of a large file are cut while it is still being written, so that most of its bytes are sealed once and never
// pass through the log. The blobs are durable before the log names them.
import { recordKind } from '../store/log-port.js'
import type { Cut } from '../store/pool-port.js'
import { limits } from '../terms/limits.js'
import { touchWritten } from '../tree/entry.js'
import { sliceRun, type Run } from './content-reference.js'
import type { Extent } from './extent-map.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { pieceOf } from './read-plan.js'
import { encodeSplice, type SplicePart } from './records.js'
import { storeRuns } from './stored-runs.js'
import { applyParts } from './splicing.js'
import { timesOf } from './spill.js'

/** Begins to cut, when enough dirty bytes lie in one stretch; answers whether it did. */
export function stream(content: OpenContent, context: ContentContext): boolean {
  if (content.streaming !== undefined || content.flushing !== undefined) return false
  const extents = longestStretch(content)
  if (extents === undefined) return false
  for (const { source } of extents) if (source.kind === 'memory') content.extents.lend(source)
  content.pins++
  const dirtySinceMs = Math.min(content.dirtySinceMs, context.nowMs())
  content.streaming = cutStretch(content, extents, context).catch((error: unknown) => {
    // A file that ended took its part of the log with it.
    if (context.tree.get(content.ino) !== undefined) throw error
  }).finally(() => {
    for (const { source } of extents) if (source.kind === 'memory') content.extents.takeBack(source)
    // A spill that came meanwhile passed these bytes by: what was not cut of them is as old as it was.
    if (content.extents.memoryBytes > 0) content.dirtySinceMs = Math.min(content.dirtySinceMs, dirtySinceMs)
    content.streaming = undefined
    content.pins--
  })
  // Whoever drains the file sees the error; nobody else waits for it.
  content.streaming.catch(() => undefined)
  return true
}

/** Adjacent extents that are not in chunks, memory and (before it) log; undefined when they are too few bytes. */
function longestStretch(content: OpenContent): readonly Extent[] | undefined {
  let stretch: Extent[] = []
  let memory = 0
  for (const extent of content.extents.all()) {
    const { kind } = extent.source
    if ((kind !== 'memory' && kind !== 'log') || (stretch.at(-1)?.end ?? extent.start) !== extent.start) {
      if (memory >= limits.streamBytesMin) break
      stretch = []
      memory = 0
    }
    if (kind !== 'memory' && kind !== 'log') continue
    stretch.push(extent)
    if (kind === 'memory') memory += extent.end - extent.start
    // What one cut may hold: older bytes at the front are left to publishing.
    while (bytesOf(stretch) > limits.publishBytesMax) {
      const dropped = stretch.shift()
      if (dropped?.source.kind === 'memory') memory -= dropped.end - dropped.start
    }
    if (memory >= limits.streamBytesMin) break
  }
  return memory >= limits.streamBytesMin ? stretch : undefined
}

async function cutStretch(content: OpenContent, extents: readonly Extent[], context: ContentContext): Promise<void> {
  const start = extents[0]?.start ?? 0
  const pieces = extents.map((extent) => pieceOf({ start: extent.start, end: extent.end, from: 'extent', extent }))
  // The worker reads from the log's files.
  context.log.flush()
  const [cut] = await context.pool.cut([{ pieces, length: bytesOf(extents), final: false, boundaries: [], resumeAfter: 0 }])
  if (cut === undefined) return
  const runs = await storeRuns(cut, context)
  // The file may have ended meanwhile; its chunks are then nobody's.
  if (context.tree.get(content.ino) === undefined) return
  spliceUnchanged(content, extents, start, runs, cut, context)
  context.log.flush()
}

/** What was written over meanwhile is newer than the chunks: only stretches that still show the same bytes take them. */
function spliceUnchanged(content: OpenContent, extents: readonly Extent[], start: number, runs: readonly Run[], cut: Cut, context: ContentContext): void {
  const end = start + cut.consumed
  let from = -1
  let to = -1
  const close = (): void => {
    if (to > from && from >= 0) logRuns(content, from, clipRuns(runs, start, from, to), context)
    from = -1
  }
  for (const old of extents) {
    for (const now of content.extents.overlapping(old.start, Math.min(old.end, end))) {
      if (now.source !== old.source) continue
      const begins = Math.max(now.start, old.start)
      if (from >= 0 && begins !== to) close()
      if (from < 0) from = begins
      to = Math.min(now.end, old.end, end)
    }
  }
  close()
}

function clipRuns(runs: readonly Run[], start: number, from: number, to: number): Run[] {
  const out: Run[] = []
  let at = start
  for (const run of runs) {
    const begins = Math.max(from, at)
    const ends = Math.min(to, at + run.length)
    if (ends > begins) out.push(sliceRun(run, begins - at, ends - begins))
    at += run.length
  }
  return out
}

function logRuns(content: OpenContent, start: number, runs: readonly Run[], context: ContentContext): void {
  const end = start + runs.reduce((sum, { length }) => sum + length, 0)
  const entry = context.tree.edit(content.ino)
  if (content.times !== undefined) touchWritten(entry, content.times, context.now())
  content.times = undefined
  entry.size = Math.max(entry.size, end)
  const parts = runs.map((run): SplicePart => run.kind === 'hole'
    ? { length: run.length, skip: 0, source: { kind: 'hole' } }
    : { length: run.length, skip: run.skip, source: { kind: 'blob', reference: run.reference, lsn: 0 } })
  const lsn = context.log.append(recordKind.splice, encodeSplice({ ino: content.ino, start, end, size: entry.size, ...timesOf(entry) }, parts))
  applyParts(content, start, parts, lsn)
  entry.blocks = content.blocks
  context.unpublished.noteContent(content.ino, lsn, context.nowMs())
}

function bytesOf(extents: readonly Extent[]): number {
  return (extents.at(-1)?.end ?? 0) - (extents[0]?.start ?? 0)
}
