// Hot files must not multiply: a quarter of an hour (SLOW=1: an hour) of appending, of small random writes with fsync, and
// of new files in one folder, by a clock that is told, while somebody else is published every ten seconds. The bounds: what goes to the log is a
// constant for each record beyond its bytes; what is stored is at most the file, once for each five minutes; what is told
// of something hot is told once for each five minutes.
import t, { type Test } from 'tap'
import { hex } from '../../lib/terms/bytes.js'
import { limits } from '../../lib/terms/limits.js'
import { rootIno } from '../../lib/tree/entry.js'
import { amplificationOf, type Amplification } from '../../mount/report.js'
import { request, TestVault } from '../support/open-vault.js'
import { ManifestFold } from './manifest-fold.js'
import { Random } from './random.js'

t.setTimeout(600_000)

const seconds = process.env['SLOW'] === '1' ? 3600 : 900
/** Framing, sealed head, body and payload tag of one data record, and the record that says how far the log is synced. */
const recordBytesMax = 512
/** One for each five minutes, one more because it is written on. */
const hotRoundsMax = Math.ceil((seconds * 1000) / limits.hotMs) + 1
/** Somebody else's file is written each ten seconds, for which it is told once. */
const otherMs = 10_000
const otherRoundsMax = (seconds * 1000) / otherMs + 1
/** A manifest entry of one small file, padded, with its signature: what it says is less than 1 KiB. */
const entryBytesMax = 1024

const flags = { fromCache: false, killSuidGid: false, append: false }

async function newEntry(test: TestVault, name: string, parent = rootIno): Promise<number> {
  const made = await test.operations.create(parent, name, 0o644, 0, 0, request)
  if (typeof made === 'number') throw new Error(`create answers ${String(made)}`)
  return made.attributes.ino
}

interface Hour {
  readonly rounds: number
  readonly before: Amplification
  readonly after: Amplification
  /** How often something of this kind was told of the entry. */
  told(kind: string, ino: number): number
}

/** `step`: each second, and while something is published: what is hot never rests. `sync`: what else the program does. */
async function hour(test: TestVault, step: () => unknown, sync: () => unknown): Promise<Hour> {
  const other = await newEntry(test, 'other')
  await test.settle()
  const { vault, clock } = test
  const { publisher } = vault.parts
  const fold = new ManifestFold()
  await fold.follow(test.store)
  fold.counts.clear()
  const before = amplificationOf(vault)
  let [rounds, againMs] = [0, 0]
  for (let at = 0; at < seconds; at++) {
    if (at % (otherMs / 1000) === 0) {
      void test.operations.write(other, 0, 0, Buffer.from(`at ${String(at)}`), flags)
      await test.operations.flush(other)
    }
    await step()
    await sync()
    clock.advance(1000)
    // What the upkeep does in a second.
    await vault.contents.spillOlderThan(clock.monotonicMs() - limits.dirtyMs / 2)
    vault.flushLog()
    if (at % 60 === 59) await test.shrinkLog()
    if (clock.monotonicMs() < againMs || !publisher.isDue()) continue
    rounds++
    againMs = clock.monotonicMs() + limits.betweenRoundsMs
    let done = false
    const publishing = publisher.round('due').finally(() => { done = true })
    for (let turn = 0; turn < 400 && !done; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (turn === 4) await step()
      await vault.contents.spillAll()
    }
    await publishing
  }
  await fold.follow(test.store)
  const told = (kind: string, ino: number): number => fold.counts.get(`${kind} ${hex(vault.tree.idOf(ino))}`) ?? 0
  return { rounds, before, after: amplificationOf(vault), told }
}

function comment(t: Test, { before, after, rounds }: Hour): void {
  const grown = (field: 'writtenByUser' | 'published' | 'logged' | 'stored' | 'manifest' | 'disk'): string => `${field} ${String(after[field] - before[field])}`
  t.comment([`${String(rounds)} rounds`, ...(['writtenByUser', 'published', 'logged', 'stored', 'manifest', 'disk'] as const).map(grown)].join(', '))
}

