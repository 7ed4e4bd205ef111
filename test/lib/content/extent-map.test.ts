// ExtentMap against an array of bytes: what each byte comes from, the counts, and who may be given back when.
import t from 'tap'
import type { MemorySource, Source } from '../../../lib/content/extent.js'
import { ExtentMap } from '../../../lib/content/extent-map.js'
import { Random } from '../../model/random.js'

const size = 200

/** Of each byte: nothing, or the source and the byte of it. */
type Model = (undefined | { readonly source: Source; readonly at: number })[]

function check(fail: (what: string) => void, map: ExtentMap, model: Model, live: ReadonlySet<Source>): void {
  const found: Model = Array.from({ length: size }, () => undefined)
  let before = 0
  for (const { start, end, source, skip } of map.all()) {
    if (start < before || end <= start) fail(`extent ${String(start)}..${String(end)} after ${String(before)}`)
    before = end
    for (let at = start; at < end; at++) found[at] = { source, at: skip + at - start }
  }
  const wrong = found.findIndex((byte, at) => byte?.source !== model[at]?.source || byte?.at !== model[at]?.at)
  if (wrong >= 0) fail(`byte ${String(wrong)}`)
  const bytes = (kind: (source: Source) => boolean): number => model.filter((byte) => byte !== undefined && kind(byte.source)).length
  if (map.memoryBytes !== bytes(({ kind }) => kind === 'memory')) fail('memoryBytes')
  if (map.holeBytes !== bytes(({ kind }) => kind === 'hole')) fail('holeBytes')
  if (map.dataBytes !== bytes(({ kind }) => kind !== 'hole')) fail('dataBytes')
  for (const source of live) {
    const used = model.some((byte) => byte?.source === source) || (source.kind === 'memory' && source.readers > 0)
    if (!used) fail('a source that nobody uses was not given back')
  }
}

t.test('random puts, removals and loans', async (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed)
    const live = new Set<Source>()
    const released = new Set<Source>()
    const map = new ExtentMap((source) => {
      if (released.has(source)) t.fail('given back twice')
      released.add(source)
      live.delete(source)
    })
    const model: Model = Array.from({ length: size }, () => undefined)
    const lent: MemorySource[] = []
    for (let step = 0; step < 60; step++) {
      const start = random.below(size - 1)
      const end = start + 1 + random.below(Math.min(60, size - start - 1) + 1)
      const draw = random.below(10)
      if (draw < 6) {
        const skip = random.below(20)
        const source: Source = draw < 4
          ? { kind: 'memory', position: step * 100, length: skip + end - start, users: 0, readers: 0, row: -1, sinceMs: 0, oldest: 1, newest: 1, inOrder: true }
          : { kind: 'hole', lsn: step }
        if (source.kind === 'memory') live.add(source)
        map.put({ start, end, source, skip })
        for (let at = start; at < end; at++) model[at] = { source, at: skip + at - start }
      } else if (draw < 8) {
        map.remove(start, end)
        model.fill(undefined, start, end)
      } else if (draw < 9) {
        const source = map.at(start)?.source
        if (source?.kind === 'memory') {
          map.lend(source)
          lent.push(source)
        }
      } else {
        const source = lent.pop()
        if (source !== undefined) map.takeBack(source)
      }
      check((what) => t.fail(`seed ${String(seed)}, step ${String(step)}: ${what}`), map, model, live)
    }
    for (const source of lent) map.takeBack(source)
    map.removeWhere(() => true)
    if (live.size > 0 || map.size > 0 || map.dataBytes + map.holeBytes > 0) t.fail(`seed ${String(seed)}: something is left`)
  }
  t.pass('200 seeds')
})

t.test('lookups', async (t) => {
  const map = new ExtentMap(() => undefined)
  const hole = (lsn: number): Source => ({ kind: 'hole', lsn })
  map.put({ start: 10, end: 20, source: hole(1), skip: 0 })
  map.put({ start: 30, end: 40, source: hole(2), skip: 0 })
  t.equal(map.at(9), undefined)
  t.equal(map.at(10)?.start, 10)
  t.equal(map.at(20), undefined)
  t.equal(map.endingAt(20)?.start, 10)
  t.equal(map.endingAt(15), undefined)
  t.same(map.overlapping(19, 31).map(({ start }) => start), [10, 30])
  t.same(map.overlapping(20, 30), [])
  t.equal(map.end, 40)
})
