// A file is written, spilled, cut and streamed while more is written; then the log is cut behind each of its records, as a
// crash cuts it: what is read again must be a content that the file had, and none from before what was drained.
import tap, { type Test } from 'tap'
import type { OpenContent } from '../../lib/content/open-content.js'
import { Reading } from '../../lib/content/reading.js'
import { clear, copyRange } from '../../lib/content/splicing.js'
import { spill } from '../../lib/content/spill.js'
import { stream } from '../../lib/content/streaming.js'
import { limits } from '../../lib/terms/limits.js'
import { rootIno } from '../../lib/tree/entry.js'
import { PublishingWorld } from './publishing-world.js'
import { Random } from './random.js'

const seeds = Number(process.env['SEEDS'] ?? 80)
const readBytes = 1024 * 1024
const arenaBytes = 128 * 1024 * 1024

/** One file, and all that it ever held. */
class History {
  readonly world: PublishingWorld
  readonly random: Random
  readonly content: OpenContent
  readonly versions: Buffer[] = [Buffer.alloc(0)]
  /** From this record on no cut may show an older version. */
  readonly floors: { readonly lsn: number; readonly version: number }[] = []
  mayCutWrites = false
  readonly #largest: number

  constructor(seed: number, largest: number) {
    this.random = new Random(seed)
    this.#largest = largest
    this.world = new PublishingWorld(this.random, undefined, undefined, arenaBytes)
    this.content = this.world.contents.of(this.world.make(rootIno, 'file', 'file'))
    this.floors.push({ lsn: this.world.log.lastLsn, version: 0 })
  }

  get now(): Buffer {
    return this.versions.at(-1) ?? Buffer.alloc(0)
  }

  write(offset: number, length: number): void {
    const data = this.random.bytes(length)
    const next = Buffer.alloc(Math.max(this.now.byteLength, offset + length))
    this.now.copy(next)
    next.set(data, offset)
    this.versions.push(next)
    void this.world.contents.write(this.content, offset, data)
  }

  /** As Linux hands over a write that begins within a page which it does not hold; `between` is done between the two. */
  async writeInTwo(offset: number, length: number, between: () => unknown): Promise<void> {
    const data = this.random.bytes(length)
    const first = 4096 - (offset % 4096)
    this.versions.push(Buffer.concat([this.now.subarray(0, offset), data]))
    void this.world.contents.write(this.content, offset, data.subarray(0, first))
    const work = between()
    await new Promise((resolve) => setTimeout(resolve, 20))
    void this.world.contents.write(this.content, offset + first, data.subarray(first))
    await work
  }

  truncate(size: number): void | Promise<void> {
    const next = Buffer.alloc(size)
    this.now.copy(next)
    const work = this.world.contents.pinned(this.content, Promise.resolve(this.#resized(size)))
    this.versions.push(next)
    return work
  }

  async drain(): Promise<void> {
    const version = this.versions.length - 1
    await this.world.contents.drain(this.content)
    this.floors.push({ lsn: this.world.log.lastLsn, version })
  }

  step(): Promise<unknown> | void {
    const { random } = this
    const at = random.below(this.now.byteLength + 1)
    const length = 1 + random.below(random.pick([30, 3000, this.#largest]))
    const choice = random.below(100)
    if (choice < 55) return this.write(random.chance(0.5) ? this.now.byteLength : at, length)
    if (choice < 75) return this.world.contents.spill(this.content)
    if (choice < 83) return this.drain()
    if (choice < 90) return this.truncate(at)
    if (choice < 95) return this.#punch(at, Math.min(at + length, this.now.byteLength))
    return this.#copy(at)
  }

  /** What each cut of the log shows. */
  async judge(t: Test): Promise<void> {
    let checked = 0
    for (let lsn = this.floors[0]?.lsn ?? 0; lsn <= this.world.log.lastLsn; lsn++) {
      const floor = Math.max(...this.floors.filter((each) => each.lsn <= lsn).map(({ version }) => version))
      const found = await this.#read(lsn)
      if (!this.versions.some((version, index) => index >= floor && (version.equals(found) || this.#isCutWrite(index, found)))) {
        const older = this.versions.findIndex((version) => version.equals(found))
        t.fail(`cut behind record ${String(lsn)}: ${String(found.byteLength)} bytes, ${older < 0 ? 'no content that it had' : `version ${String(older)}, older than ${String(floor)}`}`)
        return
      }
      checked++
    }
    t.ok(checked > 0, `${String(checked)} cuts`)
  }

  /** A chunk of a stream may end within a write at the file's end (POSIX.md, the promise). */
  #isCutWrite(index: number, found: Buffer): boolean {
    const [before, after] = [this.versions[index], this.versions[index + 1]]
    return this.mayCutWrites && before !== undefined && after !== undefined && found.byteLength > before.byteLength &&
      found.byteLength < after.byteLength && after.subarray(0, found.byteLength).equals(found)
  }

  async #read(lsn: number): Promise<Buffer> {
    const again = new PublishingWorld(new Random(1), this.world.disk(lsn), undefined, arenaBytes)
    const entry = again.tree.get(this.content.ino)
    if (entry === undefined) return Buffer.alloc(0)
    const content = again.contents.of(entry)
    const reading = new Reading(again.contents.context)
    const pieces: Buffer[] = []
    for (let at = 0; at < content.size; at += readBytes) pieces.push(Buffer.from(await reading.read(content, at, Math.min(readBytes, content.size - at))))
    return Buffer.concat(pieces)
  }

  #resized(size: number): Promise<void> | undefined {
    return this.world.contents.context.tree.get(this.content.ino) === undefined ? undefined : this.world.resize(this.content, size)
  }

  async #punch(start: number, end: number): Promise<void> {
    if (end <= start) return
    await clear(this.content, start, end, this.now.byteLength, this.world.contents.context)
    const next = Buffer.from(this.now)
    next.fill(0, start, end)
    this.versions.push(next)
  }

  async #copy(at: number): Promise<void> {
    const { content } = this
    const copied = await copyRange({ from: content, fromOffset: 0, to: content, toOffset: this.now.byteLength, length: at }, this.world.contents.context)
    if (copied > 0) this.versions.push(Buffer.concat([this.now, this.now.subarray(0, copied)]))
  }
}

void tap.setTimeout(120_000)

void tap.test('wherever the log is cut, a file has a content that it had', async (t) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const history = new History(seed, 40_000)
    // One of those that wait for each other at a time, as the kernel's lock of the file has it; writes and spills beside it.
    for (let count = 0; count < 30; count++) {
      history.world.meanwhile = () => { if (history.random.chance(0.3)) void history.world.contents.spill(history.content) }
      await history.step()
    }
    history.world.meanwhile = () => undefined
    await history.drain()
    await history.judge(t)
  }
})

