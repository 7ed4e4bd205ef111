// The blob cache on a real filesystem: what is committed is known and stays so, copies are dropped, space comes back.

import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { BlobId } from '../../../lib/terms/bytes.js'
import { blob, blobs, folder, holds, open, read } from './opened-cache.js'

t.test('what is committed is known, also after opening again', (t) => {
  const directory = folder()
  const first = open(directory)
  const all = blobs(1, 40)
  const appended = first.appender.append(all)
  t.equal(first.reader.locate(all[0]?.blobId ?? (new Uint8Array(32) as Uint8Array as BlobId)), undefined, 'not before it is durable')
  first.keeper.commit(appended)
  t.ok(holds(first, all))
  const bytes = all.reduce((sum, each) => sum + each.sealed.byteLength, 0)
  t.same(first.keeper.statistics(), { blobs: 40, bytes })
  const one = all[3]
  if (one === undefined) throw new Error('no blob')
  const range = new Uint8Array(100)
  const location = first.reader.locate(one.blobId)
  if (location === undefined) throw new Error('no place')
  first.reader.read(one.blobId, location, 50, range)
  t.same(range, one.sealed.subarray(50, 150))
  t.throws(() => { first.reader.read(one.blobId, location, location.length - 50, range) }, { code: 'corrupt' })
  first.close()
  const second = open(directory)
  t.ok(holds(second, all))
  t.same(second.keeper.statistics(), { blobs: 40, bytes })
  const more = blobs(100, 5)
  second.keeper.commit(second.appender.append(more))
  t.ok(holds(second, [...all, ...more]))
  t.equal(readdirSync(join(directory, 'segments')).length, 1, 'a segment with room is used again')
  second.close()
  t.end()
})

t.test('a second copy of a blob is dropped', (t) => {
  const directory = folder()
  const cache = open(directory)
  const all = blobs(1, 3)
  cache.keeper.commit(cache.appender.append(all))
  const places = all.map(({ blobId }) => cache.reader.locate(blobId))
  cache.keeper.commit(cache.appender.append([...all, ...all, ...blobs(9, 1)]))
  t.same(all.map(({ blobId }) => cache.reader.locate(blobId)), places)
  t.equal(cache.keeper.statistics().blobs, 4)
  t.ok(holds(cache, [...all, ...blobs(9, 1)]))
  cache.close()
  rmSync(join(directory, 'cache.db'))
  const again = open(directory)
  t.ok(holds(again, [...all, ...blobs(9, 1)]))
  t.equal(again.keeper.statistics().blobs, 4)
  again.close()
  t.end()
})

t.test('segments end at their limit; a blob larger than that has one of its own', (t) => {
  const cache = open(folder(), 10_000)
  const all = [...blobs(1, 30), blob(99, 50_000), ...blobs(50, 5)]
  const appended = cache.appender.append(all)
  t.ok(appended.length > 3)
  cache.keeper.commit(appended)
  t.ok(holds(cache, all))
  cache.close()
  t.end()
})

t.test('deleting gives the space back and spares the neighbours', (t) => {
  const directory = folder()
  const cache = open(directory, 4 << 20)
  const all = Array.from({ length: 8 }, (_, index) => blob(index, 1 << 20))
  cache.keeper.commit(cache.appender.append(all))
  const before = blocks(directory)
  const gone = [1, 3, 5].map((index) => all[index]).filter((each) => each !== undefined)
  cache.keeper.delete([...gone.map(({ blobId }) => blobId), blob(77).blobId])
  t.ok(blocks(directory) < before - 2.9 * 2048, 'three holes of a mebibyte')
  t.ok(holds(cache, all.filter((each) => !gone.includes(each))))
  for (const each of gone) t.equal(read(cache.reader, each), undefined)
  t.equal(cache.keeper.statistics().blobs, 5)
  cache.keeper.delete(all.map(({ blobId }) => blobId))
  t.equal(cache.keeper.statistics().blobs, 0)
  t.ok(readdirSync(join(directory, 'segments')).length <= 1, 'full and empty segments are gone; one may be written to')
  cache.keeper.commit(cache.appender.append(all))
  t.ok(holds(cache, all), 'and all of it can come again')
  cache.close()
  t.end()
})

function blocks(directory: string): number {
  return readdirSync(join(directory, 'segments')).reduce((sum, name) => sum + statSync(join(directory, 'segments', name)).blocks, 0)
}
