// The tree over its generations and the catalog, against plain maps: with a generation on its way into the catalog at
// any time, and listings that go on across it; and the codecs of entries and images.
import t from 'tap'
import { hex, type EntryId } from '../../../lib/terms/bytes.js'
import { CatalogFeed } from '../../../lib/tree/catalog-feed.js'
import { newEntry, modeType, type Entry, type Name } from '../../../lib/tree/entry.js'
import { decodeAttributes, decodeXattrs, encodeAttributes, encodedAttributesBytes, encodeXattrs } from '../../../lib/tree/entry-codec.js'
import { decodeImages, encodeImages } from '../../../lib/tree/images.js'
import { Tree } from '../../../lib/tree/tree.js'
import { Random } from '../../model/random.js'
import { FakeCatalog } from '../../support/fake-catalog.js'
import { FakeLog } from '../../support/fake-log.js'

function entryOf(random: Random, ino: number): Entry {
  const entry = newEntry({ ino, id: random.bytes(16) as Uint8Array as EntryId, mode: modeType.file | 0o644, uid: 1, gid: 2, rdev: 0, now: { sec: ino, nsec: 3 } })
  return entry
}

/** Lists in steps; between two of them anything may happen. */
class Listing {
  readonly met: string[] = []
  cookie = 0
  done = false
  /** Names that were there all the time, each at its cookie. */
  readonly staying: Map<Name, number>

  constructor(names: ReadonlyMap<Name, { readonly cookie: number }>) {
    this.staying = new Map([...names].map(([name, { cookie }]) => [name, cookie]))
  }

  step(tree: Tree, parent: number, count: number): void {
    let taken = 0
    tree.list(parent, this.cookie, ({ name, cookie }) => {
      if (taken++ === count) return false
      this.met.push(name)
      this.cookie = cookie
      return true
    })
    this.done = taken <= count
  }
}

async function run(seed: number): Promise<string> {
  const random = new Random(seed)
  let work: () => void = () => undefined
  const pause = async (): Promise<void> => {
    work()
    await Promise.resolve()
  }
  const catalog = new FakeCatalog([], pause)
  const log = new FakeLog([], pause)
  const tree = new Tree(catalog, { cachedEntriesBytes: 2400, listBatch: 2 })
  const feed = new CatalogFeed(tree, catalog, log, 0)
  const parents = [1, 2]
  for (const parent of parents) tree.addBorn(entryOf(random, parent))
  const model = new Map(parents.map((parent) => [parent, new Map<Name, { ino: number; cookie: number }>()]))
  const sizes = new Map<number, number>()
  let listings: { parent: number; listing: Listing }[] = []
  let problem = ''
  work = () => {
    for (let count = random.below(4); count > 0 && problem === ''; count--) {
      const parent = random.pick(parents)
      const names = model.get(parent) ?? new Map<Name, { ino: number; cookie: number }>()
      const name = random.pick([...'abcdefghij'])
      const known = names.get(name)
      const draw = random.below(10)
      if (draw < 4) {
        const entry = entryOf(random, tree.nextIno)
        tree.addBorn(entry)
        sizes.set(entry.ino, 0)
        // A new name comes last, a name that gets another meaning stays in its place.
        names.set(name, { ino: entry.ino, cookie: tree.bind(parent, name, entry.ino, known?.cookie) })
      } else if (draw < 7 && known !== undefined) {
        tree.unbind(parent, name)
        names.delete(name)
        if (random.chance(0.7)) {
          tree.remove(known.ino)
          sizes.delete(known.ino)
        }
      } else if (draw === 9 && known !== undefined) {
        const to = random.pick([...'abcdefghij'])
        if (!names.has(to)) {
          // As replayed records do it, and as a change of now.
          if (random.chance(0.5)) {
            tree.bind(parent, to, known.ino, known.cookie)
            tree.unbind(parent, name)
          } else {
            tree.unbind(parent, name)
            tree.bind(parent, to, known.ino, known.cookie)
          }
          names.delete(name)
          names.set(to, known)
        }
      } else if (draw < 8 && known !== undefined) {
        tree.edit(known.ino).size = step
        sizes.set(known.ino, step)
      } else if (draw < 9 || known === undefined) listings.push({ parent, listing: new Listing(names) })
      step++
      for (const { parent: listed, listing } of listings) {
        for (const [staying, cookie] of listing.staying) if (model.get(listed)?.get(staying)?.cookie !== cookie) listing.staying.delete(staying)
        if (random.chance(0.5)) listing.step(tree, listed, 1 + random.below(3))
        if (!listing.done) continue
        if (new Set(listing.met).size !== listing.met.length && [...listing.staying.keys()].some((each) => listing.met.filter((met) => met === each).length > 1)) problem = `a listing met a name twice: ${listing.met.join()}`
        for (const each of listing.staying.keys()) if (!listing.met.includes(each)) problem = `a listing missed ${each}: ${listing.met.join()}`
      }
      listings = listings.filter(({ listing }) => !listing.done)
      problem ||= differenceOf(tree, model, sizes, name)
    }
  }
  let step = 0
  for (let round = 0; round < 8 && problem === ''; round++) {
    work()
    await feed.apply()
  }
  work = () => undefined
  await feed.apply()
  const again = new Tree(catalog, { cachedEntriesBytes: 2400, listBatch: 2 })
  for (const name of 'abcdefghij') problem ||= differenceOf(again, model, sizes, name)
  return problem
}

