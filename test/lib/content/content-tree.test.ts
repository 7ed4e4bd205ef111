// Content of more than a thousand runs as pages of a tree, against an array of bytes: any splice, any range; the tree is
// the one that the runs give from nothing, and pages that an edit does not touch are neither read nor stored.
import { createHash } from 'node:crypto'
import t from 'tap'
import { decodeContent, decodePage, encodeContent, encodePage, pushRun, type ContentReference, type Run } from '../../../lib/content/content-reference.js'
import { spliceContent, type Splice } from '../../../lib/content/content-splice.js'
import { runsOf } from '../../../lib/content/content-tree.js'
import { PageStore } from '../../../lib/content/page-store.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import { Arena } from '../../../lib/store/arena.js'
import { hex, type BlobId, type ChunkId } from '../../../lib/terms/bytes.js'
import { emptyContent } from '../../../lib/content/content-reference.js'
import { Random } from '../../model/random.js'
import { FakeLog } from '../../support/fake-log.js'
import { FakePool } from '../../support/fake-pool.js'

const chunkBytes = 4096

function reference(index: number): BlobReference {
  const digest = (domain: string): Uint8Array => new Uint8Array(createHash('sha256').update(`${domain} ${String(index)}`).digest())
  return {
    chunkId: digest('chunk') as ChunkId, blobId: digest('blob') as BlobId, tableHash: digest('table'), plainLength: chunkBytes,
    sealedLength: 4390, epoch: 1, suite: 1, kind: 'chunk', framing: 'raw',
  }
}

/** The model: for each unit of content the chunk's number and the byte of it; 0: hole. Units of one byte. */
interface Unit {
  readonly chunk: number
  readonly at: number
}

class World {
  readonly pool = new FakePool(new Arena(65536), new FakeLog())
  readonly pages = new PageStore(this.pool)
  readonly references = new Map<string, number>()
  next = 1

  run(random: Random, length: number): Run {
    if (random.chance(0.2)) return { kind: 'hole', length }
    const made = { ...reference(this.next), sealedLength: 0 }
    this.references.set(hex(made.chunkId), this.next++)
    return { kind: 'chunk', length, skip: random.below(chunkBytes - length + 1), reference: { ...made, sealedLength: this.sealedLength } }
  }

  sealedLength = 0

  units(runs: readonly Run[]): Unit[] {
    const units: Unit[] = []
    for (const run of runs) {
      const chunk = run.kind === 'hole' ? 0 : this.references.get(hex(run.reference.chunkId)) ?? -1
      const skip = run.kind === 'hole' ? 0 : run.skip
      for (let at = 0; at < run.length; at++) units.push({ chunk, at: chunk === 0 ? 0 : skip + at })
    }
    return units
  }
}

async function sameAs(world: World, content: ContentReference, model: readonly Unit[]): Promise<boolean> {
  const found = world.units(await runsOf(content, 0, model.length + 10, world.pages))
  return found.length === model.length + 10 && found.every(({ chunk, at }, index) => chunk === (model[index]?.chunk ?? 0) && at === (model[index]?.at ?? 0))
}

/** The tree does not show how it came to be. */
async function isCanonical(world: World, content: ContentReference): Promise<boolean> {
  const { length } = content
  const runs = await runsOf(content, 0, length, world.pages)
  const anew = await spliceContent(emptyContent, [{ start: 0, end: length, runs }], length, world.pages)
  return Buffer.compare(encodeContent(anew), encodeContent(content)) === 0
}

async function newWorld(): Promise<World> {
  const world = new World()
  const [stored] = await world.pool.storePages([new Uint8Array(chunkBytes)])
  world.sealedLength = stored?.sealedLength ?? 0
  return world
}

