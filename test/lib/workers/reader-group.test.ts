// Who gets a job: the thread that knows the blob, unless its line is long; and when another thread is worth beginning.
import t from 'tap'
import type { ReaderJob } from '../../../lib/workers/messages.js'
import { ReaderGroup } from '../../../lib/workers/reader-group.js'
import type { WorkerLink } from '../../../lib/workers/worker-link.js'

type Link = WorkerLink<ReaderJob>

/** Jobs that end when they are told to. */
function jobs(readers: ReaderGroup): { readonly taken: Link[]; start(affinity?: number): () => Promise<void> } {
  const taken: Link[] = []
  return {
    taken,
    start: (affinity) => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const used = readers.use(affinity, (link) => { taken.push(link); return promise })
      return async () => { resolve(undefined); await used }
    },
  }
}

t.test('whoever has least to do, or knows the blob', async (t) => {
  const [first, second] = [{} as Link, {} as Link]
  const readers = new ReaderGroup()
  readers.add(first)
  readers.add(second)
  const { taken, start } = jobs(readers)
  start()
  start()
  t.same(taken.map((link) => link === first), [true, false])
  for (let each = 0; each < 3; each++) start(0)
  t.same(taken.slice(2).map((link) => link === first), [true, true, true], 'up to two more than another')
  start(0)
  t.equal(taken.at(-1), second)
})

t.test('somebody has to wait: told once, and not while a thread is free', async (t) => {
  const readers = new ReaderGroup()
  readers.add({} as Link)
  readers.add({} as Link)
  let told = 0
  readers.whenCrowded(() => { told++ })
  const { start } = jobs(readers)
  const ends = [start(), start()]
  t.equal(told, 0)
  await ends.pop()?.()
  start()
  t.equal(told, 0, 'one was free again')
  start()
  t.equal(told, 1)
  start()
  t.equal(told, 1)
})
