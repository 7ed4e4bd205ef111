// What an edit stores anew, counted by the real pool: only the chunks around it; a byte put in front shifts everything
// and yet stores the first chunks only; a copy stores nothing. The keys are fixed, so the cuts are too. And that planning
// for a database's ten thousand pages keeps nobody waiting.
import { createHash } from 'node:crypto'
import t from 'tap'
import { emptyContent, type Run } from '../../../lib/content/content-reference.js'
import { spliceContent } from '../../../lib/content/content-splice.js'
import { ExtentMap } from '../../../lib/content/extent-map.js'
import { PageStore } from '../../../lib/content/page-store.js'
import { planRecut } from '../../../lib/content/recut.js'
import { Arena } from '../../../lib/store/arena.js'
import type { BlobId, ChunkId } from '../../../lib/terms/bytes.js'
import { FakeLog } from '../../support/fake-log.js'
import { FakePool } from '../../support/fake-pool.js'
import { request, TestVault } from '../../support/open-vault.js'
import { Random } from '../../model/random.js'

t.setTimeout(300_000)

const MiB = 1024 * 1024
const fileBytes = 48 * MiB
const flags = { fromCache: false, killSuidGid: false, append: false }

async function newFile(test: TestVault, name: string): Promise<number> {
  const made = await test.operations.create(1, name, 0o644, 0, 0, request)
  if (typeof made === 'number') throw new Error(`create answers ${String(made)}`)
  return made.attributes.ino
}

async function fill(test: TestVault, ino: number, bytes: Uint8Array, from = 0): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += MiB) await test.operations.write(ino, 0, from + at, bytes.subarray(at, at + MiB), flags)
}

t.test('what is stored anew', async (t) => {
  const test = await TestVault.open()
  const bytes = new Random(1).bytes(fileBytes)
  const stored = async (): Promise<number> => {
    const before = test.vault.parts.pool.statistics().storedBytes
    await test.settle()
    return test.vault.parts.pool.statistics().storedBytes - before
  }
  const same = async (ino: number, wanted: Uint8Array): Promise<boolean> => {
    for (let at = 0; at < wanted.byteLength; at += MiB) {
      const read = await test.operations.read(ino, 0, at, MiB)
      if (typeof read === 'number' || Buffer.compare(read, wanted.subarray(at, at + MiB)) !== 0) return false
    }
    return true
  }
  const before = test.vault.parts.pool.statistics().storedBytes
  const ino = await newFile(test, 'large')
  await fill(test, ino, bytes)
  await test.settle()
  const whole = test.vault.parts.pool.statistics().storedBytes - before
  t.ok(whole >= fileBytes && whole < fileBytes * 1.3, `the file: ${String(whole)} bytes stored for ${String(fileBytes)}`)

  const middle = fileBytes / 2 + 12_345
  await test.operations.write(ino, 0, middle, new Uint8Array([1, 2, 3]), flags)
  bytes.set([1, 2, 3], middle)
  const edit = await stored()
  t.ok(edit > 0 && edit < 10 * MiB, `three bytes in the middle: ${String(edit)} bytes`)
  t.ok(await same(ino, bytes), 'and the file is right')

  const copy = await newFile(test, 'copy')
  for (let at = 0; at < fileBytes; ) {
    const copied = await test.operations.copyFileRange({ ino, handle: 0, offset: at }, { ino: copy, handle: 0, offset: at }, fileBytes - at)
    if (copied <= 0) throw new Error(`copy answers ${String(copied)}`)
    at += copied
  }
  const copying = await stored()
  t.ok(copying < 64 * 1024, `a copy: ${String(copying)} bytes`)
  t.ok(await same(copy, bytes), 'and the copy is right')

  const shifted = await newFile(test, 'shifted')
  const longer = new Uint8Array(fileBytes + 1)
  longer.set(bytes, 1)
  await fill(test, shifted, longer)
  await test.settle()
  const anew = test.vault.parts.pool.statistics().storedBytes - before - whole - edit - copying
  t.ok(anew < fileBytes * 0.1, `a byte in front: ${String(anew)} bytes, ${String(Math.round((anew / fileBytes) * 1000) / 10)} %`)
  t.ok(await same(shifted, longer), 'and the longer file is right')
  await test.remove()
})

t.test('ten thousand edits are planned in steps, between which others have their turn', async (t) => {
  const pool = new FakePool(new Arena(65536), new FakeLog())
  const pages = new PageStore(pool)
  const [stored] = await pool.storePages([new Uint8Array(4096)])
  if (stored === undefined) throw new Error('a page')
  const digest = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest())
  const chunks = 700
  const runs = Array.from({ length: chunks }, (_, index): Run => ({
    kind: 'chunk', length: MiB, skip: 0,
    reference: { ...stored, kind: 'chunk', plainLength: MiB, chunkId: digest(`chunk ${String(index)}`) as ChunkId, blobId: digest(`blob ${String(index)}`) as BlobId },
  }))
  const size = chunks * MiB
  const base = await spliceContent(emptyContent, [{ start: 0, end: size, runs }], size, pages)
  const extents = new ExtentMap(() => undefined)
  const edits = 10_000
  for (let edit = 0; edit < edits; edit++) {
    const start = Math.floor(edit * (size / edits / 4096)) * 4096
    const extent = { segment: 1, position: start, length: 4096, lsn: 1, generation: 1, ino: 1, offset: start }
    extents.put({ start, end: start + 4096, source: { kind: 'log', extent, lsn: 1 }, skip: 0 })
  }
  let [turns, done] = [0, false]
  const turn = (): void => {
    turns++
    if (!done) setImmediate(turn)
  }
  setImmediate(turn)
  const { windows } = await planRecut({ extents, base }, size, pages)
  done = true
  t.same(windows.map(({ start, end }) => [start, end]), [[0, size]], 'every chunk is edited')
  t.ok(turns >= 100, `${String(turns)} turns of others`)
})
