// The pool with real threads and files: what is read is what was stored, whatever it was pieced together from, also
// after opening again; what is damaged is 'corrupt'; and no secret lies on the disk.

import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Chunker } from '../../../lib/chunk/chunker.js'
import { chunkIdOf } from '../../../lib/crypto/chunk-id.js'
import { KeyRing } from '../../../lib/crypto/key-ring.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import { chunkerDefault } from '../../../lib/format/vault-header.js'
import { segmentName } from '../../../lib/log/disk.js'
import type { Piece } from '../../../lib/store/content-piece.js'
import type { LogExtent } from '../../../lib/store/log-port.js'
import { hex } from '../../../lib/terms/bytes.js'
import type { Pool } from '../../../lib/workers/pool.js'
import { memory, MiB, poolFolder, readAll, readBlobs, requestOf, sameBytes, store, type PoolFolder } from '../../support/pool.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'

// Pools of four threads each take their time on a busy machine.
t.setTimeout(120_000)

t.test('stored, read, and read again by another pool', async (t) => {
  const folder = poolFolder()
  t.teardown(() => { folder.remove() })
  const pool = await folder.open()
  const bytes = randomBytes(1, 5 * MiB + 123)
  bytes.fill(65, 2 * MiB, 3 * MiB)
  const references = await store(pool, folder, bytes)
  const lengths = new Chunker(folder.page.key('chunker'), chunkerDefault).cut(bytes, { from: 0, until: bytes.length, final: true, boundaries: [], resumeAfter: 0 }).lengths
  t.same(references.map(({ plainLength }) => plainLength), lengths, 'cut where the chunker cuts')
  const keys = new KeyRing(folder.page)
  t.same(hex(references[0]?.chunkId ?? new Uint8Array(0)), hex(chunkIdOf(bytes.subarray(0, lengths[0]), keys.idHasher('chunk'))))
  t.ok(sameBytes(await readBlobs(pool, references), bytes))
  const { blobs, blobBytes, storedBytes, queuedJobs } = pool.statistics()
  t.equal(blobs, references.length)
  t.equal(blobBytes, storedBytes)
  t.equal(queuedJobs, 0)
  t.same(await store(pool, folder, bytes), references, 'the same bytes are the same blobs')
  t.equal(pool.statistics().blobs, references.length)
  await pool.close()
  await t.rejects(pool.read([]), { code: 'cancelled' })
  const again = await folder.open({ bulkThreads: 1 })
  t.equal(again.statistics().blobs, references.length)
  t.ok(sameBytes(await readBlobs(again, references), bytes))
  await again.close()
  const shown = readdirSync(join(folder.directory, 'cache', 'segments')).some((name) =>
    readFileSync(join(folder.directory, 'cache', 'segments', name)).includes('AAAAAAAAAAAAAAAA'))
  t.equal(shown, false, 'no plaintext on the disk')
})

