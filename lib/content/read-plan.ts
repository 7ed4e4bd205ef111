// Where the bytes of a range lie now: extents over published content, as pieces that a reader thread can assemble.
import type { Piece } from '../store/content-piece.js'
import { runsOf, type HeldPages } from './content-tree.js'
import type { ContentReference, Run } from './content-reference.js'
import type { Extent } from './extent.js'
import type { ExtentMap } from './extent-map.js'
import type { PageStore } from './page-store.js'

/** Extents over published content: a file as it is, or as it was when a snapshot was taken. */
export interface ContentView {
  readonly extents: ExtentMap
  readonly base: ContentReference
}

/** A stretch of content by where it comes from; used for reading, seeking, copying and publishing. */
export type Stretch =
  | { readonly start: number; readonly end: number; readonly from: 'extent'; readonly extent: Extent }
  | { readonly start: number; readonly end: number; readonly from: 'run'; readonly run: Run }
  | { readonly start: number; readonly end: number; readonly from: 'inline'; readonly bytes: Uint8Array }

/** Stretches that cover exactly [start, end), or a promise of them while pages of the tree are loaded. */
export function stretchesOf(content: ContentView, start: number, end: number, pages: PageStore, held: HeldPages = new Map()): Stretch[] | Promise<Stretch[]> {
  const out: Stretch[] = []
  let at = start
  for (const extent of [...content.extents.overlapping(start, end), undefined]) {
    const gapEnd = extent === undefined ? end : Math.max(extent.start, start)
    if (gapEnd > at) {
      const gap = publishedStretches(content, { start: at, end: gapEnd }, pages, held)
      // Planned anew when the page is there: a write may have come in between.
      if (gap instanceof Promise) return gap.then(() => stretchesOf(content, start, end, pages, held))
      out.push(...gap)
    }
    if (extent === undefined) break
    at = Math.min(extent.end, end)
    out.push({ start: Math.max(extent.start, start), end: at, from: 'extent', extent })
  }
  return out
}

function publishedStretches(content: ContentView, { start, end }: { readonly start: number; readonly end: number }, pages: PageStore, held: HeldPages): Stretch[] | Promise<unknown> {
  const { body, length } = content.base
  if (body.form === 'inline') {
    const covered = Math.min(end, length)
    const out: Stretch[] = covered > start ? [{ start, end: covered, from: 'inline', bytes: body.bytes.subarray(start, covered) }] : []
    const from = Math.max(start, covered)
    if (end > from) out.push({ start: from, end, from: 'run', run: { kind: 'hole', length: end - from } })
    return out
  }
  const runs = runsOf(content.base, start, end, pages, held)
  if (runs instanceof Promise) return runs
  let at = start
  return runs.map((run): Stretch => ({ start: at, end: (at += run.length), from: 'run', run }))
}

export function pieceOf(stretch: Stretch): Piece {
  const length = stretch.end - stretch.start
  if (stretch.from === 'inline') return { kind: 'inline', bytes: stretch.bytes, length }
  if (stretch.from === 'run') {
    const { run } = stretch
    return run.kind === 'hole' ? { kind: 'hole', length } : { kind: 'blob', reference: run.reference, skip: run.skip, length }
  }
  const { source, start, skip } = stretch.extent
  const from = skip + stretch.start - start
  if (source.kind === 'memory') return { kind: 'memory', position: source.position + from, length }
  if (source.kind === 'log') return { kind: 'log', extent: source.extent, skip: from, length }
  if (source.kind === 'blob') return { kind: 'blob', reference: source.reference, skip: from, length }
  return { kind: 'hole', length }
}

export function isHole(stretch: Stretch): boolean {
  return stretch.from === 'extent' ? stretch.extent.source.kind === 'hole' : stretch.from === 'run' && stretch.run.kind === 'hole'
}
