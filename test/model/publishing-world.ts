// The real tree, contents and publisher over a log, pool, catalog and manifest in memory. At every await something else
// may happen: operations, and moments that are kept for a crash. Everything follows from the seed.
import { Contents } from '../../lib/content/contents.js'
import type { ContentContext, OpenContent } from '../../lib/content/open-content.js'
import { abandonGroups } from '../../lib/content/log-group.js'
import { PageStore } from '../../lib/content/page-store.js'
import { Publisher } from '../../lib/content/publisher.js'
import { resize } from '../../lib/content/splicing.js'
import type { Operation } from '../../lib/format/operations.js'
import { Arena } from '../../lib/store/arena.js'
import { recordKind } from '../../lib/store/log-port.js'
import type { EntryId } from '../../lib/terms/bytes.js'
import { CatalogFeed } from '../../lib/tree/catalog-feed.js'
import { Change } from '../../lib/tree/change.js'
import { isDirectory, isFile, modeType, newEntry, rootIno, touchChanged, type Entry } from '../../lib/tree/entry.js'
import { Tree } from '../../lib/tree/tree.js'
import { Unpublished } from '../../lib/tree/unpublished.js'
import { endReplay, replayRecord, type UnendedGroups } from '../../lib/vault-replay.js'
import { FakeCatalog } from '../support/fake-catalog.js'
import { FakeLog } from '../support/fake-log.js'
import { FakePool } from '../support/fake-pool.js'
import { TestClock } from '../support/test-clock.js'
import type { Random } from './random.js'

/** What is on the disk at a moment. */
export interface Disk {
  readonly log: FakeLog
  readonly catalog: FakeCatalog
  readonly manifest: (readonly Operation[])[]
  readonly blobs: ReadonlyMap<string, Uint8Array>
}

export class PublishingWorld {
  readonly clock = new TestClock()
  readonly random: Random
  /** What the ports were asked for, in order. */
  readonly calls: string[] = []
  readonly log: FakeLog
  readonly catalog: FakeCatalog
  readonly pool: FakePool
  readonly manifest: (readonly Operation[])[]
  readonly tree: Tree
  readonly unpublished = new Unpublished()
  readonly contents: Contents
  readonly publisher: Publisher
  readonly feed: CatalogFeed
  /** Called at every await of the parts under test. */
  meanwhile: () => void = () => undefined
  /** Called when a manifest entry is durable. */
  told: (operations: readonly Operation[]) => void = () => undefined

  constructor(random: Random, disk?: Disk, limits = { listBatch: 3, cachedEntriesBytes: 4800 }, arenaBytes = 4 * 1024 * 1024, unended: UnendedGroups = 'drop') {
    this.random = random
    const pause = async (): Promise<void> => {
      this.meanwhile()
      await Promise.resolve()
    }
    this.log = disk === undefined ? new FakeLog(this.calls, pause) : disk.log.cutAfter(disk.log.lastLsn, this.calls, pause)
    this.catalog = disk?.catalog.copy(this.calls, pause) ?? new FakeCatalog(this.calls, pause)
    this.manifest = [...disk?.manifest ?? []]
    const arena = new Arena(arenaBytes)
    this.pool = new FakePool(arena, this.log, this.calls, pause)
    for (const [id, bytes] of disk?.blobs ?? []) this.pool.blobs.set(id, bytes)
    this.tree = new Tree(this.catalog, limits)
    const context: ContentContext = {
      tree: this.tree, unpublished: this.unpublished, pool: this.pool, arena, pages: new PageStore(this.pool), log: this.log,
      now: () => this.clock.now(), nowMs: () => this.clock.monotonicMs(),
    }
    this.contents = new Contents(context)
    const append = async (operations: readonly Operation[]): Promise<number> => {
      await pause()
      this.manifest.push(operations)
      this.calls.push(`manifest durable ${String(this.manifest.length)}`)
      this.told(operations)
      await pause()
      return this.manifest.length
    }
    this.publisher = new Publisher(this.contents, { append, sequence: 0, appendedBytes: 0 }, (_ino, error) => { throw error })
    const { appliedLsn } = this.catalog.marks()
    const target = { tree: this.tree, unpublished: this.unpublished, contents: this.contents, appliedLsn, renumber: false, held: new Map(), nowMs: () => this.clock.monotonicMs() }
    for (const record of this.log.records) replayRecord(record, target)
    const inos = endReplay(target, unended)
    if (unended === 'drop') abandonGroups(inos, context)
    this.feed = new CatalogFeed(this.tree, this.catalog, this.log, appliedLsn)
    this.#prepare()
  }

  /** A power cut (`lsn`: what of the log is left) at this moment. */
  disk(lsn = this.log.lastLsn): Disk {
    const still = (): Promise<void> => Promise.resolve()
    return {
      log: this.log.cutAfter(lsn, [], still), catalog: this.catalog.copy([], still), manifest: [...this.manifest], blobs: new Map(this.pool.blobs),
    }
  }

