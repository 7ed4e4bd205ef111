// What goes wrong with the cache: crashes, a lost index, damaged segments, a failed sync, a full disk. The index is only
// an index, and damage stays where it is.

import { execFileSync } from 'node:child_process'
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openPlain } from '../../../native-deps/sqlite.js'
import { CacheKeeper } from '../../../lib/cache/keeper.js'
import { segmentPath } from '../../../lib/cache/segment-files.js'
import { silent } from '../../../lib/terms/log.js'
import { randomBytes } from '../../support/random-bytes.js'
import { blob, blobs, folder, holds, open } from './opened-cache.js'

t.test('what a crash left behind the index: whole blobs are kept, a torn one is cut off', (t) => {
  const directory = folder()
  const first = open(directory)
  const known = blobs(1, 5)
  const written = blobs(20, 4)
  first.keeper.commit(first.appender.append(known))
  const [appended] = first.appender.append(written)
  const path = segmentPath(directory, appended?.segment ?? 0)
  first.close()
  const size = statSync(path).size
  appendFileSync(path, Buffer.concat([Buffer.from('VFS1'), Buffer.from([0, 0, 1, 0]), Buffer.alloc(100)]))
  const second = open(directory)
  t.ok(holds(second, [...known, ...written]))
  t.equal(statSync(path).size, size, 'cut back to the last whole blob')
  second.keeper.commit(second.appender.append(blobs(40, 2)))
  t.ok(holds(second, [...known, ...written, ...blobs(40, 2)]))
  second.close()
  const third = open(directory)
  t.equal(third.keeper.statistics().blobs, 11)
  truncateSync(path, size - 10)
  t.throws(() => holds(third, blobs(40, 2)), { code: 'corrupt' }, 'a file that lost its end')
  third.close()
  t.end()
})

for (const [name, ruin] of [
  ['deleted', (path: string) => { rmSync(path) }],
  ['garbage', (path: string) => { writeFileSync(path, randomBytes(5, 40_000)) }],
] as const) {
  t.test(`the index is ${name}: nothing is lost, and nothing dead comes back`, (t) => {
    const directory = folder()
    const first = open(directory, 20_000)
    const all = blobs(1, 60)
    first.keeper.commit(first.appender.append(all))
    const dead = all.filter((_, index) => index % 3 === 0)
    first.keeper.delete(dead.map(({ blobId }) => blobId))
    const { blobs: count, bytes } = first.keeper.statistics()
    first.close()
    for (const suffix of ['-wal', '-shm']) rmSync(join(directory, `cache.db${suffix}`), { force: true })
    ruin(join(directory, 'cache.db'))
    const second = open(directory, 20_000)
    t.ok(holds(second, all.filter((each) => !dead.includes(each))))
    for (const { blobId } of dead) t.equal(second.reader.locate(blobId), undefined)
    t.same(second.keeper.statistics(), { blobs: count, bytes })
    second.close()
    t.end()
  })
}

t.test('damage in the middle of a segment costs that blob only', (t) => {
  const directory = folder()
  const first = open(directory)
  const all = blobs(1, 20)
  first.keeper.commit(first.appender.append(all))
  const places = all.map(({ blobId }) => first.reader.locate(blobId))
  first.close()
  const at = places[7]
  if (at === undefined) throw new Error('no place')
  const fd = openSync(segmentPath(directory, at.segment), 'r+')
  // Its frame: the length that leads to the next one is gone.
  writeSync(fd, Buffer.alloc(40, 0xff), 0, 40, at.offset - 40)
  // Another one's bytes.
  writeSync(fd, Buffer.alloc(1, 0x55), 0, 1, (places[12]?.offset ?? 0) + 5)
  closeSync(fd)
  rmSync(join(directory, 'cache.db'))
  const second = open(directory)
  t.ok(holds(second, all.filter((_, index) => index !== 7 && index !== 12)))
  t.equal(second.keeper.statistics().blobs, 18)
  second.close()
  t.end()
})

t.test('a segment that the index does not know and that is damaged altogether is left alone', (t) => {
  const directory = folder()
  const first = open(directory)
  const one = blob(1)
  const [appended] = first.appender.append([one])
  first.close()
  const path = segmentPath(directory, appended?.segment ?? 0)
  const bytes = readFileSync(path)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  writeFileSync(path, bytes)
  rmSync(join(directory, 'cache.db'))
  open(directory).close()
  open(directory).close()
  t.same(readFileSync(path), bytes)
  t.end()
})

