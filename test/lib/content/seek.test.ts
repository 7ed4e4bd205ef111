// Data and holes against a list of blocks: a block is a hole when no byte of it is data.
import t from 'tap'
import { emptyContent } from '../../../lib/content/content-reference.js'
import type { Source } from '../../../lib/content/extent.js'
import { ExtentMap } from '../../../lib/content/extent-map.js'
import type { OpenContent } from '../../../lib/content/open-content.js'
import type { PageStore } from '../../../lib/content/page-store.js'
import { seekContent } from '../../../lib/content/seek.js'
import { Random } from '../../model/random.js'

const block = 4096
const context = { pages: {} as PageStore }

function contentOf(size: number, data: readonly (readonly [start: number, end: number])[]): OpenContent {
  const extents = new ExtentMap(() => undefined)
  const hole: Source = { kind: 'hole', lsn: 1 }
  extents.put({ start: 0, end: size, source: hole, skip: 0 })
  for (const [start, end] of data) {
    const source: Source = { kind: 'memory', position: 0, length: end - start, users: 0, readers: 0, row: -1, sinceMs: 0, oldest: 1, newest: 1, inOrder: true }
    extents.put({ start, end, source, skip: 0 })
  }
  return { size, extents, base: emptyContent } as unknown as OpenContent
}

t.test('random layouts', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed)
    const size = 1 + random.below(40 * block)
    const data = Array.from({ length: random.below(6) }, () => {
      const start = random.below(size)
      return [start, Math.min(size, start + 1 + random.below(2 * block))] as const
    })
    const content = contentOf(size, data)
    const isData = (at: number): boolean => {
      const from = Math.floor(at / block) * block
      return data.some(([start, end]) => start < from + block && end > from)
    }
    for (let probe = 0; probe < 60; probe++) {
      const offset = random.below(size)
      const expected = (wanted: boolean): number | undefined => {
        for (let at = offset; at < size; at = (Math.floor(at / block) + 1) * block) if (isData(at) === wanted) return at
        return wanted ? undefined : size
      }
      const found = [await seekContent(content, offset, 'data', context), await seekContent(content, offset, 'hole', context)]
      if (found[0] !== expected(true) || found[1] !== expected(false)) t.strictSame(found, [expected(true), expected(false)], `seed ${String(seed)}, ${String(offset)} of ${String(size)}`)
    }
  }
  t.pass('60 layouts')
})

t.test('far beyond what is looked at first', async (t) => {
  const size = 2 ** 43
  const content = contentOf(size, [[2 ** 40 + 5, 2 ** 40 + 6], [size - 1, size]])
  t.equal(await seekContent(content, 7, 'data', context), 2 ** 40)
  t.equal(await seekContent(content, 2 ** 40 + 1, 'hole', context), 2 ** 40 + block)
  t.equal(await seekContent(content, 2 ** 40 + block, 'data', context), size - block)
  t.equal(await seekContent(content, size - 1, 'hole', context), size)
  t.equal(await seekContent(contentOf(9, []), 0, 'data', context), undefined)
})
