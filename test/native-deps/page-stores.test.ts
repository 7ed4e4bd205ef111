// Which reads may be followed by content for pages, and who waits for what is under way.
import t from 'tap'
import type { Notices } from '../../native-deps/fuse/notices.js'
import { PageStores } from '../../native-deps/fuse/page-stores.js'

const [readOnly, writeOnly, readWrite] = [0, 1, 2]
const bytes = new Uint8Array(8192)

/** Takes every store; `reach` says that the kernel has acted on all. */
function fixture(): { readonly stores: PageStores; readonly taken: number[]; reach(): void } {
  const taken: number[] = []
  let reached = 0
  const waiting: (() => void)[] = []
  const notices: Pick<Notices, 'store' | 'hasReached' | 'reached'> = {
    store: (ino) => taken.push(ino),
    hasReached: (ticket) => ticket <= reached,
    reached: () => new Promise((resolve) => { waiting.push(resolve) }),
  }
  const reach = (): void => {
    reached = taken.length
    for (const done of waiting.splice(0)) done()
  }
  return { stores: new PageStores(() => notices as Notices), taken, reach }
}

t.test('only of files that nobody may change', async (t) => {
  const { stores, taken } = fixture()
  const first = stores.begin(7)
  t.ok(first)
  if (first !== undefined) stores.store(first, 0, bytes)
  t.same(taken, [7])
  t.equal(stores.opens(8, writeOnly), undefined, 'nothing of it is under way')
  t.equal(stores.begin(8), undefined)
  t.equal(stores.opens(8, readWrite), undefined)
  stores.released(8, writeOnly)
  t.equal(stores.begin(8), undefined, 'the other one has it open')
  stores.released(8, readOnly)
  t.equal(stores.begin(8), undefined)
  stores.released(8, readWrite)
  t.ok(stores.begin(8))
})

t.test('a read that began before somebody came is followed by none', async (t) => {
  const { stores, taken } = fixture()
  const around = stores.begin(7)
  t.equal(stores.changes(7), undefined)
  stores.changed(7)
  if (around !== undefined) stores.store(around, 0, bytes)
  t.same(taken, [])
  if (around !== undefined) stores.end(around)
})

t.test('who is to change it waits for what is under way', async (t) => {
  const { stores, reach } = fixture()
  const around = stores.begin(7)
  if (around !== undefined) stores.store(around, 0, bytes)
  const opening = stores.opens(7, readWrite)
  t.ok(opening)
  let isOpen = false
  const opened = opening?.then(() => { isOpen = true })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(isOpen)
  reach()
  await opened
  t.ok(isOpen)
  t.equal(stores.opens(7, readOnly), undefined)
})

t.test('opened to read and truncated at once: only until it is open', async (t) => {
  const { stores } = fixture()
  const truncating = readOnly | 0o1000
  t.equal(stores.opens(7, truncating), undefined)
  t.equal(stores.begin(7), undefined)
  stores.opened(7, truncating)
  t.ok(stores.begin(7))
  t.equal(stores.opens(8, writeOnly | 0o1000), undefined)
  stores.opened(8, writeOnly | 0o1000)
  t.equal(stores.begin(8), undefined)
  t.equal(stores.opens(9, truncating), undefined)
  stores.refused(9, truncating)
  t.ok(stores.begin(9))
})

t.test('a daemon that took over hands out nothing', async (t) => {
  const { stores } = fixture()
  stores.inherit()
  t.equal(stores.begin(7), undefined)
})
