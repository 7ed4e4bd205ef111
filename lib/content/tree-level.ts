// One level of a content's tree with stretches of it replaced: which pages are made anew, and of what. Pages end where an
// id says so, so that from a page's end on that the old tree has too, the rest of the old tree is right.
import type { BlobReference } from '../format/blob-reference.js'
import { limits } from '../terms/limits.js'
import { pushRun, type Child, type ContentReference, type Page, type Run } from './content-reference.js'
import { clip, pageAt } from './content-tree.js'
import type { PageStore } from './page-store.js'

/** [start, end) of the old content is `items` from now on; only of the last edit the length may be another. */
export interface Edit<Item> {
  readonly start: number
  readonly end: number
  readonly items: readonly Item[]
}

/** What a level is made of: runs, or pages of the level below. */
interface ItemKind<Item> {
  idOf(item: Item): BlobReference | undefined
  /** Items of a page within [start, end), counted from the page's beginning. */
  within(page: Page, start: number, end: number): readonly Item[]
  /** Puts it behind the last one, as one with it where they are one. */
  push(items: Item[], item: Item): void
}

export const runItems: ItemKind<Run> = {
  idOf: (run) => (run.kind === 'chunk' ? run.reference : undefined),
  within: (page, start, end) => {
    const runs: Run[] = []
    if (page.kind === 'leaf') clip(page.runs, start, end, runs)
    return runs
  },
  push: pushRun,
}

export const childItems: ItemKind<Child> = {
  idOf: ({ reference }) => reference,
  within: (page, start, end) => {
    let at = 0
    return page.kind === 'leaf' ? [] : page.children.filter(({ length }) => {
      at += length
      return at > start && at <= end
    })
  },
  push: (items, item) => { items.push(item) },
}

/**
 * Groups that keep their borders when something is put in before them: a border lies where an id says so (one of 64),
 * so pages behind an edit stay the same blobs.
 */
export class Grouping<Item> {
  readonly #kind: ItemKind<Item>
  readonly #groups: Item[][] = []
  #group: Item[] = []
  /** The newest item: the next one may be one with it. */
  #last: Item[] = []

  constructor(kind: ItemKind<Item>) {
    this.#kind = kind
  }

  add(item: Item): void {
    this.#kind.push(this.#last, item)
    if (this.#last.length > 1) this.#place(this.#last.shift())
  }

  /** Whether a group ends here. Nothing that is added later may be one with what was added. */
  get isEven(): boolean {
    this.#place(this.#last.shift())
    return this.#group.length === 0
  }

  end(): readonly (readonly Item[])[] {
    this.#place(this.#last.shift())
    if (this.#group.length > 0) this.#groups.push(this.#group)
    this.#group = []
    return this.#groups
  }

  #place(item: Item | undefined): void {
    if (item === undefined) return
    this.#group.push(item)
    const border = ((this.#kind.idOf(item)?.chunkId[0] ?? 1) & 63) === 0
    if (this.#group.length < limits.pageRunsWished && !(border && this.#group.length >= limits.pageRunsMin)) return
    this.#groups.push(this.#group)
    this.#group = []
  }
}

export interface Regrouped<Item> {
  /** Of the old content. */
  readonly start: number
  readonly end: number
  readonly groups: readonly (readonly Item[])[]
}

/** The groups that take the place of the old pages of [start, end), for each stretch of pages that the edits touch. */
export async function editLevel<Item>(
  content: ContentReference, height: number, edits: readonly Edit<Item>[], kind: ItemKind<Item>, pages: PageStore,
): Promise<Regrouped<Item>[]> {
  const out: Regrouped<Item>[] = []
  let next = 0
  for (let first = edits[0]; first !== undefined; first = edits[next]) {
    // From the byte before on: what is put in may be one with it, and the last page ended only because the content did.
    let place = await pageAt(content, height, Math.max(first.start - 1, 0), pages)
    const { start } = place
    const grouping = new Grouping(kind)
    const keep = (from: number, to: number): void => {
      for (const item of kind.within(place.page, from - place.start, to - place.start)) grouping.add(item)
    }
    let at = start
    for (;;) {
      const edit = edits[next]
      if (edit !== undefined && edit.start <= place.end) {
        keep(at, edit.start)
        for (const item of edit.items) grouping.add(item)
        at = edit.end
        next++
        // Also when it ends with the page: the next page's first item may be one with its last.
        if (at >= place.end) place = await pageAt(content, height, at, pages)
        continue
      }
      keep(at, place.end)
      at = place.end
      if (at >= content.length || grouping.isEven) break
      place = await pageAt(content, height, at, pages)
    }
    out.push({ start, end: at, groups: grouping.end() })
  }
  return out
}
