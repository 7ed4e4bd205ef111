// What the handler's operations answer of the past: `.versions`, the views in it, and what lies in those. Everything is
// read-only and of one moment, so whatever was once answered may be kept by the kernel; nothing here waits for a network.
import { flagsOf } from '../../lib/tree/posix/flags.js'
import { xattrKind } from '../../lib/tree/posix/xattr-names.js'
import { isDirectory, isFile, modeType, type Entry, type Name } from '../../lib/tree/entry.js'
import type { OpenContent } from '../../lib/content/open-content.js'
import type { HistoryPort, PastDirent } from '../../lib/store/history-port.js'
import type { Vault } from '../../lib/vault.js'
import { VaultError } from '../../lib/terms/errors.js'
import type { AroundReply, Attributes, Errno, FillDirectory, Mount } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { listedXattrs } from '../ops/xattrs.js'
import { Listings } from './listings.js'
import { Moments } from './moments.js'
import { fileIno, versionOf } from './numbers.js'
import { absentNow, gateAttributes, pastAttributes } from './past-attributes.js'
import { PastContents } from './past-contents.js'
import { PastEntries, type Found } from './past-entries.js'
import { Places, type Gate, type Place, type View } from './places.js'

type Eventual<Value> = Value | Promise<Value>

const directoryMode = modeType.directory
/** Cookies 1 and 2 are those of `.` and `..`. */
const cookieShift = 2

export interface PastOptions {
  readonly vault: Vault
  /** Undefined while the mount is being made: the kernel holds nothing then. */
  readonly mount: () => Mount | undefined
}

export class Past {
  /** The newest letting go; resolves when it is over, also when it failed. */
  hasLetGo: Promise<void> = Promise.resolve()
  readonly #vault: Vault
  readonly #history: HistoryPort
  readonly #mount: () => Mount | undefined
  readonly #places: Places
  readonly #entries: PastEntries
  readonly #listings: Listings
  readonly #contents = new PastContents()
  readonly #moments: Moments
  /** What a gate lists, while somebody reads it in pieces. */
  readonly #names = new WeakMap<Gate, readonly Name[]>()

  constructor({ vault, mount }: PastOptions) {
    const { history, retention } = vault.parts
    this.#vault = vault
    this.#history = history
    this.#mount = mount
    this.#places = new Places(() => vault.parts.clock.monotonicMs(), (ino) => mount()?.watchForget(ino) ?? false, vault.now().sec)
    this.#entries = new PastEntries(history)
    this.#listings = new Listings(history)
    this.#moments = new Moments({ history, entries: this.#entries, policy: retention, nowSec: () => vault.now().sec })
  }

  /** Directories of the past that the kernel holds. */
  get places(): number {
    return this.#places.size
  }