t.test('after a failed sync nothing of the group is known, also after opening again', (t) => {
  const directory = folder()
  const cache = open(directory)
  const good = blobs(1, 2)
  cache.keeper.commit(cache.appender.append(good))
  const lost = blobs(10, 2)
  const [appended] = cache.appender.append(lost)
  if (appended === undefined) throw new Error('nothing written')
  // A segment that can't be opened stands for one that can't be synced.
  t.throws(() => { cache.keeper.commit([appended, { segment: 999, rows: new Uint8Array(40) }]) }, { name: 'VaultError' })
  for (const { blobId } of lost) t.equal(cache.reader.locate(blobId), undefined)
  t.throws(() => { cache.keeper.commit(cache.appender.append(blobs(20, 1))) }, { code: 'io' }, 'the file is not trusted again')
  cache.appender.abandon(appended.segment)
  cache.keeper.commit(cache.appender.append(lost))
  t.ok(holds(cache, [...good, ...lost]), 'in another file')
  cache.close()
  const again = open(directory)
  t.ok(holds(again, [...good, ...lost]))
  t.not(again.reader.locate(blob(10).blobId)?.segment, appended.segment, 'the copy that may not be on the disk is gone')
  again.close()
  t.end()
})

t.test('an abandoned segment is written to no more', (t) => {
  const cache = open(folder())
  const [first] = cache.appender.append(blobs(1, 1))
  cache.appender.abandon(first?.segment ?? 0)
  const [second] = cache.appender.append(blobs(2, 1))
  t.not(second?.segment, first?.segment)
  cache.close()
  t.end()
})

t.test('a full disk is no-space, and nothing half written is known', (t) => {
  const directory = folder()
  mkdirSync(directory)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    t.comment('skipped: no permission to mount a small filesystem')
    t.end()
    return
  }
  try {
    const cache = open(directory)
    const fits = [blob(1, 1 << 20)]
    cache.keeper.commit(cache.appender.append(fits))
    t.throws(() => cache.appender.append([blob(2, 1 << 20), blob(3, 1 << 20)]), { code: 'no-space' })
    const small = blobs(10, 3)
    cache.keeper.commit(cache.appender.append(small))
    t.ok(holds(cache, [...fits, ...small]))
    cache.close()
    const again = open(directory)
    t.ok(holds(again, [...fits, ...small]))
    t.equal(again.reader.locate(blob(3, 1 << 20).blobId), undefined)
    again.close()
  } finally {
    execFileSync('umount', [directory])
  }
  t.end()
})

t.test('a folder that can not be', (t) => {
  const directory = folder()
  writeFileSync(directory, 'a file')
  t.throws(() => new CacheKeeper({ directory, logger: silent }), { name: 'VaultError' })
  t.ok(existsSync(directory))
  t.end()
})

t.test('a second copy of a damaged blob takes its place; of a whole one it is dropped', (t) => {
  const directory = folder()
  const first = open(directory)
  const [hurt, whole] = blobs(1, 2)
  if (hurt === undefined || whole === undefined) throw new Error('two blobs')
  first.keeper.commit(first.appender.append([hurt, whole]))
  const places = [hurt, whole].map(({ blobId }) => first.reader.locate(blobId))
  const fd = openSync(segmentPath(directory, places[0]?.segment ?? 0), 'r+')
  writeSync(fd, Buffer.from([1, 2, 3]), 0, 3, (places[0]?.offset ?? 0) + 5)
  closeSync(fd)
  t.notOk(holds(first, [hurt]))
  const before = first.keeper.statistics()
  first.keeper.commit(first.appender.append([hurt, whole]))
  t.ok(holds(first, [hurt, whole]))
  t.notSame(first.reader.locate(hurt.blobId), places[0])
  t.same(first.reader.locate(whole.blobId), places[1])
  t.same(first.keeper.statistics(), before)
  first.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `cache.db${suffix}`), { force: true })
  const second = open(directory)
  t.ok(holds(second, [hurt, whole]), 'also for an index that is made anew')
  t.same(second.keeper.statistics(), before)
  second.close()
  t.end()
})

t.test('an index that leads to another blob: that one outlives the deletion', (t) => {
  const directory = folder()
  const first = open(directory)
  const [one, other] = blobs(1, 2)
  if (one === undefined || other === undefined) throw new Error('two blobs')
  first.keeper.commit(first.appender.append([one, other]))
  first.close()
  const index = openPlain(join(directory, 'cache.db'))
  index.prepare('UPDATE blobs SET (offset, length) = (SELECT offset, length FROM blobs WHERE id = ?) WHERE id = ?').run(other.blobId, one.blobId)
  index.close()
  const second = open(directory)
  second.keeper.delete([one.blobId])
  t.ok(holds(second, [other]))
  second.close()
  t.end()
})
