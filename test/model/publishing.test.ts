// What is told to the manifest, folded, is the tree: with operations at every await of publishing, and after a crash at
// any of them; and on the way nothing that has a name is lost from sight. The rebuild of a vault from its manifest stands
// on this. SLOW=1: more seeds, SEED=n: one of them.
import t from 'tap'
import { isDirectory, isFile } from '../../lib/tree/entry.js'
import { foldDifferences } from './fold-comparison.js'
import { ManifestFold } from './manifest-fold.js'
import { MomentsInSight } from './moments-in-sight.js'
import { PublishingWorld, type Disk } from './publishing-world.js'
import { Random } from './random.js'

t.setTimeout(600_000)

const only = process.env['SEED']
const seeds = only === undefined ? Array.from({ length: process.env['SLOW'] === '1' ? 5000 : 150 }, (_, index) => index + 1) : [Number(only)]
const names = ['a', 'b', 'c', 'd', 'e']

interface Named {
  readonly parent: number
  readonly name: string
  readonly ino: number
}

function everything(world: PublishingWorld): { directories: number[]; named: Named[] } {
  const directories = [1]
  const named: Named[] = []
  for (const parent of directories) {
    world.tree.list(parent, 0, ({ name, ino }) => {
      named.push({ parent, name, ino })
      const entry = world.tree.get(ino)
      if (entry !== undefined && isDirectory(entry)) directories.push(ino)
      return true
    })
  }
  return { directories, named }
}

function isInside(world: PublishingWorld, directory: number, top: number): boolean {
  for (let at = directory; at !== 1; at = world.tree.get(at)?.parent ?? 1) if (at === top) return true
  return false
}

/** One operation that is allowed now; the trace says which. */
function operate(world: PublishingWorld, trace: string[], held: number[]): void {
  const { random, tree } = world
  world.clock.advance(random.below(300))
  const { directories, named } = everything(world)
  const place = { parent: random.pick(directories), name: random.pick(names) }
  const free = tree.lookup(place.parent, place.name) === undefined
  const draw = random.below(12)
  if (draw < 3 || named.length === 0) {
    if (!free) return
    const kind = random.chance(0.3) ? 'directory' : 'file'
    const { ino } = world.make(place.parent, place.name, kind)
    trace.push(`make ${kind} ${String(place.parent)}/${place.name} as ${String(ino)}`)
    return
  }
  const one = random.pick(named)
  const entry = tree.get(one.ino)
  if (entry === undefined) return
  if (draw < 5) {
    if (entry.children > 0) return
    const hold = random.chance(0.2)
    trace.push(`unlink ${String(one.parent)}/${one.name} (${String(one.ino)})${hold ? ' held' : ''}`)
    if (hold) held.push(one.ino)
    world.unlink(one.parent, one.name, hold)
  } else if (draw < 8) {
    const target = tree.lookup(place.parent, place.name)
    const replaced = target === undefined ? undefined : tree.get(target.ino)
    if (isDirectory(entry) && isInside(world, place.parent, one.ino)) return
    if (replaced !== undefined && (isDirectory(replaced) !== isDirectory(entry) || replaced.children > 0)) return
    trace.push(`rename ${String(one.parent)}/${one.name} (${String(one.ino)}) to ${String(place.parent)}/${place.name}`)
    world.rename(one, place)
  } else if (draw < 9) {
    const other = random.pick(named)
    if (isInside(world, other.parent, one.ino) || isInside(world, one.parent, other.ino)) return
    trace.push(`exchange ${String(one.parent)}/${one.name} and ${String(other.parent)}/${other.name}`)
    world.exchange(one, other)
  } else if (draw < 10) {
    if (!free || !isFile(entry)) return
    trace.push(`link ${String(one.ino)} as ${String(place.parent)}/${place.name}`)
    world.link(one.ino, place.parent, place.name)
  } else if (isFile(entry) && random.chance(0.8)) {
    trace.push(`write ${String(one.ino)}`)
    if (random.chance(0.2)) world.truncate(one.ino, random.below(entry.size + 10))
    else world.write(one.ino, random.below(Math.min(entry.size, 9000) + 1), random.bytes(1 + random.below(random.chance(0.2) ? 6000 : 300)))
  } else world.touch(one.ino)
}

interface Outcome {
  readonly problems: readonly string[]
  readonly trace: readonly string[]
}

