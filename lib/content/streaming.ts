// Chunks of a large file are cut while it is still being written, so that most of its bytes are sealed once and never
// pass through the log. The blobs are durable before the log names them.
import type { Cut } from '../store/pool-port.js'
import { limits } from '../terms/limits.js'
import { sliceRun, type Run } from './content-reference.js'
import type { Extent } from './extent.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { pieceOf } from './read-plan.js'
import { logSplice, type Holding, type Stretch } from './log-group.js'
import type { SplicePart } from './records.js'
import { storeRuns } from './stored-runs.js'
import type { DirtyExtent } from './spill.js'
import { applyParts } from './splicing.js'

/**
 * Begins to cut, when enough dirty bytes lie in one stretch; answers whether it did. The next stretch may be cut while the
 * one before is being stored. `wasCut`: another one may begin.
 */
export function stream(content: OpenContent, context: ContentContext, wasCut: () => void): boolean {
  const before = content.streaming
  if (content.flushing !== undefined || content.streams === 2 || (before !== undefined && content.cutUntil === undefined)) return false
  const extents = longestStretch(content, content.cutUntil ?? 0)
  if (extents === undefined) return false
  for (const { source } of extents) if (source.kind === 'memory') content.extents.lend(source)
  content.pins++
  content.streams++
  content.cutUntil = undefined
  content.streamedAtMs = context.nowMs()
  const streaming = cutStretch(content, extents, { before, wasCut }, context).catch((error: unknown) => {
    // A file that ended took its part of the log with it.
    if (context.tree.get(content.ino) !== undefined) throw error
  }).finally(async () => {
    // Whoever drains the file waits for the last one: also when that failed at once, and what the other was lent is still out.
    await before?.catch(() => undefined)
    for (const { source } of extents) if (source.kind === 'memory') content.extents.takeBack(source)
    content.dirtySinceMs = oldestMs(content)
    content.streamedAtMs = context.nowMs()
    content.streams--
    if (content.streaming === streaming) content.streaming = content.cutUntil = undefined
    content.pins--
  })
  content.streaming = streaming
  // Whoever drains the file sees the error; nobody else waits for it.
  streaming.catch(() => undefined)
  return true
}

/** Whether more of a file is only in memory than its stream will have cut soon. */
export function isAhead({ streaming, extents }: OpenContent): boolean {
  return streaming !== undefined && extents.memoryBytes > limits.streamAheadBytesMax
}

/** Whether so little came of a stream for so long that the log is the better way. */
export function streamLags({ streamedAtMs }: OpenContent, { arena, nowMs }: ContentContext): boolean {
  return arena.usedBytes > arena.sizeBytes * limits.arenaFullShare && nowMs() - streamedAtMs > limits.streamLagMs
}

/** Of what is only in memory; a group that is still to be ended is as old as it was. */
function oldestMs({ extents, group, dirtySinceMs }: OpenContent): number {
  const before = group === undefined ? Infinity : dirtySinceMs
  if (extents.memoryBytes === 0) return before
  return extents.all().reduce((oldest, { source }) => (source.kind === 'memory' ? Math.min(oldest, source.sinceMs) : oldest), before)
}

/**
 * Adjacent extents behind `from` that are not in chunks, memory and (before it) log; undefined when they are too few bytes.
 * One that begins where chunks end is cut from there: left out, what lies between would end where no content says so, and
 * be stored anew whenever the same bytes come again.
 */
function longestStretch(content: OpenContent, from: number): readonly Extent[] | undefined {
  let stretch: Extent[] = []
  let memory = 0
  let before: Extent | undefined
  let follows = false
  for (const whole of from === 0 ? content.extents.all() : content.extents.overlapping(from, Infinity)) {
    const extent = whole.start >= from ? whole : { ...whole, start: from, skip: whole.skip + from - whole.start }
    const { kind } = extent.source
    const isDirty = kind === 'memory' || kind === 'log'
    if (!isDirty || (stretch.at(-1)?.end ?? extent.start) !== extent.start) {
      if (memory >= limits.streamBytesMin) break
      stretch = []
      memory = 0
    }
    if (isDirty) {
      if (stretch.length === 0) follows = extent.start === from || (before?.source.kind === 'blob' && before.end === extent.start)
      stretch.push(extent)
      if (kind === 'memory') memory += extent.end - extent.start
      // What one cut may hold: older bytes at the front are left to publishing.
      while (!follows && bytesOf(stretch) > limits.publishBytesMax) {
        const dropped = stretch.shift()
        if (dropped?.source.kind === 'memory') memory -= dropped.end - dropped.start
      }
      if (memory >= limits.streamBytesMin) break
    }
    before = extent
  }
  if (memory < limits.streamBytesMin) return undefined
  while (bytesOf(stretch) > limits.publishBytesMax) stretch.pop()
  return stretch
}