t.test('reads of any mixture of pieces', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open()
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const text = new Uint8Array(Buffer.from('some text that compresses well, '.repeat(40_000)))
  const sources = [randomBytes(2, 3 * MiB), text]
  const stored: { bytes: Uint8Array; references: readonly BlobReference[] }[] = []
  for (const bytes of sources) stored.push({ bytes, references: await store(pool, folder, bytes) })
  folder.arena.bytes.set(randomBytes(3, MiB), 0)
  const random = numbers(4)
  const below = (limit: number): number => Math.floor(random() * limit)
  const log = await logged(pool, folder, 8)
  const makePiece = (length: number): { piece: Piece; bytes: Uint8Array } => {
    const kind = below(5)
    if (kind === 0) return { piece: { kind: 'hole', length }, bytes: new Uint8Array(length) }
    if (kind === 1) {
      const position = below(MiB - length)
      return { piece: memory(position, length), bytes: folder.arena.bytes.slice(position, position + length) }
    }
    if (kind === 2) {
      const bytes = randomBytes(below(1000), length)
      return { piece: { kind: 'inline', length, bytes }, bytes }
    }
    if (kind === 3) {
      const each = log[below(log.length)]
      if (each === undefined) throw new Error('no extent')
      const skip = below(each.extent.length - length + 1)
      return { piece: { kind: 'log', extent: each.extent, skip, length }, bytes: each.bytes.slice(skip, skip + length) }
    }
    const { bytes, references } = stored[below(stored.length)] ?? { bytes: new Uint8Array(0), references: [] }
    const which = below(references.length)
    const reference = references[which]
    if (reference === undefined || reference.plainLength <= length) return makePiece(length)
    const before = references.slice(0, which).reduce((sum, each) => sum + each.plainLength, 0)
    const skip = below(reference.plainLength - length)
    return { piece: { kind: 'blob', reference, skip, length }, bytes: bytes.slice(before + skip, before + skip + length) }
  }
  const rounds = Array.from({ length: 150 }, async () => {
    const parts = Array.from({ length: 1 + below(6) }, () => makePiece(1 + below(32_000)))
    const expected = new Uint8Array(Buffer.concat(parts.map(({ bytes }) => bytes)))
    return Buffer.compare(await readAll(pool, parts.map(({ piece }) => piece)), expected) === 0
  })
  t.same((await Promise.all(rounds)).filter((right) => !right), [], '150 at once, more than there are slots')
  const reference = stored[0]?.references[0]
  if (reference === undefined) throw new Error('no blob')
  const large = await readAll(pool, [{ kind: 'blob', reference, skip: 100, length: 400_000 }, { kind: 'hole', length: MiB - 400_000 }])
  t.ok(sameBytes(large.subarray(0, 400_000), sources[0]?.subarray(100, 400_100)))
  t.same(large.subarray(400_000).every((byte) => byte === 0), true)
  await t.rejects(pool.read([{ kind: 'hole', length: MiB + 1 }]), { code: 'too-large' })
})

/** Extents sealed by the pool, in a log segment of our own making. */
async function logged(pool: Pool, folder: PoolFolder, count: number): Promise<{ extent: LogExtent; bytes: Uint8Array }[]> {
  const extents = Array.from({ length: count }, (_, index) => ({ ino: 7, offset: index * 65536, position: index * 65536, length: 32_000 + index * 4000 }))
  const sealed = await pool.sealExtents(extents, 3)
  const parts = sealed.extents.map((each) => new Uint8Array(each.sealed))
  sealed.release()
  writeFileSync(join(folder.directory, 'log', segmentName(5)), Buffer.concat([Buffer.alloc(4096), ...parts]))
  let position = 4096
  return extents.map(({ ino, offset, length, position: from }, index) => {
    const extent = { segment: 5, position, length, lsn: 100 + index, generation: 3, ino, offset }
    position += parts[index]?.byteLength ?? 0
    return { extent, bytes: folder.arena.bytes.slice(from, from + length) }
  })
}

