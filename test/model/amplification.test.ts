// Hot files must not multiply: ten minutes of appending, and of small random writes with fsync, by a clock that is told.
// The bounds: what goes to the log is a constant for each record beyond its bytes; what is stored is at most the file,
// once for each five minutes.
import t from 'tap'
import { limits } from '../../lib/terms/limits.js'
import { request, TestVault } from '../support/open-vault.js'
import { Random } from './random.js'

t.setTimeout(300_000)

const seconds = 600
/** Framing, sealed head, body and payload tag of one data record, and the record that says how far the log is synced. */
const recordBytesMax = 512
/** Rounds in ten minutes: one for each five, one more because it is written on. */
const roundsMax = Math.ceil((seconds * 1000) / limits.hotMs) + 1

const flags = { fromCache: false, killSuidGid: false, append: false }

async function newFile(test: TestVault, name: string): Promise<number> {
  const made = await test.operations.create(1, name, 0o644, 0, 0, request)
  if (typeof made === 'number') throw new Error(`create answers ${String(made)}`)
  return made.attributes.ino
}

/** What the upkeep does in a second. While something is published, `meanwhile` is done: a hot file never rests. */
async function second(test: TestVault, meanwhile: () => void): Promise<number> {
  const { contents, parts: { publisher } } = test.vault
  test.clock.advance(1000)
  await contents.spillOlderThan(test.clock.monotonicMs() - limits.dirtyMs / 2)
  test.vault.flushLog()
  if (!publisher.isDue()) return 0
  let done = false
  const publishing = test.opened.upkeep.publish('due').finally(() => { done = true })
  for (let turn = 0; turn < 400 && !done; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (turn % 4 === 0) meanwhile()
    await test.vault.contents.spillAll()
  }
  await publishing
  return 1
}

t.test('100 bytes appended each second', async (t) => {
  const test = await TestVault.open()
  const random = new Random(1)
  const ino = await newFile(test, 'log')
  await test.settle()
  let size = 0
  const append = (): void => {
    void test.operations.write(ino, 0, size, random.bytes(100), flags)
    size += 100
  }
  const before = test.vault.parts.log.appendedBytes
  const stored = test.vault.parts.pool.statistics().storedBytes
  let rounds = 0
  for (let at = 0; at < seconds; at++) {
    append()
    await test.operations.flush(ino)
    rounds += await second(test, append)
    if (at % 60 === 59) await test.apply()
  }
  const appends = size / 100
  const logged = test.vault.parts.log.appendedBytes - before
  t.comment(`${String(size)} bytes appended, ${String(logged)} logged, ${String(test.vault.parts.pool.statistics().storedBytes - stored)} stored in ${String(rounds)} rounds`)
  t.ok(rounds <= roundsMax, `${String(rounds)} rounds`)
  t.ok(logged <= size + appends * recordBytesMax, `${String(logged)} bytes logged`)
  t.ok(test.vault.parts.pool.statistics().storedBytes - stored <= roundsMax * size * 1.3)
  await test.remove()
})

t.test('4 KiB written anywhere in 8 MiB each second, with fsync', async (t) => {
  const test = await TestVault.open()
  const random = new Random(2)
  const ino = await newFile(test, 'database')
  const fileBytes = 8 * 1024 * 1024
  for (let at = 0; at < fileBytes; at += 512 * 1024) await test.operations.write(ino, 0, at, random.bytes(512 * 1024), flags)
  await test.settle()
  const before = test.vault.parts.log.appendedBytes
  const stored = test.vault.parts.pool.statistics().storedBytes
  let written = 0
  const write = (): void => {
    void test.operations.write(ino, 0, 4096 * random.below(fileBytes / 4096), random.bytes(4096), flags)
    written += 4096
  }
  let rounds = 0
  for (let at = 0; at < seconds; at++) {
    write()
    await test.operations.fsync(ino)
    rounds += await second(test, write)
    if (at % 60 === 59) await test.apply()
  }
  const logged = test.vault.parts.log.appendedBytes - before
  const storedNow = test.vault.parts.pool.statistics().storedBytes - stored
  t.comment(`${String(written)} bytes written, ${String(logged)} logged, ${String(storedNow)} stored in ${String(rounds)} rounds`)
  t.ok(rounds <= roundsMax, `${String(rounds)} rounds`)
  t.ok(logged <= written + (written / 4096) * recordBytesMax, `${String(logged)} bytes logged`)
  t.ok(storedNow <= roundsMax * fileBytes * 1.1, `${String(storedNow)} bytes stored`)
  await test.remove()
})
