// A vault and the model in lockstep: every operation is done by both and answered the same, or it is a finding. Beside
// them, what was promised: writes since a file's last flush are loose, a crash may or may not have them.
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Handler } from '../../native-deps/fuse/handler.js'
import { historyDigest } from '../support/history-digest.js'
import { newFolder, owner, rebuildTestStore, removeFolder, request, TestVault, type OpenTestVault, type TestDevice } from '../support/open-vault.js'
import { TestClock } from '../support/test-clock.js'
import { answerDifference, firstDifference } from './answer-difference.js'
import { foldDifferences } from './fold-comparison.js'
import { ManifestFold } from './manifest-fold.js'
import { MemoryTree } from './memory-tree.js'
import type { Random } from './random.js'
import { differences, type LooseWrite } from './vault-comparison.js'

export class Finding extends Error {}

type OpenVault = (options: OpenTestVault) => Promise<TestVault>

export class VaultPair {
  readonly clock = new TestClock()
  readonly model: MemoryTree
  readonly held = new Set<number>()
  readonly trace: string[] = []
  readonly random: Random
  readonly fold = new ManifestFold()
  readonly #loose = new Map<number, LooseWrite[]>()
  #vault: TestVault | undefined
  /** Under way beside the operations. */
  #background: Promise<void>[] = []
  #failure: unknown
  readonly #openVault: OpenVault
  /** How large writes are, of what they are as a rule: less is faster, and finds less about large files. */
  scale = 1
  /** Done on both sides so far. */
  operations = 0
  /** That works on the vault; empty: the first one. */
  #device: { readonly device?: TestDevice } = {}
  /** Manifest entries of the devices before. */
  #entriesBefore = 0

  constructor(random: Random, openVault: OpenVault = (options) => TestVault.open(options)) {
    this.random = random
    this.#openVault = openVault
    this.model = new MemoryTree(() => this.clock.now(), owner)
    this.model.state.watchForget = (ino) => this.held.has(ino)
  }

  get vault(): TestVault {
    if (this.#vault === undefined) throw new Error('the pair is not open')
    return this.#vault
  }

  async open(): Promise<void> {
    await this.#openAt(this.#vault?.store)
  }

  async #openAt(store: string | undefined): Promise<void> {
    this.#vault = await this.#openVault({ clock: this.clock, held: this.held, logger: this, ...this.#device, ...(store === undefined ? {} : { store }) })
  }

  log(level: string, message: string, fields: object = {}): void {
    if (level === 'error') this.trace.push(`${message} ${JSON.stringify(fields)}`)
  }

  async remove(): Promise<void> {
    await Promise.allSettled(this.#background)
    await this.vault.remove()
  }

  /** Does it on both sides; differing answers are a finding. Answers what both did. */
  async both<T>(label: string, work: (tree: Handler) => Answer<T>): Promise<T | number> {
    if (this.#failure !== undefined) throw this.#failure
    this.trace.push(label)
    this.operations++
    this.clock.advance(1 + this.random.below(40))
    const answering = work(this.vault.operations)
    const wanted = await work(this.model)
    const found = await answering
    this.batch()
    const difference = answerDifference(found, wanted)
    if (difference !== '') throw new Finding(`${label}: ${difference}`)
    return wanted
  }

  batch(): void {
    this.vault.operations.afterBatch()
    this.model.afterBatch()
  }

  async write(ino: number, offset: number, data: Uint8Array, flags = { fromCache: false, killSuidGid: false, append: false }): Promise<void> {
    const at = flags.append ? this.model.state.node(ino)?.size ?? 0 : offset
    const before = new Uint8Array(data.byteLength)
    this.model.state.node(ino)?.content?.read(at, before)
    const writes = this.#loose.get(ino)
    if (writes === undefined) this.#loose.set(ino, [{ offset: at, before, data }])
    else writes.push({ offset: at, before, data })
    await this.both<number>(`write ${String(ino)} ${String(at)}+${String(data.byteLength)}${flags.append ? ' append' : ''}`, (tree) => tree.write(ino, 0, offset, data, flags, request))
  }

  /** What was written to the file before is promised from now on. */
  promised(ino: number): void {
    this.#loose.delete(ino)
  }

  /** close(2) or fsync(2), waited for or not: promised are the writes before the call, when it has answered. */
  async flush(ino: number, how: 'flush' | 'fsync'): Promise<void> {
    const before = [...this.#loose.get(ino) ?? []]
    const label = `${how} ${String(ino)}`
    const done = (): void => {
      const left = this.#loose.get(ino)?.filter((write) => !before.includes(write)) ?? []
      if (left.length === 0) this.#loose.delete(ino)
      else this.#loose.set(ino, left)
    }
    const answering = Promise.resolve(this.vault.operations[how](ino)).then((status) => {
      if (status !== 0) throw new Finding(`${label} answers ${String(status)}`)
      this.vault.operations.afterBatch()
      done()
    })
    this.trace.push(label)
    this.operations++
    if (this.random.chance(0.3)) this.beside(`${label} beside`, answering)
    else await answering
  }

  /** Goes on while operations come; what becomes of it is looked at later. */
  beside(label: string, work: Promise<void>): void {
    this.trace.push(label)
    this.#background.push(work.catch((error: unknown) => {
      this.#failure ??= error
    }))
  }

