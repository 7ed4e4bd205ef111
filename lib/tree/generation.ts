// What changed since a moment, over what lies below it (an older generation, then the catalog). At most two are alive:
// the active one, which takes changes, and a frozen one on its way into the catalog.
import type { BlobReference } from '../format/blob-reference.js'
import { hex } from '../terms/bytes.js'
import type { Entry, Name } from './entry.js'
import { mergePlaces, Places, type Dirent } from './places.js'

interface OverlayDirent extends Dirent {
  /** A layer below knows the name, so a removal must leave a mark. */
  readonly shadows: boolean
}

class DirectoryChanges {
  readonly names = new Map<Name, OverlayDirent>()
  /** Names that got a new place here. */
  readonly added = new Places()
  /** Names that took the place that another had before this generation, by a renaming in the directory. */
  readonly moved = new Places()
}

export class Generation {
  /** `null`: the entry is gone. Entries in here belong to the generation and may be changed in place while it is active. */
  readonly entries = new Map<number, Entry | null>()
  readonly chunks = new Map<string, BlobReference>()
  /** Entries that did not exist below: nothing of them need be looked up, or removed, there. */
  readonly born = new Set<number>()
  /** Cookies from here on were given out by this generation. */
  readonly firstCookie: number
  #directories = new Map<number, DirectoryChanges>()
  #direntChanges = 0

  constructor(firstCookie: number) {
    this.firstCookie = firstCookie
  }

  /** How much there is to apply; the tree freezes a generation before this grows without bound. */
  get changes(): number {
    return this.entries.size + this.#direntChanges + this.chunks.size
  }

  lookup(parent: number, name: Name): Dirent | undefined {
    return this.#directories.get(parent)?.names.get(name)
  }

  /** Whether names of the folder are, or were, in here. */
  touches(parent: number): boolean {
    return this.#directories.has(parent)
  }

  /** `below`: what the layers below say of the name. */
  bind(parent: number, dirent: { readonly name: Name; readonly ino: number; readonly cookie: number }, below: Dirent | undefined): void {
    const directory = this.#directory(parent)
    const before = directory.names.get(dirent.name)
    if (before !== undefined && before.ino !== 0 && before.cookie === dirent.cookie) {
      before.ino = dirent.ino
      return
    }
    if (before !== undefined && before.ino !== 0) this.#bury(directory, before)
    const next: OverlayDirent = { ...dirent, shadows: before?.shadows ?? (below !== undefined && below.ino !== 0) }
    directory.names.set(dirent.name, next)
    if (dirent.cookie >= this.firstCookie) directory.added.add(next)
    // A layer below lists the name at that place.
    else if (below === undefined || below.ino === 0 || below.cookie !== dirent.cookie) directory.moved.add(next)
    this.#direntChanges++
  }

  unbind(parent: number, name: Name, below: Dirent | undefined): void {
    const directory = this.#directory(parent)
    const before = directory.names.get(name)
    const shadows = before?.shadows ?? (below !== undefined && below.ino !== 0)
    if (before !== undefined && before.ino !== 0) this.#bury(directory, before)
    if (shadows) directory.names.set(name, { name, ino: 0, cookie: before?.cookie ?? below?.cookie ?? 0, shadows })
    else directory.names.delete(name)
    this.#direntChanges++
  }

  /** Names that no layer below lists at their place, from the first whose cookie is above `after`, ascending. */
  placed(parent: number, after: number): IterableIterator<Dirent> {
    const directory = this.#directories.get(parent)
    return directory === undefined ? [].values() : mergePlaces([directory.moved.from(after), directory.added.from(after)])
  }

  /** Every changed name; ino 0: removed. */
  *dirents(): IterableIterator<{ parent: number; name: Name; ino: number; cookie: number }> {
    for (const [parent, { names }] of this.#directories) {
      for (const { name, ino, cookie } of names.values()) yield { parent, name, ino, cookie }
    }
  }

  /** An entry that was born here leaves nothing; another one a mark. */
  remove(ino: number): void {
    if (this.born.delete(ino)) {
      this.entries.delete(ino)
      this.#directories.delete(ino)
    } else {
      this.entries.set(ino, null)
    }
  }

  addChunk(reference: BlobReference): void {
    this.chunks.set(hex(reference.chunkId), reference)
  }

  #bury({ added, moved }: DirectoryChanges, dirent: OverlayDirent): void {
    dirent.ino = 0
    if (dirent.cookie >= this.firstCookie) added.died()
    else moved.died()
  }

  #directory(parent: number): DirectoryChanges {
    let directory = this.#directories.get(parent)
    if (directory === undefined) this.#directories.set(parent, (directory = new DirectoryChanges()))
    return directory
  }
}