void tap.test('half of a write that comes in two is not logged alone', async (t) => {
  for (const between of ['spill', 'spillAll', 'still'] as const) {
    const history = new History(1, 100)
    const { contents } = history.world
    history.write(0, 100)
    await history.drain()
    await history.writeInTwo(100, 5000, () => (between === 'spill' ? contents.spill(history.content) : between === 'spillAll' ? contents.spillAll() : contents.still(history.content, () => undefined)))
    await history.drain()
    await history.judge(t)
  }
})

void tap.test('and while its chunks are cut', async (t) => {
  for (const seed of [3, 4, 5]) {
    const history = new History(seed, 100_000)
    const { random, world, content } = history
    let left = 12
    world.meanwhile = () => { if (left-- > 0) history.write(random.below(history.now.byteLength), 1 + random.below(9000)) }
    const isInOrder = seed % 3 !== 0
    history.mayCutWrites = isInOrder
    // Room for a second stretch, which is cut while the first one is stored.
    while (content.extents.memoryBytes < 2 * limits.streamBytesMin + 2_000_000) {
      history.write(history.now.byteLength, 2_000_000)
      if (!isInOrder) history.write(random.below(history.now.byteLength), 5000)
    }
    if (seed % 4 === 0) left = 0
    let both = false
    t.ok(stream(content, world.contents.context, () => {
      both = stream(content, world.contents.context, () => undefined)
      void world.contents.spill(content)
    }))
    while (content.streaming !== undefined) await content.streaming
    t.ok(both, 'two were under way')
    world.meanwhile = () => undefined
    await history.drain()
    await history.judge(t)
  }
})

void tap.test('what a crash left of a group comes back with nobody', async (t) => {
  const first = new PublishingWorld(new Random(1))
  const { ino } = first.make(rootIno, 'file', 'file')
  const contentIn = (world: PublishingWorld): OpenContent => {
    const entry = world.tree.get(ino)
    if (entry === undefined) throw new Error('no such file')
    return world.contents.of(entry)
  }
  const shown = async (world: PublishingWorld): Promise<string> => {
    const content = contentIn(world)
    return content.size === 0 ? '' : Buffer.from(await new Reading(world.contents.context).read(content, 0, content.size)).toString()
  }
  void first.contents.write(contentIn(first), 0, Buffer.from('one'))
  void first.contents.write(contentIn(first), 8, Buffer.from('two'))
  await spill(contentIn(first), first.contents.context, 'open')
  const heir = new PublishingWorld(new Random(1), first.disk(), undefined, undefined, 'go on')
  t.equal(await shown(heir), 'one\0\0\0\0\0two', 'an heir of that daemon goes on with it')
  await heir.contents.drain(contentIn(heir))
  t.equal(await shown(new PublishingWorld(new Random(1), heir.disk())), 'one\0\0\0\0\0two', 'and ends it')
  const second = new PublishingWorld(new Random(1), first.disk())
  t.equal(await shown(second), '', 'the next daemon leaves it out')
  void second.contents.write(contentIn(second), 0, Buffer.from('three'))
  await second.contents.drain(contentIn(second))
  for (const unended of ['go on', 'drop', 'take'] as const) {
    const third = new PublishingWorld(new Random(1), second.disk(), undefined, undefined, unended)
    t.equal(await shown(third), 'three', `and what it wrote stays as it is: ${unended}`)
  }
})
