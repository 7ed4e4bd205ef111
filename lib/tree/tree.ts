// The tree as it is now: the active generation over a frozen one over the catalog. Everything here is synchronous;
// between two awaits of a caller nothing else changes it.
import type { BlobReference } from '../format/blob-reference.js'
import type { CatalogPort, CatalogRow } from '../store/catalog-port.js'
import { hex, type EntryId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { cloneEntry, entryBytes, type Entry, type Name } from './entry.js'
import { decodeAttributes, decodeXattrs, encodeAttributes, encodedAttributesBytes, encodeXattrs } from './entry-codec.js'
import { Generation } from './generation.js'
import { KnownNames } from './known-names.js'
import { mergePlaces, type Dirent } from './places.js'

export interface TreeLimits {
  /** Memory for entries read from the catalog that stay decoded, as `entryBytes` counts them. */
  readonly cachedEntriesBytes: number
  /** Names listed from the catalog at once. */
  readonly listBatch: number
}

export class Tree {
  readonly #catalog: CatalogPort
  readonly #limits: TreeLimits
  #active: Generation
  #frozen: Generation | undefined
  /** Clean entries, oldest use first. Never changed in place: `edit` copies. */
  #clean = new Map<number, Entry>()
  #cleanBytes = 0
  /** Of the catalog, under the frozen generation; what an apply changes that one shadows until it is forgotten. */
  readonly #known = new KnownNames()
  nextIno: number
  nextCookie: number

  constructor(catalog: CatalogPort, limits: TreeLimits) {
    this.#catalog = catalog
    this.#limits = limits
    const marks = catalog.marks()
    this.nextIno = marks.nextIno
    this.nextCookie = marks.nextCookie
    this.#active = new Generation(this.nextCookie)
  }

  get changes(): number {
    return this.#active.changes
  }

  get freezing(): boolean {
    return this.#frozen !== undefined
  }

  /** The entry, or undefined when there is none. Not to be changed: see `edit`. */
  get(ino: number): Entry | undefined {
    const changed = this.#active.entries.get(ino) ?? (this.#active.entries.has(ino) ? null : this.#frozen?.entries.get(ino))
    if (changed !== undefined) return changed ?? undefined
    const clean = this.#clean.get(ino)
    if (clean !== undefined) {
      this.#clean.delete(ino)
      this.#clean.set(ino, clean)
      return clean
    }
    const row = this.#catalog.entry(ino)
    if (row === undefined) return undefined
    const { entry } = decodeAttributes(row.attributes, 0, ino)
    if (row.xattrs !== null) entry.xattrs = decodeXattrs(row.xattrs)
    if (row.content !== null) entry.content = new Uint8Array(row.content)
    this.#keepClean(entry)
    return entry
  }

  /** The entry as part of the active generation, to be changed in place at once (not across an await). */
  edit(ino: number): Entry {
    const active = this.#active.entries.get(ino)
    if (active !== undefined && active !== null) return active
    const entry = this.get(ino)
    if (entry === undefined) throw new VaultError('broken-invariant', `Entry ${ino} is changed but does not exist`)
    const draft = cloneEntry(entry)
    this.#dropClean(ino)
    this.#active.entries.set(ino, draft)
    return draft
  }

  put(entry: Entry): void {
    this.#dropClean(entry.ino)
    this.#active.entries.set(entry.ino, entry)
    if (entry.ino >= this.nextIno) this.nextIno = entry.ino + 1
  }

  addBorn(entry: Entry): void {
    this.put(entry)
    this.#active.born.add(entry.ino)
  }

  remove(ino: number): void {
    this.#dropClean(ino)
    this.#active.remove(ino)
  }

  lookup(parent: number, name: Name): Dirent | undefined {
    const found = this.#active.lookup(parent, name)
    if (found !== undefined) return found.ino === 0 ? undefined : found
    if (this.#active.born.has(parent)) return undefined
    return this.#below(parent, name)
  }

  /** A name with a new place at the end of the listing, or (`cookie`) in the place of the one that it replaces, or that its entry had. */
  bind(parent: number, name: Name, ino: number, cookie?: number): number {
    const place = cookie ?? this.nextCookie
    if (place >= this.nextCookie) this.nextCookie = place + 1
    this.#active.bind(parent, { name, ino, cookie: place }, this.#belowActive(parent, name))
    return place
  }

  unbind(parent: number, name: Name): void {
    this.#active.unbind(parent, name, this.#belowActive(parent, name))
  }

  /**
   * Names of a directory with a cookie above `after`, ascending. `emit` answers false to stop. Stable while names come
   * and go: each that stays is met exactly once.
   */
  list(parent: number, after: number, emit: (dirent: Dirent) => boolean): void {
    let last = after
    for (const dirent of mergePlaces([this.#inCatalog(parent, after), this.#inFrozen(parent, after), this.#active.placed(parent, after)])) {
      // Two layers may know the same name at the same place.
      if (dirent.cookie === last) continue
      last = dirent.cookie
      if (!emit(dirent)) return
    }
  }

  *#inCatalog(parent: number, after: number): IterableIterator<Dirent> {
    const { listBatch } = this.#limits
    const frozen = this.#frozen
    if (this.#active.born.has(parent) || (frozen?.born.has(parent) ?? false)) return
    const ceiling = frozen?.firstCookie ?? this.#active.firstCookie
    while (after < ceiling) {
      const rows = this.#catalog.list(parent, after, ceiling, listBatch)
      for (const row of rows) {
        after = row.cookie
        const dirent = this.#current(parent, row, frozen)
        if (dirent !== undefined) yield dirent
      }
      if (rows.length < listBatch) return
    }
  }

  *#inFrozen(parent: number, after: number): IterableIterator<Dirent> {
    for (const dirent of this.#frozen?.placed(parent, after) ?? []) {
      const current = this.#current(parent, dirent, undefined)
      if (current !== undefined) yield current
    }
  }

  chunk(chunkId: Uint8Array): BlobReference | undefined {
    const key = hex(chunkId)
    return this.#active.chunks.get(key) ?? this.#frozen?.chunks.get(key) ?? this.#catalog.chunk(chunkId)
  }

  addChunk(reference: BlobReference): void {
    this.#active.addChunk(reference)
  }

  /** Entries without a name in the active generation: after a replay, files that were unlinked while open. */
  orphansOfActive(): number[] {
    const orphans: number[] = []
    for (const entry of this.#active.entries.values()) if (entry?.nlink === 0) orphans.push(entry.ino)
    return orphans
  }

  idOf(ino: number): EntryId {
    const entry = this.get(ino)
    if (entry === undefined) throw new VaultError('broken-invariant', `Entry ${ino} is named but does not exist`)
    return entry.id
  }

  /** Whether the catalog does not have yet what the entry is now. */
  isAhead(ino: number): boolean {
    return this.#active.entries.has(ino) || (this.#frozen?.entries.has(ino) ?? false)
  }

  /** The same of a name. */
  isNameAhead(parent: number, name: Name): boolean {
    return this.#active.lookup(parent, name) !== undefined || this.#frozen?.lookup(parent, name) !== undefined
  }

  /** The active generation goes on its way to the catalog; a new one takes what changes from now on. */
  freeze(): Generation {
    invariant(this.#frozen === undefined, 'a generation is frozen while another one is')
    const frozen = this.#active
    this.#frozen = frozen
    this.#active = new Generation(this.nextCookie)
    return frozen
  }

  /** The frozen generation is in the catalog: forget it. */
  thaw(): void {
    const frozen = this.#frozen
    this.#frozen = undefined
    this.#known.forget()
    for (const entry of frozen?.entries.values() ?? []) {
      if (entry !== null && !this.#active.entries.has(entry.ino)) this.#keepClean(entry)
    }
  }

  /** What `dirent` of a lower layer is now; undefined when it was removed or moved to another place of the listing. */
  #current(parent: number, dirent: Dirent, frozen: Generation | undefined): Dirent | undefined {
    const newer = this.#active.lookup(parent, dirent.name) ?? frozen?.lookup(parent, dirent.name)
    if (newer === undefined) return dirent
    return newer.ino !== 0 && newer.cookie === dirent.cookie ? newer : undefined
  }

  #belowActive(parent: number, name: Name): Dirent | undefined {
    return this.#active.born.has(parent) ? undefined : this.#below(parent, name)
  }

  #below(parent: number, name: Name): Dirent | undefined {
    const frozen = this.#frozen?.lookup(parent, name)
    if (frozen !== undefined) return frozen.ino === 0 ? undefined : frozen
    if (this.#frozen?.born.has(parent) ?? false) return undefined
    return this.#known.get(parent, name, () => this.#catalog.lookup(parent, name))
  }

  #keepClean(entry: Entry): void {
    this.#dropClean(entry.ino)
    this.#clean.set(entry.ino, entry)
    this.#cleanBytes += entryBytes(entry)
    for (const oldest of this.#clean.keys()) {
      if (this.#cleanBytes <= this.#limits.cachedEntriesBytes) break
      this.#dropClean(oldest)
    }
  }

  #dropClean(ino: number): void {
    const entry = this.#clean.get(ino)
    if (entry === undefined) return
    this.#clean.delete(ino)
    this.#cleanBytes -= entryBytes(entry)
  }
}

/** The rows that a generation's entries become. */
export function* catalogRows(generation: Generation): IterableIterator<CatalogRow> {
  for (const entry of generation.entries.values()) {
    if (entry === null) continue
    const attributes = Buffer.allocUnsafe(encodedAttributesBytes(entry))
    encodeAttributes(entry, attributes, 0)
    yield {
      ino: entry.ino, id: entry.id, orphan: entry.nlink === 0, attributes,
      xattrs: entry.xattrs === null ? null : encodeXattrs(entry.xattrs),
      content: entry.content.byteLength === 0 ? null : entry.content,
    }
  }
}

export function* goneRows(generation: Generation): IterableIterator<number> {
  for (const [ino, entry] of generation.entries) if (entry === null) yield ino
}
