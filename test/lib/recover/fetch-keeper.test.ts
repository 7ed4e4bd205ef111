// The thread that keeps what nodes gave: nothing under a wrong name, everything durable when it ended, failures told.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CacheReader } from '../../../lib/cache/reader.js'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import type { PeerBlob } from '../../../lib/store/peer-port.js'
import type { Sealed } from '../../../lib/terms/bytes.js'
import { silent } from '../../../lib/terms/log.js'
import { FetchKeeper } from '../../../lib/vault-fetch-keeper.js'
import { randomBytes } from '../../support/random-bytes.js'

const blobs = (seed: number, count: number): PeerBlob[] => Array.from({ length: count }, (_, index) => {
  const sealed = randomBytes(seed + index, 5000 + index) as Uint8Array as Sealed
  return { blobId: blobIdOf(sealed), sealed }
})

t.test('what is not what its name says is not kept', async (t) => {
  const directory = join(t.testdir(), 'cache')
  const keeper = new FetchKeeper(directory, silent)
  await keeper.ready()
  const [one, two, three] = blobs(1, 3)
  if (one === undefined || two === undefined || three === undefined) throw new Error('three blobs were made')
  const [oneBytes, threeBytes] = [one.sealed.slice(), three.sealed.slice()]
  t.same(await keeper.keep([one, { blobId: two.blobId, sealed: randomBytes(9, 5001) as Uint8Array as Sealed }]), [true, false])
  t.same(await keeper.keep([three]), [true])
  t.same(await keeper.end(), { blobs: 2, bytes: oneBytes.byteLength + threeBytes.byteLength })
  const reader = new CacheReader(directory)
  t.teardown(() => { reader.close() })
  t.equal(reader.locate(two.blobId), undefined)
  for (const [{ blobId }, bytes] of [[one, oneBytes], [three, threeBytes]] as const) {
    const location = reader.locate(blobId)
    if (location === undefined) throw new Error('what was kept is not there')
    const read = new Uint8Array(location.length)
    reader.read(blobId, location, 0, read)
    t.same(Buffer.from(read), Buffer.from(bytes))
  }
  await t.rejects(keeper.keep(blobs(20, 1)), { code: 'io' }, 'nothing is taken after the end')
})

t.test('memory that answers came in is used again when they are written', async (t) => {
  const keeper = new FetchKeeper(join(t.testdir(), 'cache'), silent)
  await keeper.ready()
  const place = keeper.places.take()
  const mark = 4_000_000
  const sealed = place.subarray(0, mark) as Uint8Array as Sealed
  sealed.set(randomBytes(5, 1000))
  place[mark] = 77
  t.same(await keeper.keep([{ blobId: blobIdOf(sealed), sealed }]), [true])
  t.not(keeper.places.take()[mark], 77, 'not before')
  for (let index = 0; index < 4; index++) {
    const other = keeper.places.take().subarray(0, mark) as Uint8Array as Sealed
    other[0] = index + 1
    t.same(await keeper.keep([{ blobId: blobIdOf(other), sealed: other }]), [true])
  }
  t.equal((await keeper.end()).blobs, 5)
  t.ok(Array.from({ length: 5 }, () => keeper.places.take()[mark]).includes(77), 'it came back')
})

t.test('a place that nothing can be written to is said, and nobody waits', async (t) => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  const keeper = new FetchKeeper(join(folder, 'file', 'cache'), silent)
  await t.rejects(keeper.ready(), { code: 'not-a-directory' })
  await keeper.close()
  const lost = join(folder, 'lost')
  const other = new FetchKeeper(lost, silent)
  await other.ready()
  // The folder for its segments is gone.
  rmSync(join(lost, 'segments'), { recursive: true })
  t.same(await other.keep(blobs(1, 1)), [true])
  await t.rejects(other.end(), { code: 'not-found' })
})