  change(): Change {
    return new Change({
      tree: this.tree, unpublished: this.unpublished, append: (body) => this.log.append(recordKind.images, body), nowMs: () => this.clock.monotonicMs(),
    })
  }

  make(parent: number, name: string, kind: 'file' | 'directory'): Entry {
    const change = this.change()
    const entry = newEntry({ ino: this.tree.nextIno++, id: this.#id(), mode: modeType[kind] | 0o755, uid: 0, gid: 0, rdev: 0, now: this.clock.now() })
    change.create(entry)
    if (kind === 'directory') entry.parent = parent
    this.#count(change, parent, 1)
    change.bind(parent, name, entry.ino)
    change.commit()
    return entry
  }

  link(ino: number, parent: number, name: string): void {
    const change = this.change()
    change.edit(ino).nlink++
    this.#count(change, parent, 1)
    change.bind(parent, name, ino)
    change.commit()
  }

  /** `hold`: somebody has it open, so the entry lives on without a name. */
  unlink(parent: number, name: string, hold = false): void {
    const ino = this.tree.lookup(parent, name)?.ino ?? 0
    const change = this.change()
    this.#count(change, parent, -1)
    this.#lose(change, ino)
    change.unbind(parent, name)
    change.commit()
    if (!hold) this.end(ino)
  }

  rename(from: { parent: number; name: string }, to: { parent: number; name: string }): void {
    const moved = this.tree.lookup(from.parent, from.name)?.ino ?? 0
    const replaced = this.tree.lookup(to.parent, to.name)?.ino
    if (moved === replaced) return
    const content = this.contents.peek(moved)
    if (content !== undefined && replaced !== undefined) void this.contents.drain(content)
    const change = this.change()
    this.#count(change, from.parent, -1)
    const entry = change.edit(moved)
    touchChanged(entry, this.clock.now())
    if (isDirectory(entry)) entry.parent = to.parent
    if (replaced === undefined) {
      this.#count(change, to.parent, 1)
      change.bind(to.parent, to.name, moved)
    } else {
      this.#lose(change, replaced)
      change.rebind(to.parent, to.name, moved, true)
    }
    change.unbind(from.parent, from.name)
    change.commit()
    if (replaced !== undefined) this.end(replaced)
  }

  exchange(one: { parent: number; name: string }, other: { parent: number; name: string }): void {
    const [first, second] = [this.tree.lookup(one.parent, one.name)?.ino ?? 0, this.tree.lookup(other.parent, other.name)?.ino ?? 0]
    const change = this.change()
    for (const [ino, parent] of [[first, other.parent], [second, one.parent]] as const) {
      const entry = change.edit(ino)
      if (isDirectory(entry)) entry.parent = parent
    }
    change.rebind(one.parent, one.name, second, false)
    change.rebind(other.parent, other.name, first, false)
    change.commit()
  }

  touch(ino: number): void {
    const change = this.change()
    touchChanged(change.edit(ino), this.clock.now())
    change.commit()
  }

  /** Logged at once: at most 16 KiB. */
  write(ino: number, offset: number, data: Uint8Array): void {
    const entry = this.tree.get(ino)
    if (entry === undefined || !isFile(entry)) return
    const content = this.contents.of(entry)
    void this.contents.write(content, offset, data)
    void this.contents.spill(content)
  }

  truncate(ino: number, size: number): void {
    const entry = this.tree.get(ino)
    if (entry !== undefined && isFile(entry)) void this.resize(this.contents.of(entry), size)
  }

  resize(content: OpenContent, size: number): Promise<void> | undefined {
    return resize(content, size, this.contents.context)
  }

  /** Nobody has it open any more. */
  end(ino: number): void {
    const entry = this.tree.get(ino)
    if (entry === undefined || entry.nlink > 0) return
    const change = this.change()
    change.remove(ino, entry.id)
    change.commit()
    this.contents.discard(ino)
  }

  async settle(): Promise<void> {
    this.meanwhile = () => undefined
    await this.contents.spillAll()
    await this.publisher.round('all')
    await this.feed.apply()
  }

  #prepare(): void {
    if (this.tree.get(rootIno) === undefined) {
      const change = this.change()
      const id = new Uint8Array(16)
      id[15] = 1
      const root = newEntry({ ino: rootIno, id: id as Uint8Array as EntryId, mode: modeType.directory | 0o755, uid: 0, gid: 0, rdev: 0, now: this.clock.now() })
      root.parent = rootIno
      change.create(root)
      change.commit()
    }
    for (const ino of new Set([...this.catalog.orphans(), ...this.tree.orphansOfActive()])) this.end(ino)
  }

  #count(change: Change, parent: number, by: number): void {
    const directory = change.edit(parent)
    directory.children += by
    touchChanged(directory, this.clock.now())
  }

  #lose(change: Change, ino: number): void {
    const entry = change.edit(ino)
    entry.nlink = isDirectory(entry) ? 0 : entry.nlink - 1
  }

  #id(): EntryId {
    return this.random.bytes(16) as Uint8Array as EntryId
  }
}
