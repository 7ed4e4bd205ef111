// Published content as a B-tree of runs: reading a range, and making a new tree with some stretches replaced. Pages are
// immutable blobs; a page that a splice does not touch is kept as it is.
import type { BlobReference } from '../format/blob-reference.js'
import { hex } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import {
  allocatedBytes, emptyContent, pushRun, sliceRun, type Child, type ContentReference, type Page, type Run,
} from './content-reference.js'
import type { PageStore } from './page-store.js'

/** [start, end) is covered by `runs` from now on; their lengths add up to end - start. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly runs: readonly Run[]
}

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

function clip(runs: readonly Run[], start: number, end: number, into: Run[]): void {
  let at = 0
  for (const run of runs) {
    const from = Math.max(start, at)
    const to = Math.min(end, at + run.length)
    if (to > from) pushRun(into, from === at && to === at + run.length ? run : sliceRun(run, from - at, to - from))
    at += run.length
    if (at >= end) return
  }
}

/** Content with the splices (ascending, not overlapping) applied, cut or lengthened by a hole to `length` bytes. */
export async function spliceContent(content: ContentReference, splices: readonly Splice[], length: number, pages: PageStore): Promise<ContentReference> {
  const runs: Run[] = []
  let at = 0
  const keep = async (end: number): Promise<void> => {
    if (end > at) for (const run of await runsOf(content, at, end, pages)) pushRun(runs, run)
    at = Math.max(at, end)
  }
  for (const splice of splices) {
    await keep(Math.min(splice.start, length))
    if (splice.start >= length) break
    let left = Math.min(splice.end, length) - splice.start
    for (const run of splice.runs) {
      if (left <= 0) break
      pushRun(runs, run.length <= left ? run : sliceRun(run, 0, left))
      left -= run.length
    }
    at = Math.min(splice.end, length)
  }
  await keep(length)
  return buildContent(runs, length, pages)
}

async function buildContent(runs: readonly Run[], length: number, pages: PageStore): Promise<ContentReference> {
  if (length === 0) return emptyContent
  const allocated = allocatedBytes(runs)
  if (runs.length <= limits.inlineRunsMax) return { length, allocated, body: { form: 'runs', runs } }
  let children = await storeLevel(groups(runs, (run) => (run.kind === 'chunk' ? run.reference : undefined)), (group) => ({ kind: 'leaf', runs: group }), pages)
  let depth = 1
  while (children.length > 1) {
    children = await storeLevel(groups(children, (child) => child.reference), (group) => ({ kind: 'inner', children: group }), pages)
    depth++
  }
  const [top] = children
  return top === undefined ? emptyContent : { length, allocated, body: { form: 'tree', depth, root: top.reference } }
}

async function storeLevel<Item extends { readonly length: number }>(
  level: readonly (readonly Item[])[], page: (group: readonly Item[]) => Page, pages: PageStore,
): Promise<Child[]> {
  const references = await pages.store(level.map(page))
  return references.map((reference, index) => ({ reference, length: (level[index] ?? []).reduce((sum, item) => sum + item.length, 0) }))
}

/**
 * Groups that keep their borders when something is put in before them: a border lies where an id says so (one of 64),
 * so pages behind an edit stay the same blobs.
 */
function groups<Item>(items: readonly Item[], idOf: (item: Item) => BlobReference | undefined): Item[][] {
  const out: Item[][] = []
  let group: Item[] = []
  for (const item of items) {
    group.push(item)
    const border = ((idOf(item)?.chunkId[0] ?? 1) & 63) === 0
    if (group.length >= limits.pageRunsWished || (border && group.length >= limits.pageRunsMin)) {
      out.push(group)
      group = []
    }
  }
  if (group.length > 0) out.push(group)
  return out
}