function differenceOf(tree: Tree, model: ReadonlyMap<number, ReadonlyMap<Name, { ino: number; cookie: number }>>, sizes: ReadonlyMap<number, number>, name: Name): string {
  for (const [parent, names] of model) {
    const [found, wanted] = [tree.lookup(parent, name), names.get(name)]
    if (found?.ino !== wanted?.ino || found?.cookie !== wanted?.cookie) return `${String(parent)}/${name} is ${String(found?.ino)} at ${String(found?.cookie)}, wanted ${String(wanted?.ino)} at ${String(wanted?.cookie)}`
    const listed: string[] = []
    tree.list(parent, 0, (dirent) => listed.push(`${dirent.name} ${String(dirent.ino)}`) > 0)
    const expected = [...names].sort((a, b) => a[1].cookie - b[1].cookie).map(([each, { ino }]) => `${each} ${String(ino)}`)
    if (listed.join() !== expected.join()) return `${String(parent)} lists ${listed.join()}, wanted ${expected.join()}`
  }
  for (const [ino, size] of sizes) if (tree.get(ino)?.size !== size) return `entry ${String(ino)} has ${String(tree.get(ino)?.size)} bytes, wanted ${String(size)}`
  return ''
}

t.test('generations on their way into the catalog hide nothing and show nothing twice', async (t) => {
  for (let seed = 1; seed <= 150; seed++) {
    const problem = await run(seed)
    if (problem === '') continue
    t.fail(`seed ${String(seed)}: ${problem}`)
    return
  }
  t.pass('150 seeds')
})

t.test('entries, xattrs and images survive their encoding; what is cut short is refused', async (t) => {
  const random = new Random(1)
  const entry = { ...entryOf(random, 77), size: 2 ** 44, blocks: 123, atimeSec: -5, atimeNsec: 999_999_999, mtimeSec: 2 ** 33, target: random.bytes(40), parent: 12, children: 4, nlink: 3 }
  const bytes = Buffer.alloc(encodedAttributesBytes(entry))
  t.equal(encodeAttributes(entry, bytes, 0), bytes.byteLength)
  t.same(decodeAttributes(bytes, 0, 77).entry, entry)
  // As far as touch(1) goes, both ways: above 2^53.
  const far = { ...entry, atimeSec: -67768040609740800, mtimeSec: 67767976233532800 }
  encodeAttributes(far, bytes, 0)
  t.same(decodeAttributes(bytes, 0, 77).entry, far)
  for (let cut = 0; cut < bytes.byteLength; cut += 5) t.throws(() => decodeAttributes(bytes.subarray(0, cut), 0, 77), { code: 'corrupt' })
  const xattrs = new Map([['user.a', random.bytes(10)], ['user.\xff', new Uint8Array(0)]])
  t.same(decodeXattrs(encodeXattrs(xattrs)), xattrs)
  t.equal(decodeXattrs(encodeXattrs(null)), null)
  const [parentId, wasId] = [random.bytes(16) as Uint8Array as EntryId, random.bytes(16) as Uint8Array as EntryId]
  const images = {
    entries: [{ ...entry, xattrs }, { ...entry, ino: 78, xattrs: null }], xattrsOf: new Set([77]), born: new Set([78]), gone: [{ ino: 5, id: wasId }],
    dirents: [
      { parent: 1, name: 'n\xe4me', ino: 0, cookie: 2 ** 40, was: 5, parentId, wasId, displaced: false },
      { parent: 1, name: 'x', ino: 77, cookie: 17, was: 0, parentId, wasId: undefined, displaced: true },
    ],
  }
  const decoded = decodeImages(encodeImages(images))
  t.same(decoded, images)
  t.equal(hex(encodeImages(decoded)), hex(encodeImages(images)))
  t.throws(() => decodeImages(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0])), { code: 'format-unknown' })
})
