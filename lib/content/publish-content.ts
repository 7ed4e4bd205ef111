// Logged content of some files becomes chunks, blobs and a new content reference each. Nothing here changes a file or
// the tree: what comes out is installed later, together with the manifest entry that says it.
import type { Cut, CutRequest } from '../store/pool-port.js'
import { invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Entry } from '../tree/entry.js'
import { emptyContent, type ContentReference, type Run } from './content-reference.js'
import { spliceContent, type Splice } from './content-splice.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { isHole, pieceOf, stretchesOf, type ContentView } from './read-plan.js'
import { planRecut, type Window } from './recut.js'
import { storeRuns } from './stored-runs.js'

/** One file on its way: exactly what was logged of it up to `throughLsn` is in `content` when done. */
export interface ContentDraft extends ContentView {
  readonly ino: number
  /** Of the file at `throughLsn`, bytes. */
  readonly size: number
  readonly throughLsn: number
  content: ContentReference
}

/** The file as it is at this moment; nothing of it may lie in memory only. */
export function draftOf(entry: Entry, open: OpenContent, context: ContentContext): ContentDraft {
  invariant(open.isLogged, 'a file is published while bytes of it are not logged')
  const { ino, size } = entry
  return { ino, size, base: open.base, extents: open.extents.snapshot(), throughLsn: context.log.lastLsn, content: open.base }
}

interface Job {
  readonly draft: ContentDraft
  window: Window
  readonly runs: Run[]
  /** Where the cutting goes on. */
  at: number
}

/** Fills in the drafts' content. The blobs are durable when it resolves. */
export async function publishContents(drafts: readonly ContentDraft[], context: ContentContext): Promise<void> {
  // Workers read from the log's files.
  context.log.flush()
  const jobs: Job[] = []
  const splices = new Map<ContentDraft, Splice[]>()
  for (const draft of drafts) {
    const inline = await inlineContent(draft, context)
    if (inline !== undefined) {
      draft.content = inline
      continue
    }
    const plan = await planRecut(draft, draft.size, context.pages)
    splices.set(draft, [...plan.splices])
    for (const window of plan.windows) jobs.push({ draft, window, runs: [], at: window.start })
  }
  await cutJobs(jobs, context)
  for (const { draft, window, runs, at } of jobs) splices.get(draft)?.push({ start: window.start, end: at, runs })
  for (const [draft, list] of splices) {
    list.sort((a, b) => a.start - b.start)
    draft.content = await spliceContent(draft.base, list, draft.size, context.pages)
  }
}

async function inlineContent(draft: ContentDraft, context: ContentContext): Promise<ContentReference | undefined> {
  const { size } = draft
  if (size === 0) return emptyContent
  if (size > limits.inlineBytesMax) return undefined
  const stretches = await stretchesOf(draft, 0, size, context.pages)
  const holes = stretches.reduce((sum, stretch) => sum + (isHole(stretch) ? stretch.end - stretch.start : 0), 0)
  if (holes === size) return { length: size, allocated: 0, body: { form: 'runs', runs: [{ kind: 'hole', length: size }] } }
  const lease = await context.pool.read(stretches.map(pieceOf))
  try {
    return { length: size, allocated: size, body: { form: 'inline', bytes: new Uint8Array(lease.bytes) } }
  } finally {
    lease.release()
  }
}

/** Many small windows share one hand-over to a worker; a large one is cut step by step. */
async function cutJobs(jobs: readonly Job[], context: ContentContext): Promise<void> {
  let pending = [...jobs]
  while (pending.length > 0) {
    const batch: Job[] = []
    let bytes = 0
    for (const job of pending) {
      const step = Math.min(job.window.end - job.at, limits.publishBytesMax)
      if (batch.length > 0 && (bytes + step > limits.publishBytesMax || batch.length >= limits.publishFilesMax)) break
      batch.push(job)
      bytes += step
    }
    const cuts = await context.pool.cut(await Promise.all(batch.map((job) => requestOf(job, context))))
    await Promise.all(cuts.map((cut, index) => advance(batch[index], cut, context)))
    pending = pending.filter((job) => job.at < job.window.end)
  }
}

async function requestOf({ draft, window, at }: Job, context: ContentContext): Promise<CutRequest> {
  const end = Math.min(window.end, at + limits.publishBytesMax)
  const stretches = await stretchesOf(draft, at, end, context.pages)
  return {
    pieces: stretches.map(pieceOf), length: end - at, final: end === window.end,
    boundaries: window.boundaries.filter((boundary) => boundary > at && boundary < end).map((boundary) => boundary - at),
    resumeAfter: Math.max(window.editEnd - at, 0),
  }
}

async function advance(job: Job | undefined, cut: Cut, context: ContentContext): Promise<void> {
  const runs = await storeRuns(cut, context)
  if (job === undefined) return
  job.runs.push(...runs)
  job.at += cut.consumed
  // Behind a boundary that was met the old chunks are right.
  if (cut.met) job.window = { ...job.window, end: job.at }
}
