// A new content with some stretches of an old one replaced. The tree that comes out is the one that the runs would give
// from nothing, but only pages near an edit, and those above them, are read and stored.
import type { BlobReference } from '../format/blob-reference.js'
import { limits } from '../terms/limits.js'
import { allocatedBytes, emptyContent, pushRun, sliceRun, type Child, type ContentReference, type Page, type Run } from './content-reference.js'
import { runsOf } from './content-tree.js'
import type { PageStore } from './page-store.js'
import { Grouping, childItems, editLevel, runItems, type Edit, type Regrouped } from './tree-level.js'

/** [start, end) is covered by `runs` from now on; their lengths add up to end - start. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly runs: readonly Run[]
}

/** Content with the splices (ascending, not overlapping) applied, cut or lengthened by a hole to `length` bytes. */
export async function spliceContent(content: ContentReference, splices: readonly Splice[], length: number, pages: PageStore): Promise<ContentReference> {
  if (length === 0) return emptyContent
  const edits = editsOf(content.length, splices, length)
  if (content.body.form === 'tree') return spliceTree(content, edits, length, pages)
  const runs: Run[] = []
  let at = 0
  for (const edit of [...edits, { start: content.length, end: content.length, items: [] }]) {
    if (edit.start > at) for (const run of await runsOf(content, at, edit.start, pages)) pushRun(runs, run)
    for (const run of edit.items) pushRun(runs, run)
    at = edit.end
  }
  if (runs.length <= limits.inlineRunsMax) return { length, allocated: allocatedBytes(runs), body: { form: 'runs', runs } }
  const grouping = new Grouping(runItems)
  for (const run of runs) grouping.add(run)
  const leaves = await storeLevel(grouping.end(), (group) => ({ kind: 'leaf', runs: group }), pages)
  return { length, allocated: allocatedBytes(runs), body: await rootOver(leaves, 1, pages) }
}

/** The splices as edits of the old content: all that is past its end is one edit at its end. */
function editsOf(oldLength: number, splices: readonly Splice[], length: number): Edit<Run>[] {
  const edits: Edit<Run>[] = []
  const tail: Run[] = []
  let tailStart = Math.min(oldLength, length)
  /** Up to here the new content is known. */
  let at = 0
  for (const { start, end, runs } of splices) {
    if (start >= length) break
    const clipped = clipRuns(runs, Math.min(end, length) - start)
    if (end <= oldLength && end <= length) {
      edits.push({ start, end, items: clipped })
    } else {
      if (tail.length === 0) tailStart = Math.min(start, oldLength)
      pushRun(tail, { kind: 'hole', length: start - Math.max(at, tailStart) })
      for (const run of clipped) pushRun(tail, run)
    }
    at = Math.min(end, length)
  }
  if (length > oldLength) pushRun(tail, { kind: 'hole', length: length - Math.max(at, oldLength) })
  if (tail.length > 0 || length < oldLength) edits.push({ start: tailStart, end: oldLength, items: tail })
  return edits
}

function clipRuns(runs: readonly Run[], length: number): Run[] {
  const out: Run[] = []
  let left = length
  for (const run of runs) {
    if (left <= 0) break
    out.push(run.length <= left ? run : sliceRun(run, 0, left))
    left -= run.length
  }
  return out
}

async function spliceTree(content: ContentReference, edits: readonly Edit<Run>[], length: number, pages: PageStore): Promise<ContentReference> {
  const { body } = content
  if (body.form !== 'tree' || edits.length === 0) return content
  let { allocated } = content
  for (const { start, end, items } of edits) {
    allocated += allocatedBytes(items)
    if (end > start) allocated -= allocatedBytes(await runsOf(content, start, end, pages))
  }
  const leaves = await editLevel(content, 0, edits, runItems, pages)
  const [only] = leaves
  const runs = only?.groups.flat() ?? []
  if (isWhole(only, content) && runs.length <= limits.inlineRunsMax) return { length, allocated, body: { form: 'runs', runs } }
  let level = await storedEdits(leaves, (group) => ({ kind: 'leaf', runs: group }), pages)
  for (let height = 1; height < body.depth; height++) {
    const [first] = level
    if (isWhole(first, content) && first?.items.length === 1) return { length, allocated, body: await rootOver(first.items, height, pages) }
    level = await storedEdits(await editLevel(content, height, level, childItems, pages), (group) => ({ kind: 'inner', children: group }), pages)
  }
  return { length, allocated, body: await rootOver(level[0]?.items ?? [], body.depth, pages) }
}

function isWhole(edit: { readonly start: number; readonly end: number } | undefined, content: ContentReference): boolean {
  return edit?.start === 0 && edit.end === content.length
}

/** The pages of a level, stored with one call, as edits of the level above. */
async function storedEdits<Item extends { readonly length: number }>(
  regrouped: readonly Regrouped<Item>[], page: (group: readonly Item[]) => Page, pages: PageStore,
): Promise<Edit<Child>[]> {
  const children = await storeLevel(regrouped.flatMap(({ groups }) => groups), page, pages)
  let at = 0
  return regrouped.map(({ start, end, groups }) => ({ start, end, items: children.slice(at, (at += groups.length)) }))
}

/** All pages of a level under as many levels as it takes. `depth`: levels so far. */
async function rootOver(level: readonly Child[], depth: number, pages: PageStore): Promise<{ readonly form: 'tree'; readonly depth: number; readonly root: BlobReference }> {
  const [top] = level
  if (top !== undefined && level.length === 1) return { form: 'tree', depth, root: top.reference }
  const grouping = new Grouping(childItems)
  for (const child of level) grouping.add(child)
  return rootOver(await storeLevel(grouping.end(), (group) => ({ kind: 'inner', children: group }), pages), depth + 1, pages)
}

async function storeLevel<Item extends { readonly length: number }>(
  level: readonly (readonly Item[])[], page: (group: readonly Item[]) => Page, pages: PageStore,
): Promise<Child[]> {
  const references = await pages.store(level.map(page))
  return references.map((reference, index) => ({ reference, length: (level[index] ?? []).reduce((sum, item) => sum + item.length, 0) }))
}