async function run(seed: number): Promise<Outcome> {
  const random = new Random(seed)
  const world = new PublishingWorld(random)
  const trace: string[] = []
  const held: number[] = []
  const sight = new MomentsInSight(world, new ManifestFold())
  const moments: { readonly disk: Disk; readonly trace: readonly string[] }[] = []
  const meanwhile = (): void => {
    if (random.chance(0.4)) for (let count = 1 + random.below(3); count > 0; count--) operate(world, trace, held)
    if (moments.length < 6 && random.chance(0.15)) {
      // A power cut leaves what was synced, and as much of the rest as chance wills.
      const lsn = world.log.syncedLsn + random.below(world.log.lastLsn - world.log.syncedLsn + 1)
      trace.push(`moment ${String(moments.length)}: log ${String(lsn)} of ${String(world.log.lastLsn)}, ${String(world.manifest.length)} manifest entries`)
      moments.push({ disk: world.disk(Math.max(lsn, world.catalog.marks().appliedLsn)), trace: [...trace] })
    }
  }
  for (let round = 0; round < 4; round++) {
    for (let count = random.below(14); count > 0; count--) operate(world, trace, held)
    world.meanwhile = meanwhile
    // Not long, quiet, or so long that what never rests is told too.
    world.clock.advance(random.pick([0, 0, 1000, 6000, 6000, 301_000]))
    const which = random.pick(['all', 'due'] as const)
    trace.push(`round ${which}`)
    if (random.chance(0.3)) void world.feed.apply()
    await world.publisher.round(which)
    if (random.chance(0.3)) await world.feed.apply()
    for (const ino of held.splice(0)) if (random.chance(0.6)) world.end(ino)
    else held.push(ino)
  }
  trace.push('settle')
  await world.settle()
  for (const ino of held.splice(0)) world.end(ino)
  await world.settle()
  const problems = check(world, sight)
  if (problems.length > 0) return { problems, trace }
  for (const [index, moment] of moments.entries()) {
    const after = new PublishingWorld(random, moment.disk)
    const afterwards = new MomentsInSight(after, new ManifestFold(true))
    const later: string[] = [...moment.trace, `crash at moment ${String(index)}`]
    if (random.chance(0.5)) for (let count = random.below(8); count > 0; count--) operate(after, later, [])
    await after.settle()
    const left = [...after.unpublished.entries.keys()].filter((ino) => (after.tree.get(ino)?.nlink ?? 0) === 0)
    for (const ino of left) after.end(ino)
    await after.settle()
    const wrong = check(after, afterwards)
    if (wrong.length > 0) return { problems: wrong, trace: later }
  }
  return { problems: [], trace }
}

function check(world: PublishingWorld, { fold, lost }: MomentsInSight): string[] {
  const problems = [...lost, ...foldDifferences(fold, world.tree)]
  if (world.unpublished.entries.size + world.unpublished.names.size > 0) problems.push(`unpublished: entries ${[...world.unpublished.entries.keys()].join()}, names ${[...world.unpublished.names.keys()].join()}`)
  return problems
}

t.test('the folded manifest is the tree, whatever happens while it is told and whenever it ends', async (t) => {
  let failed = 0
  for (const seed of seeds) {
    const { problems, trace } = await run(seed)
    if (problems.length === 0) continue
    failed++
    if (failed > 1) continue
    t.comment(trace.slice(-60).join('\n'))
    t.comment(`seed ${String(seed)}:\n${problems.join('\n')}`)
  }
  t.equal(failed, 0, `${String(seeds.length)} seeds`)
})

t.test('a round is due when it would tell something, and only then', async (t) => {
  let [due, failed] = [0, 0]
  for (const seed of seeds) {
    const random = new Random(seed)
    const world = new PublishingWorld(random)
    const trace: string[] = []
    const held: number[] = []
    for (let round = 0; round < 30; round++) {
      for (let count = random.below(6); count > 0; count--) operate(world, trace, held)
      world.clock.advance(random.pick([0, 500, 1000, 2000, 6000]))
      const isDue = world.publisher.isDue()
      const before = world.log.lastLsn
      await world.publisher.round('due')
      trace.push(`round ${isDue ? 'due' : 'not due'}`)
      if (isDue) due++
      if (isDue === world.log.lastLsn > before) continue
      if (failed++ === 0) t.comment(`${trace.slice(-40).join('\n')}\nseed ${String(seed)}: it told ${isDue ? 'nothing' : 'something'}`)
      break
    }
  }
  t.equal(failed, 0, `${String(seeds.length)} seeds, ${String(due)} rounds due`)
})
