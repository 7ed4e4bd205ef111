// Chunks that a cut found become runs: known ones by the blob they have, new ones by a blob made and stored now.
import type { BlobReference } from '../format/blob-reference.js'
import type { Cut } from '../store/pool-port.js'
import { hex } from '../terms/bytes.js'
import { invariant } from '../terms/errors.js'
import { pushRun, type Run } from './content-reference.js'
import type { ContentContext } from './open-content.js'

/** Durable when it resolves: the blobs of all runs are in the cache. Must be called once for every cut. */
export async function storeRuns(cut: Cut, context: ContentContext): Promise<readonly Run[]> {
  const unknown: number[] = []
  const first = new Set<string>()
  cut.runs.forEach((run, index) => {
    if (run.kind === 'hole' || context.tree.chunk(run.chunkId) !== undefined || first.has(hex(run.chunkId))) return
    first.add(hex(run.chunkId))
    unknown.push(index)
  })
  const stored = new Map<string, BlobReference>()
  for (const reference of await cut.store(unknown)) {
    stored.set(hex(reference.chunkId), reference)
    context.tree.addChunk(reference)
  }
  const runs: Run[] = []
  for (const run of cut.runs) {
    if (run.kind === 'hole') {
      pushRun(runs, run)
      continue
    }
    const reference = stored.get(hex(run.chunkId)) ?? context.tree.chunk(run.chunkId)
    invariant(reference !== undefined, 'a chunk is neither known nor stored')
    pushRun(runs, { kind: 'chunk', length: run.length, skip: 0, reference })
  }
  return runs
}