t.test('what is damaged, gone or foreign is corrupt and names it', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open({ bulkThreads: 1 })
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const bytes = randomBytes(1, 3 * MiB)
  const references = await store(pool, folder, bytes)
  const [first, second] = references
  if (first === undefined || second === undefined) throw new Error('too few chunks')
  const path = join(folder.directory, 'cache', 'segments', readdirSync(join(folder.directory, 'cache', 'segments'))[0] ?? '')
  flip(path, readFileSync(path).indexOf(Buffer.from(first.blobId)) + 32 + 200_000)
  const whole = (reference: BlobReference): Piece => ({ kind: 'blob', reference, skip: 0, length: Math.min(MiB, reference.plainLength) })
  await t.rejects(pool.read([whole(first)]), { code: 'corrupt', subject: hex(first.blobId) })
  t.ok(sameBytes(await readAll(pool, [{ kind: 'blob', reference: first, skip: 0, length: 4096 }]), bytes.subarray(0, 4096)), 'the rest of the blob is whole')
  const missing = { ...second, blobId: randomBytes(9, 32) as Uint8Array as BlobReference['blobId'] }
  await t.rejects(pool.read([whole(missing)]), { code: 'corrupt', subject: hex(missing.blobId) })
  const foreign = { ...second, chunkId: first.chunkId }
  t.same((await readAll(pool, [{ kind: 'blob', reference: second, skip: 5, length: 10 }])).length, 10)
  await t.rejects(pool.read([{ kind: 'blob', reference: foreign, skip: 5, length: 10 }]), { code: 'corrupt' }, 'what another reference opened is not given to this one')
  const [extent] = await logged(pool, folder, 1)
  if (extent === undefined) throw new Error('no extent')
  await t.rejects(
    pool.read([{ kind: 'log', extent: { ...extent.extent, offset: 1 }, skip: 0, length: 10 }]),
    { code: 'corrupt', subject: join(folder.directory, 'log', segmentName(5)) }, 'an extent of another place',
  )
  flip(join(folder.directory, 'log', segmentName(5)), 4096 + 100)
  await t.rejects(pool.cut([requestOf([{ kind: 'log', extent: extent.extent, skip: 0, length: 10 }])]), { code: 'corrupt' })
  await t.rejects(pool.readPage(first), { code: 'corrupt' })
})

function flip(path: string, at: number): void {
  const fd = openSync(path, 'r+')
  const byte = readFileSync(path)[at] ?? 0
  writeSync(fd, Uint8Array.of(byte ^ 0x10), 0, 1, at)
  closeSync(fd)
}

t.test('a deleted blob is gone, and back when it is stored again', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open()
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const bytes = randomBytes(1, MiB)
  const references = await store(pool, folder, bytes)
  t.ok(sameBytes(await readBlobs(pool, references), bytes))
  await pool.deleteBlobs(references.map(({ blobId }) => blobId))
  t.equal(pool.statistics().blobs, 0)
  await t.rejects(readBlobs(pool, references), { code: 'corrupt' }, 'though its table was known')
  t.same(await store(pool, folder, bytes), references)
  t.ok(sameBytes(await readBlobs(pool, references), bytes), 'at its new place')
})

t.test('pages', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open()
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const pages = [randomBytes(1, 5000), new Uint8Array(0), randomBytes(2, 200_000), new Uint8Array(30_000).fill(1)]
  const references = await pool.storePages(pages)
  t.same(references.map(({ kind }) => kind), ['page', 'page', 'page', 'page'])
  for (const [index, reference] of references.entries()) t.same(await pool.readPage(reference), pages[index])
  t.same(await pool.storePages([]), [])
})

t.test('sealed extents: bounds, and room that comes back', async (t) => {
  const folder = poolFolder()
  const pool = await folder.open()
  t.teardown(async () => {
    await pool.close()
    folder.remove()
  })
  const extents = Array.from({ length: 16 }, (_, index) => ({ ino: 1, offset: index, position: 0, length: 65536 }))
  const leases = Array.from({ length: 40 }, async () => {
    const lease = await pool.sealExtents(extents, 1)
    const distinct = new Set(lease.extents.map(({ sealed }) => hex(sealed.subarray(0, 24)))).size
    lease.release()
    return distinct
  })
  t.same(new Set(await Promise.all(leases)), new Set([16]), 'a nonce each')
  await t.rejects(pool.sealExtents(Array.from({ length: 300 }, () => ({ ino: 1, offset: 0, position: 0, length: 65536 })), 1), { code: 'too-large' })
  await t.rejects(pool.sealExtents([{ ino: 1, offset: 0, position: 0, length: 65537 }], 1), { code: 'too-large' })
  const none = await pool.sealExtents([], 1)
  none.release()
  t.throws(() => { none.release() }, { code: 'broken-invariant' })
})
