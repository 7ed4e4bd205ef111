// The table of directories of the past: one number for each place, for as long as the kernel holds it.
import t from 'tap'
import { limits } from '../../lib/terms/limits.js'
import { fileIno, isPast, versionOf } from '../../mount/versions/numbers.js'
import { Places } from '../../mount/versions/places.js'
import { passingInoMin } from '../../native-deps/fuse/handler.js'

interface World {
  readonly places: Places
  readonly held: Set<number>
  nowMs: number
}

function world(): World {
  const made = { held: new Set<number>(), nowMs: 0 }
  return Object.assign(made, { places: new Places(() => made.nowMs, (ino) => made.held.has(ino), 0) })
}

t.test('numbers: the past above the present, files below directories', async (t) => {
  t.notOk(isPast(2 ** 52 - 1))
  t.equal(versionOf(fileIno(7)), 7)
  t.ok(isPast(fileIno(1)))
  t.equal(versionOf(passingInoMin), undefined)
  t.throws(() => fileIno(2 ** 51), { code: 'broken-invariant' })
  t.throws(() => fileIno(0), { code: 'broken-invariant' })
  const { places } = world()
  const { ino } = places.gate(1)
  t.ok(isPast(ino))
  t.equal(versionOf(ino), undefined)
  t.ok(Number.isSafeInteger(ino))
})

t.test('no directory has two places, and each has one number', async (t) => {
  const { places } = world()
  const [root, other] = [places.gate(1), places.gate(5)]
  const seen = new Set<number>([root.ino, other.ino])
  const at = { position: 3, entry: 5, version: 50 }
  // The same directory at the same moment: by two names, from two gates, and through the view above it.
  const views = [
    places.entered(root, { name: 'latest', settled: true }, { ...at, entry: 1, version: 10 }), places.entered(root, { name: '2024-05-01', settled: true }, { ...at, entry: 1, version: 10 }),
    places.entered(other, { name: 'latest', settled: true }, at), places.entered(other, { name: '2024-05-01', settled: true }, at), places.entered(other, { name: 'latest', settled: true }, { ...at, position: 4 }),
  ]
  for (const view of views) {
    t.notOk(seen.has(view.ino))
    seen.add(view.ino)
    t.equal(view.root, view.ino)
    t.equal(places.get(view.ino), view)
  }
  const inner = views.slice(0, 2).map((view) => places.below(view, { entry: 5, version: 50 }))
  const deeper = inner.map((view) => places.below(view, { entry: 6, version: 60 }))
  for (const view of [...inner, ...deeper]) {
    t.notOk(seen.has(view.ino))
    seen.add(view.ino)
  }
  t.same(deeper.map(({ parent, root }) => [parent, root]), inner.map(({ ino, parent }) => [ino, parent]))
  t.equal(places.gate(1), root)
  t.equal(places.entered(other, { name: 'latest', settled: true }, at), views[2])
  for (const view of deeper) t.equal(places.below(view, { entry: 6, version: 60 }), view)
  t.equal(places.size, seen.size)
})

t.test('what the kernel lets go of is forgotten, unless it has asked again', async (t) => {
  const { places, held } = world()
  const [one, two] = [places.gate(1), places.gate(2)]
  held.add(two.ino)
  places.forgotten([one.ino, two.ino, 12])
  t.equal(places.get(one.ino), undefined)
  t.equal(places.get(two.ino), two)
  t.not(places.gate(1).ino, one.ino, 'a number is never used again')
})

t.test('answers that the kernel never took do not stay', async (t) => {
  const made = world()
  for (let at = 1; at <= limits.pastPlacesSwept; at++) made.held.add(made.places.gate(at).ino)
  const lost = Array.from({ length: 500 }, (_, at) => made.places.gate(1_000_000 + at))
  made.nowMs = 59_000
  const used = made.places.gate(1_000_000)
  // On its way for a minute at most; looked for when the table has doubled.
  made.nowMs = 100_000
  for (let at = 0; at < limits.pastPlacesSwept + 10; at++) made.held.add(made.places.gate(2_000_000 + at).ino)
  t.equal(made.places.get(used.ino), used, 'asked for again since')
  t.equal(made.places.size, made.held.size + 1)
  t.equal(lost.filter(({ ino }) => made.places.get(ino) !== undefined).length, 1)
})