interface InLine {
  /** What must be in place first: records stand in the order of the writes. */
  readonly before: Promise<void> | undefined
  readonly wasCut: () => void
}

async function cutStretch(content: OpenContent, extents: readonly Extent[], { before, wasCut }: InLine, context: ContentContext): Promise<void> {
  const start = extents[0]?.start ?? 0
  const pieces = extents.map((extent) => pieceOf({ start: extent.start, end: extent.end, from: 'extent', extent }))
  // The worker reads from the log's files.
  context.log.flush()
  const [cut] = await context.pool.cut([{ pieces, length: bytesOf(extents), final: false, boundaries: [], resumeAfter: 0 }])
  if (cut === undefined) return
  content.cutUntil = start + cut.consumed
  content.streamedAtMs = context.nowMs()
  wasCut()
  const [runs] = await Promise.all([storeRuns(cut, context), before])
  // The file may have ended meanwhile; its chunks are then nobody's.
  if (context.tree.get(content.ino) === undefined) return
  spliceUnchanged(content, extents, start, runs, cut, context)
  context.log.flush()
}

/**
 * What was written over meanwhile is newer than the chunks: only stretches that still show the same bytes take them. Where
 * what is left in memory is not all newer, the chunks hold only together with that.
 */
function spliceUnchanged(content: OpenContent, extents: readonly Extent[], start: number, runs: readonly Run[], cut: Cut, context: ContentContext): void {
  const end = start + cut.consumed
  const stretches = unchanged(content, extents, end)
  const [only] = stretches
  const isWhole = stretches.length === 1 && only?.start === start && only.end === end
  const holding = isWhole && content.group === undefined && isOlderThanRest(content, extents, end) ? 'alone' : 'held'
  for (const stretch of stretches) logRuns(content, stretch, clipRuns(runs, start, stretch.start, stretch.end), holding, context)
}

function unchanged(content: OpenContent, extents: readonly Extent[], end: number): Stretch[] {
  const stretches: { start: number; end: number }[] = []
  for (const old of extents) {
    for (const now of content.extents.overlapping(old.start, Math.min(old.end, end))) {
      if (now.source !== old.source) continue
      const start = Math.max(now.start, old.start)
      const last = stretches.at(-1)
      if (last?.end === start) last.end = Math.min(now.end, old.end, end)
      else stretches.push({ start, end: Math.min(now.end, old.end, end) })
    }
  }
  return stretches.filter((stretch) => stretch.end > stretch.start)
}

/** Whether no byte in memory is older than one of those that were cut, which end at `end`. */
function isOlderThanRest(content: OpenContent, extents: readonly Extent[], end: number): boolean {
  const memory = extents.filter((extent): extent is DirtyExtent => extent.source.kind === 'memory' && extent.start < end)
  const parted = memory.find((extent) => extent.end > end)
  if (parted?.source.inOrder === false) return false
  const newest = Math.max(0, ...memory.map(({ source }) => source.newest))
  const cut = new Set(memory.map(({ source }) => source))
  const whole = Math.max(0, ...memory.filter((extent) => extent !== parted).map(({ source }) => source.newest))
  return (parted === undefined || whole <= parted.source.oldest) &&
    content.extents.all().every(({ source }) => source.kind !== 'memory' || cut.has(source) || source.oldest >= newest)
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

function logRuns(content: OpenContent, { start, end }: Stretch, runs: readonly Run[], holding: Holding, context: ContentContext): void {
  const parts = runs.map((run): SplicePart => run.kind === 'hole'
    ? { length: run.length, skip: 0, source: { kind: 'hole' } }
    : { length: run.length, skip: run.skip, source: { kind: 'blob', reference: run.reference, lsn: 0 } })
  const lsn = logSplice(content, { start, end }, holding, parts, context)
  applyParts(content, start, parts, lsn)
  context.tree.edit(content.ino).blocks = content.blocks
  context.unpublished.noteContent(content.ino, lsn, context.nowMs())
}

function bytesOf(extents: readonly Extent[]): number {
  return (extents.at(-1)?.end ?? 0) - (extents[0]?.start ?? 0)
}