t.test('100 bytes appended each second', async (t) => {
  const test = await TestVault.open()
  const random = new Random(1)
  const ino = await newEntry(test, 'log')
  let size = 0
  const append = (): unknown => test.operations.write(ino, 0, (size += 100) - 100, random.bytes(100), flags)
  const past = await hour(test, append, () => test.operations.flush(ino))
  const { before, after, rounds, told } = past
  comment(t, past)
  const records = size / 100 + otherRoundsMax * 4
  t.ok(rounds <= hotRoundsMax + otherRoundsMax, `${String(rounds)} rounds`)
  t.ok(told('content', ino) <= hotRoundsMax, `told ${String(told('content', ino))} times`)
  t.ok(told('attributes', ino) <= hotRoundsMax)
  t.ok(after.manifest - before.manifest <= rounds * entryBytesMax, 'the manifest')
  t.ok(after.logged - before.logged <= size + records * recordBytesMax, 'the log')
  t.ok(after.stored - before.stored <= hotRoundsMax * size * 1.3, 'what is stored')
  t.ok(after.published - before.published <= size + otherRoundsMax * 10, 'nothing is published twice')
  t.ok(Math.abs(after.publishedRatio - (after.stored + after.manifest) / after.published) < 0.001)
  await test.remove()
})

t.test('4 KiB written anywhere in 8 MiB each second, with fsync', async (t) => {
  const test = await TestVault.open()
  const random = new Random(2)
  const ino = await newEntry(test, 'database')
  const fileBytes = 8 * 1024 * 1024
  for (let at = 0; at < fileBytes; at += 512 * 1024) await test.operations.write(ino, 0, at, random.bytes(512 * 1024), flags)
  const write = (): unknown => test.operations.write(ino, 0, 4096 * random.below(fileBytes / 4096), random.bytes(4096), flags)
  const past = await hour(test, write, () => test.operations.fsync(ino))
  const { before, after, rounds, told } = past
  comment(t, past)
  const written = after.writtenByUser - before.writtenByUser
  t.ok(rounds <= hotRoundsMax + otherRoundsMax, `${String(rounds)} rounds`)
  t.ok(told('content', ino) <= hotRoundsMax, `told ${String(told('content', ino))} times`)
  t.ok(told('attributes', ino) <= hotRoundsMax)
  t.ok(after.manifest - before.manifest <= rounds * entryBytesMax, 'the manifest')
  t.ok(after.logged - before.logged <= written + (written / 4096 + otherRoundsMax * 4) * recordBytesMax, 'the log')
  t.ok(after.stored - before.stored <= told('content', ino) * fileBytes * 1.25, 'what is stored: the file, padded, each time that it is told')
  t.ok(after.published - before.published <= written, 'nothing is published twice')
  await test.remove()
})

t.test('a file made each second in one folder, and every other one removed', async (t) => {
  const test = await TestVault.open()
  const made = await test.operations.mkdir(rootIno, 'folder', 0o755, 0, request)
  if (typeof made === 'number') throw new Error(`mkdir answers ${String(made)}`)
  const folder = made.ino
  let count = 0
  const make = async (): Promise<void> => {
    const name = `file ${String(count++)}`
    await test.operations.write(await newEntry(test, name, folder), 0, 0, Buffer.alloc(100, name), flags)
    if (count % 2 === 0) await test.operations.unlink(folder, name)
  }
  const past = await hour(test, make, () => undefined)
  const { before, after, rounds, told } = past
  comment(t, past)
  t.ok(told('attributes', folder) >= hotRoundsMax - 2 && told('attributes', folder) <= hotRoundsMax, `the folder is told ${String(told('attributes', folder))} times`)
  t.ok(rounds <= (seconds * 1000) / limits.betweenRoundsMs, 'files are told together')
  t.ok(after.manifest - before.manifest <= rounds * entryBytesMax + (count / 2) * 512, 'the manifest')
  t.ok(after.published - before.published <= (count / 2) * 100 + otherRoundsMax * 10, 'what lived for less than a second is not published')
  await test.remove()
})
