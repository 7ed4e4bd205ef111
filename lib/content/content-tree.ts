// Published content as a B-tree of runs: reading a range, and finding a page. Pages are immutable blobs.
import type { BlobReference } from '../format/blob-reference.js'
import { hex } from '../terms/bytes.js'
import { invariant } from '../terms/errors.js'
import { pushRun, sliceRun, type ContentReference, type Page, type Run } from './content-reference.js'
import type { PageStore } from './page-store.js'

/** Pages that one question has loaded, so that it ends however many it needs; by BlobId. */
export type HeldPages = Map<string, Page>

/**
 * Runs that cover exactly [start, end), what lies past the content as a hole. Answers at once when all pages needed are
 * at hand. Inline content is not made of runs: the caller looks at it before.
 */
export function runsOf(content: ContentReference, start: number, end: number, pages: PageStore, held: HeldPages = new Map()): Run[] | Promise<Run[]> {
  const missing: BlobReference[] = []
  const runs: Run[] = []
  const covered = Math.min(end, content.length)
  if (content.body.form === 'runs') clip(content.body.runs, start, covered, runs)
  else if (content.body.form === 'tree') walk({ start, end: covered }, content.body.root, { pages, held, missing, runs })
  if (missing.length > 0) {
    const loading = missing.map(async (reference) => held.set(hex(reference.blobId), await pages.load(reference)))
    return Promise.all(loading).then(() => runsOf(content, start, end, pages, held))
  }
  if (end > covered) pushRun(runs, { kind: 'hole', length: end - Math.max(start, covered) })
  return runs
}

interface Walk {
  readonly pages: PageStore
  readonly held: HeldPages
  /** Pages that are not at hand; when there are any, `runs` is not complete. */
  readonly missing: BlobReference[]
  readonly runs: Run[]
}

function walk({ start, end }: { readonly start: number; readonly end: number }, reference: BlobReference, into: Walk): void {
  if (end <= start) return
  const page = into.held.get(hex(reference.blobId)) ?? into.pages.peek(reference)
  if (page === undefined) {
    into.missing.push(reference)
    return
  }
  if (page.kind === 'leaf') {
    clip(page.runs, start, end, into.runs)
    return
  }
  let at = 0
  for (const child of page.children) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, child.length)
    if (to > from) walk({ start: from, end: to }, child.reference, into)
    at += child.length
    if (at >= end) return
  }
}

/** The part of `runs` within [start, end), counted from their beginning. */
export function clip(runs: readonly Run[], start: number, end: number, into: Run[]): void {
  let at = 0
  for (const run of runs) {
    const from = Math.max(start, at)
    const to = Math.min(end, at + run.length)
    if (to > from) pushRun(into, from === at && to === at + run.length ? run : sliceRun(run, from - at, to - from))
    at += run.length
    if (at >= end) return
  }
}

/** A page and the stretch of content that is below it. */
export interface PlacedPage {
  readonly page: Page
  readonly start: number
  readonly end: number
}

/** The page of this height (0: a leaf) that has byte `offset`; the last one for the content's end. */
export async function pageAt({ length, body }: ContentReference, height: number, offset: number, pages: PageStore): Promise<PlacedPage> {
  invariant(body.form === 'tree' && height < body.depth, 'a page of a content that has none there')
  let place: PlacedPage = { page: await pages.load(body.root), start: 0, end: length }
  for (let above = body.depth - 1; above > height; above--) {
    const { page, start } = place
    invariant(page.kind === 'inner', 'a leaf above the leaves')
    let at = start
    let below = page.children[0]
    for (const child of page.children) {
      below = child
      if (offset < at + child.length) break
      if (child !== page.children.at(-1)) at += child.length
    }
    invariant(below !== undefined, 'an inner page of nothing')
    place = { page: await pages.load(below.reference), start: at, end: at + below.length }
  }
  return place
}
