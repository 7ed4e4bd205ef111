// The tree as it is now: the active generation over a frozen one over the catalog. Everything here is synchronous;
// between two awaits of a caller nothing else changes it.
import type { BlobReference } from '../format/blob-reference.js'
import type { CatalogDirent, CatalogListed, CatalogPort, CatalogRow } from '../store/catalog-port.js'
import { hex, type EntryId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { CleanEntries } from './clean-entries.js'
import { cloneEntry, type Entry, type Name } from './entry.js'
import { decodeAttributes, decodeXattrs, encodeAttributes, encodedAttributesBytes, encodeXattrs } from './entry-codec.js'
import { Generation } from './generation.js'
import { KnownNames } from './known-names.js'
import { Listings, type Stretch } from './listings.js'
import { firstAbove, mergePlaces, type Dirent } from './places.js'

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
  /** `edit` copies. */
  readonly #clean: CleanEntries
  /** Of the catalog, under the frozen generation; what an apply changes that one shadows until it is forgotten. */
  readonly #known: KnownNames
  readonly #listings = new Listings()
  nextIno: number
  nextCookie: number

  constructor(catalog: CatalogPort, limits: TreeLimits) {
    this.#catalog = catalog
    this.#limits = limits
    this.#clean = new CleanEntries(limits.cachedEntriesBytes)
    this.#known = new KnownNames({
      lookup: (parent, name) => catalog.lookup(parent, name),
      lookupFrom: (parent, name, limit) => this.#decoded(() => catalog.lookupFrom(parent, name, limit)) ?? [catalog.lookup(parent, name) ?? []].flat(),
    })
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
    if (clean !== undefined) return clean
    const row = this.#catalog.entry(ino)
    if (row === undefined) return undefined
    const entry = decodeRow(ino, row.attributes, row.xattrs, row.content)
    this.#clean.keep(entry)
    return entry
  }

  /** The entry as part of the active generation, to be changed in place at once (not across an await). */
  edit(ino: number): Entry {
    const active = this.#active.entries.get(ino)
    if (active !== undefined && active !== null) return active
    const entry = this.get(ino)
    if (entry === undefined) throw new VaultError('broken-invariant', `Entry ${ino} is changed but does not exist`)
    const draft = cloneEntry(entry)
    this.#clean.drop(ino)
    this.#active.entries.set(ino, draft)
    return draft
  }

  put(entry: Entry): void {
    this.#clean.drop(entry.ino)
    this.#active.entries.set(entry.ino, entry)
    if (entry.ino >= this.nextIno) this.nextIno = entry.ino + 1
  }

  addBorn(entry: Entry): void {
    this.put(entry)
    this.#active.born.add(entry.ino)
  }

  remove(ino: number): void {
    this.#clean.drop(ino)
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
    if (!this.#active.touches(parent) && !(this.#frozen?.touches(parent) ?? false)) return this.#listUnchanged(parent, after, emit)
    let last = after
    for (const dirent of mergePlaces([this.#inCatalog(parent, after), this.#inFrozen(parent, after), this.#active.placed(parent, after)])) {
      // Two layers may know the same name at the same place.
      if (dirent.cookie === last) continue
      last = dirent.cookie
      if (!emit(dirent)) return
    }
  }

  #listUnchanged(parent: number, after: number, emit: (dirent: Dirent) => boolean): void {
    for (;;) {
      const { rows, isLast } = this.#stretch(parent, after)
      for (let index = firstAbove(rows, after); index < rows.length; index++) {
        const row = rows[index]
        if (row === undefined || !emit(row)) return
        after = row.cookie
      }
      if (isLast) return
    }
  }

  *#inCatalog(parent: number, after: number): IterableIterator<Dirent> {
    for (;;) {
      const { rows, isLast } = this.#stretch(parent, after)
      for (const row of rows) {
        if (row.cookie <= after) continue
        after = row.cookie
        const dirent = this.#current(parent, row, this.#frozen)
        if (dirent !== undefined) yield dirent
      }
      if (isLast) return
    }
  }

  /** Names of the catalog with a place above `after`, and perhaps before; what they mean is decoded by then. */
  #stretch(parent: number, after: number): Stretch {
    const frozen = this.#frozen
    if (this.#active.born.has(parent) || (frozen?.born.has(parent) ?? false)) return { after, rows: [], isLast: true }
    const known = this.#listings.find(parent, after)
    if (known !== undefined) return known
    const ceiling = frozen?.firstCookie ?? this.#active.firstCookie
    const { listBatch } = this.#limits
    const [first] = this.#catalog.list(parent, after, ceiling, 1)
    // Entries that are decoded need not be read again; where the first one is, most are.
    const rows = first === undefined ? [] : (this.#isKnown(first.ino) ? undefined : this.#decoded(() => this.#catalog.listWithEntries(parent, after, ceiling, listBatch)))
      ?? this.#catalog.list(parent, after, ceiling, listBatch)
    return this.#listings.keep(parent, { after, rows, isLast: rows.length < listBatch })
  }

  #isKnown(ino: number): boolean {
    return this.#clean.has(ino) || this.isAhead(ino)
  }

  /** Rows without the entries that came with them. Undefined: those are damaged, which must not hide the names. */
  #decoded(read: () => readonly CatalogListed[]): readonly CatalogDirent[] | undefined {
    try {
      return read().map(({ name, ino, cookie, attributes, xattrs, content }) => {
        if (attributes !== null && !this.#isKnown(ino)) this.#clean.keep(decodeRow(ino, attributes, xattrs, content))
        return { name, ino, cookie }
      })
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') return undefined
      throw error
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
    this.#listings.forget()
    for (const entry of frozen?.entries.values() ?? []) {
      if (entry !== null && !this.#active.entries.has(entry.ino)) this.#clean.keep(entry)
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
    return this.#known.get(parent, name)
  }
}

function decodeRow(ino: number, attributes: Buffer, xattrs: Buffer | null, content: Buffer | null): Entry {
  const { entry } = decodeAttributes(attributes, 0, ino)
  if (xattrs !== null) entry.xattrs = decodeXattrs(xattrs)
  if (content !== null) entry.content = content
  return entry
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
