// What a content, or a page of its tree, refers to directly, and whether it covers the bytes that it should: for whoever
// goes through all of it without reading the file.
import type { BlobReference } from '../format/blob-reference.js'
import type { ContentReference, Page, Run } from './content-reference.js'

export interface Below {
  readonly reference: BlobReference
  /** Bytes of content that it stands for, when it is a page. */
  readonly length: number
}

export function belowContent({ body, length }: ContentReference): readonly Below[] {
  if (body.form === 'inline') return []
  if (body.form === 'tree') return [{ reference: body.root, length }]
  return belowRuns(body.runs)
}

export function belowPage(page: Page): readonly Below[] {
  return page.kind === 'leaf' ? belowRuns(page.runs) : page.children
}

function belowRuns(runs: readonly Run[]): readonly Below[] {
  return runs.flatMap((run) => (run.kind === 'chunk' ? [{ reference: run.reference, length: run.length }] : []))
}

/** What is wrong with it; undefined: nothing. */
export function contentFault({ body, length }: ContentReference): string | undefined {
  if (body.form === 'inline') return differing(body.bytes.byteLength, length)
  return body.form === 'runs' ? runsFault(body.runs, length) : undefined
}

export function pageFault(page: Page, length: number): string | undefined {
  return page.kind === 'leaf' ? runsFault(page.runs, length) : differing(sum(page.children), length)
}

function runsFault(runs: readonly Run[], length: number): string | undefined {
  const outside = runs.find((run) => run.kind === 'chunk' && run.skip + run.length > run.reference.plainLength)
  return outside === undefined ? differing(sum(runs), length) : 'a run reaches beyond the end of its chunk'
}

function sum(parts: readonly { readonly length: number }[]): number {
  return parts.reduce((all, { length }) => all + length, 0)
}

function differing(covered: number, length: number): string | undefined {
  return covered === length ? undefined : `it covers ${covered} bytes instead of ${length}`
}
