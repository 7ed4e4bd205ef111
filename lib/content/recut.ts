// Which stretches of a file must be cut anew, and which old chunks stay. An edit is re-cut from the chunk before it until
// a cut falls on an old boundary again, at most `recutBytesMax` past it. FORMAT "Chunks".
import { limits } from '../terms/limits.js'
import { isWholeChunk, type Run } from './content-reference.js'
import type { Splice } from './content-splice.js'
import { runsOf } from './content-tree.js'
import type { Extent } from './extent.js'
import type { PageStore } from './page-store.js'
import type { ContentView } from './read-plan.js'

export interface Window {
  readonly start: number
  readonly end: number
  /** Offsets in the file, ascending, at which old whole chunks begin; cutting may stop there. */
  readonly boundaries: readonly number[]
  /** Where the edit ends: no boundary before it counts. */
  readonly editEnd: number
}

export interface RecutPlan {
  /** Holes and chunks that are known already. */
  readonly splices: readonly Splice[]
  readonly windows: readonly Window[]
}

interface Range {
  start: number
  end: number
}

/** For content below `size`; nothing of it lies in memory only. */
export async function planRecut(content: ContentView, size: number, pages: PageStore): Promise<RecutPlan> {
  const extents = content.extents.all().filter(({ start }) => start < size)
  const splices = extents.filter(({ source }) => source.kind !== 'log').map((extent) => spliceOf(extent, size))
  const ranges = dataRanges(content, extents, size)
  const windows: Window[] = []
  let steps = 0
  for (let index = 0; index < ranges.length; index++) {
    const range = ranges[index]
    if (range === undefined) continue
    const start = await windowStart(content, range.start, Math.max(windows.at(-1)?.end ?? 0, overlayEndBefore(extents, range.start)), pages)
    let editEnd = range.end
    for (;;) {
      // The thread answers the kernel in between: a database may have written ten thousands of pages.
      if (++steps % stepsAtOnce === 0) await new Promise((resolve) => setImmediate(resolve))
      const next = ranges[index + 1]
      const ceiling = Math.min(overlayStartAfter(extents, editEnd) ?? size, size)
      const { end, boundaries } = await windowEnd(content, editEnd, ceiling, pages)
      // No old chunk lies between this edit and the next one: they are one.
      if (next !== undefined && next.start === ceiling && boundaries.length === 0) {
        editEnd = next.end
        index++
        continue
      }
      const last = boundaries.at(-1)
      const stop = next !== undefined && next.start === ceiling && end === ceiling && last !== undefined ? last : end
      windows.push({ start, end: stop, boundaries: boundaries.filter((at) => at < stop), editEnd })
      break
    }
  }
  return { splices, windows }
}

function spliceOf({ start, end, source, skip }: Extent, size: number): Splice {
  const length = Math.min(end, size) - start
  const run: Run = source.kind === 'blob' ? { kind: 'chunk', length, skip, reference: source.reference } : { kind: 'hole', length }
  return { start, end: start + length, runs: [run] }
}

/** Stretches of new bytes. Inline content counts as new: it lies in no chunk. */
function dataRanges(content: ContentView, extents: readonly Extent[], size: number): Range[] {
  const ranges: Range[] = []
  const add = (start: number, end: number): void => {
    const last = ranges.at(-1)
    if (end <= start) return
    if (last !== undefined && last.end >= start) last.end = Math.max(last.end, end)
    else ranges.push({ start, end })
  }
  const inlineEnd = content.base.body.form === 'inline' ? Math.min(content.base.length, size) : 0
  let at = 0
  for (const extent of extents) {
    add(at, Math.min(extent.start, inlineEnd))
    if (extent.source.kind === 'log') add(extent.start, Math.min(extent.end, size))
    at = extent.end
  }
  add(at, inlineEnd)
  return ranges
}

function overlayEndBefore(extents: readonly Extent[], offset: number): number {
  return extents[countWhile(extents, ({ end }) => end <= offset) - 1]?.end ?? 0
}

function overlayStartAfter(extents: readonly Extent[], offset: number): number | undefined {
  return extents[countWhile(extents, ({ start }) => start < offset)]?.start
}

/** How many extents, from the first on, are so: they are ascending and don't overlap. */
function countWhile(extents: readonly Extent[], isSo: (extent: Extent) => boolean): number {
  let low = 0
  for (let high = extents.length; low < high; ) {
    const middle = (low + high) >>> 1
    const extent = extents[middle]
    if (extent !== undefined && isSo(extent)) low = middle + 1
    else high = middle
  }
  return low
}

/** The beginning of the chunk before `offset`, not below `floor`. */
async function windowStart(content: ContentView, offset: number, floor: number, pages: PageStore): Promise<number> {
  if (offset <= floor || content.base.body.form === 'inline') return offset
  const last = (await runsOf(content.base, Math.max(offset - chunkBytesMax, floor), offset, pages)).at(-1)
  return last?.kind === 'chunk' ? offset - last.length : offset
}

async function windowEnd(content: ContentView, editEnd: number, ceiling: number, pages: PageStore): Promise<{ end: number; boundaries: number[] }> {
  const boundaries: number[] = []
  const reach = Math.min(ceiling, editEnd + limits.recutBytesMax + chunkBytesMax)
  if (content.base.body.form === 'inline' || editEnd >= content.base.length || editEnd >= ceiling) return { end: Math.min(editEnd, ceiling), boundaries }
  let at = editEnd
  for (const run of await runsOf(content.base, editEnd, reach, pages)) {
    // A hole ends the stretch of bytes; what begins at a whole chunk is an old boundary.
    if (run.kind === 'hole') return { end: at, boundaries }
    if (at > editEnd && isWholeChunk(run)) {
      if (at >= editEnd + limits.recutBytesMax) return { end: at, boundaries }
      boundaries.push(at)
    }
    at += run.length
  }
  return { end: at, boundaries }
}

/** Edits that are planned in one go: a few milliseconds. */
const stepsAtOnce = 64

/** The largest chunk that the chunker cuts. */
const chunkBytesMax = 8 * 1024 * 1024
