// What an entry says of its content, and the pages of a tree: authenticated, but by whatever version wrote it. FORMAT §8.
import { decodeContent, decodePage, encodeContent, encodePage, type ContentReference, type Page, type Run } from '../../../lib/content/content-reference.js'
import { limits } from '../../../lib/terms/limits.js'
import { codecTarget, require, type Target } from '../target.js'
import { blobReference, contentReference, magnitude, runs } from './samples.js'

/** A reader goes by these without looking again. */
function requireRuns(all: readonly Run[]): void {
  for (const run of all) {
    require(run.length > 0, 'a run of nothing')
    if (run.kind === 'chunk') require(run.skip + run.length <= run.reference.plainLength, 'a run past the end of its chunk')
    if (run.kind === 'chunk') require(run.reference.kind === 'chunk', 'a run of a page')
  }
}

const sum = (parts: readonly { readonly length: number }[]): number => parts.reduce((total, { length }) => total + length, 0)

const content = codecTarget<ContentReference>({
  name: 'content-reference', says: 'a content reference, FORMAT §8', refusals: ['corrupt', 'format-unknown'],
  make: (random) => encodeContent(random.chance(0.02) ? { length: 0, allocated: 0, body: { form: 'runs', runs: [] } } : contentReference(random)),
  decode: decodeContent,
  encode: encodeContent,
  also: ({ length, body }) => {
    require(Number.isSafeInteger(length), 'a length that is no exact number')
    if (body.form === 'inline') require(body.bytes.byteLength === length, 'inline bytes of another length')
    if (body.form === 'tree') require(body.depth >= 1 && body.root.kind === 'page', 'a tree without a root page')
    if (body.form !== 'runs') return
    requireRuns(body.runs)
    require(sum(body.runs) === length, 'runs of another length in all')
  },
})

const page = codecTarget<Page>({
  name: 'content-page', says: 'a page of a content tree, FORMAT §8', refusals: ['corrupt', 'format-unknown'],
  make: (random) => {
    const countMax = random.chance(0.1) ? limits.pageRunsMax : 12
    if (random.chance(0.5)) return encodePage({ kind: 'leaf', runs: runs(random, countMax) })
    return encodePage({ kind: 'inner', children: Array.from({ length: 1 + random.below(countMax) }, () => ({ length: 1 + magnitude(random, 40), reference: blobReference(random, 'page') })) })
  },
  decode: (input) => decodePage(input, 'page'),
  encode: encodePage,
  also: (decoded) => {
    if (decoded.kind === 'leaf') return requireRuns(decoded.runs)
    for (const { length, reference } of decoded.children) require(length > 0 && reference.kind === 'page', 'a child that is no page, or has nothing below it')
    require(Number.isSafeInteger(sum(decoded.children)), 'children that are too long in all')
  },
})

export const contentTargets: readonly Target[] = [content, page]