  async quiet(): Promise<void> {
    await Promise.all(this.#background.splice(0))
    if (this.#failure !== undefined) throw this.#failure
  }

  async spillAll(): Promise<void> {
    this.trace.push('spillAll')
    const before = [...this.#loose.keys()]
    await this.vault.spill()
    for (const ino of before) if (this.vault.vault.contents.peek(ino)?.streaming === undefined) this.promised(ino)
  }

  async compare(): Promise<void> {
    const found = await differences({ handler: this.vault.operations, model: this.model.state, random: this.random })
    if (found.length > 0) throw new Finding(`the trees differ:\n  ${found.slice(0, 8).join('\n  ')}`)
  }

  /** A kill -9 at this moment: what the copy shows when it is opened. */
  async compareImage(): Promise<void> {
    this.trace.push('image')
    const folder = await this.vault.crashImage()
    const loose = new Map(this.#loose)
    await this.#compareFolder(folder, loose, 'a crash image')
  }

  /** As `compareImage`, and in the copy everything derived is lost: made anew it is the same, the past included. */
  async compareRebuilt(): Promise<void> {
    this.trace.push('rebuilt')
    const folder = await this.vault.crashImage()
    const loose = new Map(this.#loose)
    const through = this.#entriesBefore + this.vault.vault.parts.manifest.sequence
    for (const name of ['catalog.db', 'history.db', 'cache/cache.db']) for (const end of ['', '-wal', '-shm']) rmSync(join(folder, name + end), { force: true })
    const before = await historyDigest(this.vault.vault.parts.history, 8, through)
    const { damagedContents, complaints } = await rebuildTestStore(folder, this.clock, this.#device)
    if (damagedContents + complaints > 0) throw new Finding(`rebuilt with ${String(damagedContents)} damaged contents and ${String(complaints)} complaints`)
    const image = await TestVault.open({ store: folder, clock: this.clock, ...this.#device })
    const after = await historyDigest(image.vault.parts.history, 8, through)
    await image.close()
    if (after.join('\n') !== before.join('\n')) throw new Finding(`the rebuilt past differs:\n${firstDifference(before, after)}`)
    await this.#compareFolder(folder, loose, 'a rebuilt crash image')
  }

  async #compareFolder(folder: string, loose: ReadonlyMap<number, readonly LooseWrite[]>, what: string): Promise<void> {
    const image = await TestVault.open({ store: folder, clock: this.clock, ...this.#device })
    try {
      for (const settled of [false, true]) {
        if (settled) await image.settle()
        const found = await differences({ handler: image.operations, model: this.model.state, random: this.random, loose })
        if (found.length > 0) throw new Finding(`${what}${settled ? ', published,' : ''} differs:\n  ${found.slice(0, 8).join('\n  ')}`)
        if (this.random.chance(0.5)) break
      }
      await this.verify(image, what)
    } finally {
      await image.close()
      removeFolder(folder)
    }
  }

  /** Nothing that can happen to a vault looks like damage. */
  async verify(vault = this.vault, what = 'the vault'): Promise<void> {
    const found: string[] = []
    await vault.opened.verifier.verify({ onProgress: () => undefined, onFinding: (finding) => { found.push(JSON.stringify(finding)) } })
    if (found.length > 0) throw new Finding(`${what} does not verify:\n  ${found.slice(0, 8).join('\n  ')}`)
  }

  /** Left as an unmount leaves it, or just closed with everything logged; and opened again. */
  async reopen(): Promise<void> {
    if (this.random.chance(0.5)) {
      await this.#letGo()
      this.trace.push('leave')
      await this.vault.leave()
      this.#loose.clear()
    } else await this.closeLogged()
    await this.open()
  }

  /** A kill -9 with all files closed, whatever goes on beside; the copy that it leaves is the vault from then on. */
  async crash(): Promise<void> {
    for (const ino of [...this.#loose.keys()]) {
      if (this.model.state.node(ino) === undefined) continue
      const status = await this.vault.operations.flush(ino)
      if (status !== 0) throw new Finding(`flush ${String(ino)} before a crash answers ${String(status)}`)
    }
    this.vault.operations.afterBatch()
    this.trace.push('crash')
    this.fold.repeats = true
    const folder = await this.vault.crashImage()
    await this.#letGo()
    this.#loose.clear()
    await this.vault.remove()
    await this.#openAt(folder)
    await this.compare()
  }

  /** The machine is gone. Chains and blobs are brought to a new store, in which another device goes on. */
  async moveTo(device: TestDevice): Promise<void> {
    await this.#letGo()
    this.trace.push('move')
    await this.vault.settle()
    const { store } = this.vault
    const through = this.#entriesBefore + this.vault.vault.parts.manifest.sequence
    const before = await historyDigest(this.vault.vault.parts.history, 8, through)
    await this.vault.leave()
    this.#entriesBefore += this.vault.vault.parts.manifest.sequence
    this.#loose.clear()
    await this.fold.follow(store, this.#device.device)
    const folder = await newFolder()
    mkdirSync(join(folder, 'cache'))
    for (const name of ['manifest', 'cache/segments']) cpSync(join(store, name), join(folder, name), { recursive: true })
    removeFolder(store)
    this.#device = { device }
    this.fold.goOnWithAnother()
    const { damagedContents, complaints } = await rebuildTestStore(folder, this.clock, this.#device)
    if (damagedContents + complaints > 0) throw new Finding(`rebuilt with ${String(damagedContents)} damaged contents and ${String(complaints)} complaints`)
    await this.#openAt(folder)
    // What had no name that was told never was.
    this.model.state.nextIno = this.vault.vault.parts.tree.nextIno
    const after = await historyDigest(this.vault.vault.parts.history, 8, through)
    if (after.join('\n') !== before.join('\n')) throw new Finding(`the past differs on another device:\n${firstDifference(before, after)}`)
    await this.compare()
    await this.verify()
  }

  /** Nothing is published that was not, nothing is lost. */
  async closeLogged(): Promise<void> {
    await this.#letGo()
    this.trace.push('close')
    for (const content of this.vault.vault.contents.all()) await this.vault.vault.contents.drain(content)
    await this.vault.close()
    this.#loose.clear()
  }

  /** Files without a name end with the kernel's last reference, at the latest when the vault is opened again. */
  async #letGo(): Promise<void> {
    await this.quiet()
    this.model.state.orphans.clear()
    for (const node of [...this.model.state.nodes.values()]) if (node.nlink === 0) this.model.state.nodes.delete(node.ino)
    this.held.clear()
  }

  /** With everything published and applied nothing may be left over: no entry, no memory, no need of the log. */
  async compareSettled(): Promise<void> {
    await this.quiet()
    this.trace.push('settle')
    await this.vault.settle()
    this.#loose.clear()
    const { unpublished, tree, contents, feed, log } = this.vault.vault.parts
    await this.vault.apply()
    const orphans = [...this.model.state.nodes.values()].filter(({ nlink }) => nlink === 0).map(({ ino }) => ino)
    const left: string[] = []
    if (unpublished.names.size > 0) left.push(`${String(unpublished.names.size)} names unpublished`)
    const entries = [...unpublished.entries.keys()].filter((ino) => (tree.get(ino)?.nlink ?? 0) > 0)
    if (entries.length > 0) left.push(`entries ${entries.join()} unpublished`)
    if (orphans.length === 0 && unpublished.entries.size > 0) left.push(`${String(unpublished.entries.size)} ended entries unpublished`)
    if (contents.dirtyBytes > 0) left.push(`${String(contents.dirtyBytes)} bytes dirty`)
    if (contents.context.arena.usedBytes > 65536) left.push(`${String(contents.context.arena.usedBytes)} bytes of the arena taken`)
    if (orphans.length === 0 && feed.appliedLsn !== log.lastLsn) left.push(`the catalog is at ${String(feed.appliedLsn)} of ${String(log.lastLsn)}`)
    const counted = this.vault.vault.parts.catalog.counts().entries
    if (counted !== this.model.state.nodes.size) left.push(`${String(counted)} entries in the catalog, ${String(this.model.state.nodes.size)} in the model`)
    await this.fold.follow(this.vault.store, this.#device.device)
    left.push(...foldDifferences(this.fold, tree, orphans))
    if (left.length > 0) throw new Finding(`not settled: ${left.join('\n  ')}`)
    await this.compare()
  }
}