t.test('splices of a content of many runs', async (t) => {
  const seeds = process.env['SLOW'] === '1' ? 200 : 5
  for (let seed = 1; seed <= seeds; seed++) {
    const random = new Random(seed)
    const world = await newWorld()
    let model: Unit[] = []
    let content = emptyContent
    const first: Run[] = []
    while (first.length < 1500) pushRun(first, world.run(random, 1 + random.below(30)))
    const total = first.reduce((sum, { length }) => sum + length, 0)
    content = await spliceContent(content, [{ start: 0, end: total, runs: first }], total, world.pages)
    model = world.units(first)
    if (seed === 1) t.equal(content.body.form, 'tree')
    for (let step = 0; step < 12; step++) {
      const splices: Splice[] = []
      for (let at = random.below(model.length + 1), left = 1 + random.below(4); left > 0 && at < model.length; left--) {
        const run = world.run(random, 1 + random.below(200))
        // What is there already, in new pieces: one with its neighbours again.
        const same = random.chance(0.3) ? await runsOf(content, at, Math.min(at + run.length, model.length), world.pages) : [run]
        const end = same.reduce((sum, { length }) => sum + length, at)
        splices.push({ start: at, end, runs: same })
        at = end + (random.chance(0.2) ? 0 : random.below(3000))
      }
      const size = random.chance(0.3) ? random.below(model.length + 500) : Math.max(model.length, splices.at(-1)?.end ?? 0)
      content = decodeContent(encodeContent(await spliceContent(content, splices, size, world.pages)))
      const next = Array.from({ length: size }, (_, at): Unit => model[at] ?? { chunk: 0, at: 0 })
      for (const { start, runs } of splices) world.units(runs).forEach((unit, index) => { if (start + index < size) next[start + index] = unit })
      model = next
      if (!(await sameAs(world, content, model))) {
        t.fail(`seed ${String(seed)}, step ${String(step)}`)
        return
      }
      if (!(await isCanonical(world, content))) {
        t.fail(`seed ${String(seed)}, step ${String(step)}: another tree than from nothing`)
        return
      }
      const data = model.filter(({ chunk }) => chunk !== 0).length
      if (content.allocated !== data || content.length !== size) {
        t.fail(`seed ${String(seed)}: allocated ${String(content.allocated)} of ${String(data)}`)
        return
      }
      const from = random.below(size + 1)
      const to = from + random.below(size - from + 1)
      const part = world.units(await runsOf(content, from, to, new PageStore(world.pool)))
      if (part.length !== to - from || part.some(({ chunk, at }, index) => chunk !== model[from + index]?.chunk || at !== model[from + index]?.at)) {
        t.fail(`seed ${String(seed)}: range ${String(from)}..${String(to)}`)
        return
      }
    }
  }
  t.pass(`${String(seeds)} seeds`)
})

t.test('edits of 100 000 runs read and store the pages on their way', async (t) => {
  const random = new Random(9)
  const world = await newWorld()
  const runs: Run[] = []
  while (runs.length < 100_000) pushRun(runs, world.run(random, 100))
  const total = runs.reduce((sum, { length }) => sum + length, 0)
  const before = await spliceContent(emptyContent, [{ start: 0, end: total, runs }], total, world.pages)
  const pagesBefore = world.pool.blobs.size
  t.ok(pagesBefore > 300, `${String(pagesBefore)} pages`)
  const [middle, late] = [Math.floor(total / 2), Math.floor(total * 0.9)]
  const piece = (start: number): Splice => ({ start, end: start + 50, runs: [world.run(random, 50)] })
  for (const [splices, length] of [
    [[piece(middle)], total], [[piece(0)], total], [[piece(total - 20)], total + 30], [[], middle], [[piece(middle), piece(late)], total + 100_000],
  ] as const satisfies readonly (readonly [readonly Splice[], number])[]) {
    const [stored, read] = [world.pool.blobs.size, world.pool.pagesRead]
    const after = await spliceContent(before, splices, length, new PageStore(world.pool))
    const most = 4 * (splices.length + 1)
    t.ok(world.pool.blobs.size - stored <= most, `${String(world.pool.blobs.size - stored)} new pages`)
    // Those that are cut off are read, for what is allocated in them.
    if (length >= total) t.ok(world.pool.pagesRead - read <= 2 * most, `${String(world.pool.pagesRead - read)} pages read`)
    t.ok(await isCanonical(world, after))
  }
})

t.test('pages and references survive their encoding; what is not one is refused', async (t) => {
  const world = await newWorld()
  const random = new Random(4)
  const runs = Array.from({ length: 100 }, () => world.run(random, 1 + random.below(500)))
  const page = encodePage({ kind: 'leaf', runs })
  t.same(decodePage(page, 'page'), { kind: 'leaf', runs })
  for (const content of [
    emptyContent,
    { length: 5, allocated: 5, body: { form: 'inline', bytes: new Uint8Array([1, 2, 3, 4, 5]) } },
    { length: 7, allocated: 0, body: { form: 'runs', runs: [{ kind: 'hole', length: 7 }] } },
    { length: 7e12, allocated: 123, body: { form: 'tree', depth: 2, root: { ...reference(1), kind: 'page', sealedLength: world.sealedLength } } },
  ] as const satisfies readonly ContentReference[]) t.same(decodeContent(encodeContent(content)), content)
  for (let cut = 1; cut < page.byteLength; cut += 7) t.throws(() => decodePage(page.subarray(0, cut), 'page'), { code: 'corrupt' })
  t.throws(() => decodePage(new Uint8Array([9]), 'page'), { code: 'corrupt' })
  t.throws(() => decodeContent(new Uint8Array([9, 1, 1])), { code: 'corrupt' })
})
