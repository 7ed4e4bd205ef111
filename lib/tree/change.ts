// One change of the tree, as the log will know it: all of it or nothing. Made, filled and committed without an await
// in between; the tree shows it from the first call on, so validate before you begin.
import type { EntryId } from '../terms/bytes.js'
import { encodeImages, type DirentImage, type GoneImage } from './images.js'
import { type Entry, type Name } from './entry.js'
import type { Tree } from './tree.js'
import type { Unpublished } from './unpublished.js'

export interface ChangeTarget {
  readonly tree: Tree
  readonly unpublished: Unpublished
  /** Appends to the log; answers the record's LSN. */
  append(body: Uint8Array): number
  /** Monotonic milliseconds. */
  nowMs(): number
}

/** Most changes have none: a set for each would be most of what a change allocates. Never added to. */
const noInos = new Set<number>()

function withIno(inos: Set<number>, ino: number): Set<number> {
  return inos === noInos ? new Set([ino]) : inos.add(ino)
}

export class Change {
  readonly #target: ChangeTarget
  /** Few, each once. */
  readonly #entries: Entry[] = []
  #xattrsOf = noInos
  #born = noInos
  readonly #gone: GoneImage[] = []
  readonly #dirents: DirentImage[] = []

  constructor(target: ChangeTarget) {
    this.#target = target
  }

  /** The entry, to be changed in place before `commit`. */
  edit(ino: number): Entry {
    const entry = this.#target.tree.edit(ino)
    if (!this.#entries.includes(entry)) this.#entries.push(entry)
    return entry
  }

  create(entry: Entry): void {
    this.#target.tree.addBorn(entry)
    this.#entries.push(entry)
    this.#born = withIno(this.#born, entry.ino)
    if (entry.xattrs !== null) this.#xattrsOf = withIno(this.#xattrsOf, entry.ino)
  }

  setXattrs(ino: number, xattrs: ReadonlyMap<Name, Uint8Array>): void {
    this.edit(ino).xattrs = xattrs.size === 0 ? null : xattrs
    this.#xattrsOf = withIno(this.#xattrsOf, ino)
  }

  /** A new name. */
  bind(parent: number, name: Name, ino: number): void {
    const cookie = this.#target.tree.bind(parent, name, ino)
    this.#image({ parent, name, ino, cookie, was: 0, displaced: false })
  }

  /** The name now means another entry, at the same place of the listing. `displaced`: see DirentImage. */
  rebind(parent: number, name: Name, ino: number, displaced: boolean): void {
    const before = this.#before(parent, name)
    const cookie = this.#target.tree.bind(parent, name, ino, before.cookie)
    this.#image({ parent, name, ino, cookie, was: before.ino, displaced })
  }

  /**
   * The entry gets another name in its directory and keeps its place in the listing, as `rebind` does: who renames what he
   * is listing would otherwise meet it again at the end, for ever (xfstests generic/736).
   */
  rename(parent: number, from: Name, to: Name, ino: number): void {
    const { cookie = 0 } = this.#before(parent, from)
    this.#target.tree.unbind(parent, from)
    this.#target.tree.bind(parent, to, ino, cookie)
    this.#image({ parent, name: to, ino, cookie, was: 0, displaced: false })
    this.#image({ parent, name: from, ino: 0, cookie, was: ino, displaced: false })
  }

  unbind(parent: number, name: Name): void {
    const { ino, cookie = 0 } = this.#before(parent, name)
    this.#target.tree.unbind(parent, name)
    this.#image({ parent, name, ino: 0, cookie, was: ino, displaced: false })
  }

  /** A copy: the tree's own answer changes with the tree. */
  #before(parent: number, name: Name): { readonly ino: number; readonly cookie: number | undefined } {
    const before = this.#target.tree.lookup(parent, name)
    return { ino: before?.ino ?? 0, cookie: before?.cookie }
  }

  #image({ parent, name, ino, cookie, was, displaced }: Omit<DirentImage, 'parentId' | 'wasId'>): void {
    const { tree } = this.#target
    this.#dirents.push({ parent, name, ino, cookie, was, displaced, parentId: tree.idOf(parent), wasId: was === 0 ? undefined : tree.idOf(was) })
  }

  /** The entry ends: no name, nobody has it open. */
  remove(ino: number, id: EntryId): void {
    const index = this.#entries.findIndex((entry) => entry.ino === ino)
    if (index >= 0) this.#entries.splice(index, 1)
    this.#target.tree.remove(ino)
    this.#gone.push({ ino, id })
  }

  get isEmpty(): boolean {
    return this.#entries.length + this.#gone.length + this.#dirents.length === 0
  }

  /** Logs it; the record is in the kernel's hands after the log's next flush. */
  commit(): number {
    const images = {
      entries: this.#entries, xattrsOf: this.#xattrsOf, born: this.#born, gone: this.#gone, dirents: this.#dirents,
    }
    const lsn = this.#target.append(encodeImages(images))
    this.#target.unpublished.note(images, lsn, this.#target.nowMs())
    return lsn
  }
}
