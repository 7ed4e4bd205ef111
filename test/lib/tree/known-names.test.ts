// What is asked of the catalog for names: once each; the next ones with the one that is asked for, when somebody goes
// through a folder, and never for who asks for names that are not there or jumps about.
import t from 'tap'
import { KnownNames } from '../../../lib/tree/known-names.js'
import type { Dirent } from '../../../lib/tree/places.js'
import { Random } from '../../model/random.js'

const folder = 7
const nameOf = (index: number): string => `f${String(index).padStart(4, '0')}`

function knownNames(count: number): { known: KnownNames; asked: number[]; rows: Map<string, Dirent> } {
  const rows = new Map<string, Dirent>()
  for (let index = 0; index < count; index++) rows.set(nameOf(index), { name: nameOf(index), ino: 100 + index, cookie: index + 16 })
  const asked: number[] = []
  const known = new KnownNames({
    lookup: (parent, name) => {
      asked.push(1)
      return parent === folder ? rows.get(name) : undefined
    },
    lookupFrom: (parent, name, limit) => {
      asked.push(limit)
      return parent === folder ? [...rows.values()].filter((row) => row.name >= name).sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit) : []
    },
  })
  return { known, asked, rows }
}

t.test('who goes through a folder has the next names read with the one he asks for', (t) => {
  const { known, asked } = knownNames(200)
  for (let index = 0; index < 200; index++) {
    t.equal(known.get(folder, nameOf(index))?.ino, 100 + index)
    t.equal(known.get(folder, nameOf(index))?.ino, 100 + index)
  }
  t.ok(asked.length < 15, `${String(asked.length)} questions for 200 names`)
  t.end()
})

t.test('who asks for names that are not there, or goes backwards, or jumps, has one read', (t) => {
  const { known, asked } = knownNames(1000)
  for (let index = 0; index < 50; index++) t.equal(known.get(folder, `g${String(index)}`), undefined)
  for (let index = 999; index > 950; index--) t.equal(known.get(folder, nameOf(index))?.ino, 100 + index)
  t.same(new Set(asked), new Set([1]))
  asked.length = 0
  for (let index = 0; index < 900; index += 40) known.get(folder, nameOf(index))
  t.ok(asked.reduce((sum, count) => sum + count, 0) <= asked.length * 3, 'what was read for nothing is not read again')
  t.end()
})

t.test('whatever is asked for, the answer is what is there', (t) => {
  const random = new Random(5)
  const { known, rows } = knownNames(300)
  let at = 0
  let problem = ''
  for (let step = 0; step < 5000; step++) {
    at = random.chance(0.8) ? at + random.below(3) : random.below(320)
    if (random.chance(0.01)) {
      rows.delete(nameOf(random.below(300)))
      known.forget()
    }
    if (known.get(folder, nameOf(at))?.ino !== rows.get(nameOf(at))?.ino) problem ||= `step ${String(step)}: ${nameOf(at)}`
    if (at >= 320) at = 0
  }
  t.equal(problem, '')
  t.end()
})