  /** `.versions` of a directory of the present. */
  gate(directory: Entry): Attributes {
    return gateAttributes(this.#places.gate(directory.ino).ino, directory, this.#vault.now())
  }

  forgotten(inos: readonly number[]): void {
    this.#places.forgotten(inos)
  }

  /** There is a newer state: what the kernel knows of names that move on, and of listings of moments, is old. */
  published(): void {
    this.#moments.published()
    const mount = this.#mount()
    if (mount === undefined) return
    for (const gate of this.#places.gates()) mount.invalidateInode(gate.ino, 0, 0)
    for (const { parent, name, settled } of this.#places.roots()) if (!settled) mount.expireEntry(parent, name)
  }

  /** Retention has let go of something: neither memory nor the kernel may go on answering from what is gone. */
  async letGo(): Promise<void> {
    this.#entries.clear()
    this.#listings.clear()
    this.#moments.letGo()
    const roots = Map.groupBy(this.#places.roots(), ({ position }) => position)
    for (const [position, views] of roots) {
      if (await this.#moments.isKept(position)) continue
      for (const { parent, name } of views) this.#mount()?.invalidateEntry(parent, name)
    }
  }

  lookup(parent: number, name: Name): Eventual<Attributes | Errno> {
    // The kernel asks for `.` of any number it once knew, and for `..` of directories (EXPORT_SUPPORT).
    if (name === '.') return this.getattr(parent)
    const place = this.#place(parent)
    if (name === '..') return place.kind === 'gate' ? this.#present(place.parent) : this.getattr(place.parent)
    if (place.kind === 'gate') return this.#enter(place, name)
    const listed = this.#listings.lookup(place, name)
    if (listed !== undefined) return this.#attributes(place, this.#entries.found(listed.entry))
    return this.#find(place, name)
  }

  getattr(ino: number): Eventual<Attributes> {
    const place = versionOf(ino) === undefined ? this.#place(ino) : undefined
    if (place?.kind === 'gate') return gateAttributes(ino, this.#vault.tree.get(place.parent) ?? { uid: 0, gid: 0 }, this.#vault.now())
    return this.#with(ino, (entry) => pastAttributes(ino, entry))
  }

  readlink(ino: number): Eventual<Uint8Array | Errno> {
    return this.#with(ino, (entry) => entry.target ?? errno.EINVAL)
  }

  getxattr(ino: number, name: Name): Eventual<Uint8Array | Errno> {
    if (xattrKind(name) === undefined) return errno.EOPNOTSUPP
    if (this.#isGate(ino)) return errno.ENODATA
    return this.#with(ino, (entry) => entry.xattrs?.get(name) ?? errno.ENODATA)
  }

  listxattr(ino: number): Eventual<Uint8Array> {
    if (this.#isGate(ino)) return new Uint8Array(0)
    return this.#with(ino, (entry) => listedXattrs(entry))
  }

  getflags(ino: number): Eventual<number> {
    return this.#isGate(ino) ? 0 : this.#with(ino, flagsOf)
  }

  read(ino: number, offset: number, length: number): Eventual<Uint8Array | Errno> {
    return this.#withContent(ino, (content) => this.#vault.reading.read(content, offset, length))
  }

  readAround(ino: number, offset: number, length: number): Eventual<AroundReply | Errno> {
    return this.#withContent<AroundReply | Errno>(ino, (content) => this.#vault.reading.readAround(content, offset, length))
  }

  lseek(ino: number, offset: number, whence: number): Eventual<number> {
    if (whence !== 3 && whence !== 4) return errno.EINVAL
    return this.#withContent(ino, async (content) =>
      (await this.#vault.reading.seek(content, offset, whence === 3 ? 'data' : 'hole')) ?? errno.ENXIO)
  }

  /** The content of a file, for copying from it. */
  content(ino: number): Eventual<OpenContent | Errno> {
    return this.#withContent(ino, (content) => content)
  }

  readdir(ino: number, cookie: number, plus: boolean, fill: FillDirectory): Eventual<number> {
    if (versionOf(ino) !== undefined) return errno.ENOTDIR
    const place = this.#place(ino)
    if (cookie < 1 && !fill('.', ino, directoryMode, 1, null)) return 0
    if (cookie < 2 && !fill('..', place.parent, directoryMode, 2, null)) return 0
    return place.kind === 'gate' ? this.#listGate(place, cookie, fill) : this.#listView(place, cookie, plus, fill)
  }

  #listView(view: View, cookie: number, plus: boolean, fill: FillDirectory): Eventual<number> {
    const after = Math.max(cookie - cookieShift, 0)
    const batch = this.#listings.batch(view, after)
    if (batch instanceof Promise) return batch.then(() => this.#listView(view, cookie, plus, fill))
    let at = firstAbove(batch.dirents, after)
    for (let dirent = batch.dirents[at]; dirent !== undefined; dirent = batch.dirents[++at]) {
      const found = this.#entries.found(dirent.entry)
      // Without attributes the kernel holds nothing: a directory gets its number when it is looked up.
      const attributes = plus ? this.#attributes(view, found) : null
      const shown = attributes?.ino ?? (isDirectory(found.entry) ? view.ino : fileIno(found.version))
      if (!fill(dirent.name, shown, found.entry.mode, dirent.cookie + cookieShift, attributes)) break
    }
    return 0
  }

  async #listGate(gate: Gate, cookie: number, fill: FillDirectory): Promise<number> {
    let names = cookie < 3 ? undefined : this.#names.get(gate)
    names ??= await this.#moments.list(gate.parent)
    this.#names.set(gate, names)
    const first = Math.max(cookie - cookieShift, 0)
    names.slice(first).every((name, at) => fill(name, gate.ino, directoryMode, first + at + 1 + cookieShift, null))
    return 0
  }

  async #enter(gate: Gate, name: Name): Promise<Attributes> {
    const entered = await this.#moments.enter(gate.parent, name)
    if (entered === undefined) return absentNow
    const { position, entry, version, settled } = entered
    return pastAttributes(this.#places.entered(gate, { name, settled }, { position, entry: entry.ino, version }).ino, entry, settled)
  }

  async #find(view: View, name: Name): Promise<Attributes | Errno> {
    const past = await this.#history.lookup(view.position, view.entry, name)
    return past === undefined ? errno.ENOENT : this.#attributes(view, this.#entries.found(past))
  }

  #attributes(view: View, { version, entry }: Found): Attributes {
    const ino = isDirectory(entry) ? this.#places.below(view, { entry: entry.ino, version }).ino : fileIno(version)
    return pastAttributes(ino, entry)
  }

  #present(ino: number): Attributes | Errno {
    return this.#vault.tree.get(ino) ?? errno.ESTALE
  }

  #isGate(ino: number): boolean {
    return versionOf(ino) === undefined && this.#place(ino).kind === 'gate'
  }

  #place(ino: number): Place {
    const place = this.#places.get(ino)
    if (place === undefined) throw new VaultError('stale', 'The directory of the past is not known any more', { subject: `inode ${ino}` })
    return place
  }

  #versionAt(ino: number): number {
    const version = versionOf(ino)
    if (version !== undefined) return version
    const place = this.#place(ino)
    if (place.kind === 'view') return place.version
    throw new VaultError('is-a-directory', '.versions is a directory', { subject: '.versions' })
  }

  /** Calls `work` with the entry as it was, at once when it is known here. */
  #with<Value>(ino: number, work: (entry: Entry) => Eventual<Value>): Eventual<Value> {
    const entry = this.#entries.get(this.#versionAt(ino))
    return entry instanceof Promise ? entry.then(work) : work(entry)
  }

  #withContent<Value>(ino: number, work: (content: OpenContent) => Eventual<Value>): Eventual<Value | Errno> {
    return this.#with(ino, (entry) => {
      if (!isFile(entry)) return isDirectory(entry) ? errno.EISDIR : errno.EINVAL
      return work(this.#contents.of(this.#versionAt(ino), entry))
    })
  }
}

/** Where the first name with a cookie above `after` stands; cookies ascend. */
function firstAbove(dirents: readonly PastDirent[], after: number): number {
  let [from, to] = [0, dirents.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((dirents[middle]?.cookie ?? Infinity) > after) to = middle
    else from = middle + 1
  }
  return from
}
