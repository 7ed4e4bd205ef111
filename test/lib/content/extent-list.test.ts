// ExtentList against one sorted array, through the changes that split, join and empty its blocks.
import t from 'tap'
import { ExtentList } from '../../../lib/content/extent-list.js'
import type { Extent, Source } from '../../../lib/content/extent.js'
import { Random } from '../../model/random.js'

const source: Source = { kind: 'hole', lsn: 1 }
const span = 20_000

t.test('random replacements, short and over many blocks', (t) => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(seed)
    const list = new ExtentList()
    let model: Extent[] = []
    for (let step = 0; step < 6000; step++) {
      const start = random.below(span)
      const end = start + 1 + (random.chance(0.002) ? random.below(span) : random.below(4))
      const old = model.filter((each) => each.end > start && each.start < end)
      const found = list.overlapping(start, end)
      if (found.length !== old.length || found.some((each, at) => each !== old[at])) throw new Error(`seed ${seed}, step ${step}: overlapping`)
      const head = old[0]
      const tail = old.at(-1)
      const fresh = [
        ...(head !== undefined && head.start < start ? [{ ...head, end: start }] : []),
        ...(random.chance(0.1) ? [] : [{ start, end, source, skip: step }]),
        ...(tail !== undefined && tail.end > end ? [{ ...tail, start: end }] : []),
      ]
      list.replace(start, old.length, fresh)
      model = [...model.filter((each) => each.end <= start), ...fresh, ...model.filter((each) => each.start >= end && !fresh.includes(each))]
      const at = random.below(span)
      if (list.endingAfter(at) !== model.find((each) => each.end > at)) throw new Error(`seed ${seed}, step ${step}: endingAfter`)
      if (list.endingBefore(at) !== model.findLast((each) => each.end <= at)) throw new Error(`seed ${seed}, step ${step}: endingBefore`)
      if (list.size !== model.length || list.last !== model.at(-1)) throw new Error(`seed ${seed}, step ${step}: size or last`)
    }
    t.same(list.all(), model)
    t.ok(model.length > 600, `${model.length} extents: several blocks`)
    const copy = list.copy()
    list.reset(model.slice(0, 700))
    t.same(list.all(), model.slice(0, 700))
    list.replace(0, 700, [])
    t.same([list.size, list.all(), list.last, list.endingAfter(0)], [0, [], undefined, undefined])
    t.same(copy.all(), model, 'a copy stays')
  }
  t.end()
})
