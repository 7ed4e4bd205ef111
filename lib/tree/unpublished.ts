// What the log holds that no manifest entry says yet: by entry and by name. Rebuilt from the log at every mount. The log
// is needed from the oldest record noted here.
import type { EntryId } from '../terms/bytes.js'
import type { Name } from './entry.js'
import type { DirentImage, Images } from './images.js'
import { KeyIndex } from './key-index.js'

/** When something changed first since it was told of, and last; monotonic. */
export interface ChangeTimes {
  firstMs: number
  lastMs: number
}

export interface UnpublishedEntry extends ChangeTimes {
  readonly ino: number
  /** Oldest log record that is needed for it. */
  firstLsn: number
  lastLsn: number
  /** No manifest entry knows it yet. */
  born: boolean
  /** Set when the entry is gone (and was published once). */
  goneId: EntryId | undefined
  /** Its attributes differ from the published ones. */
  attributes: boolean
  /** It was told, and whether that got there is not known (yet): then it is told again, its end too. */
  unsure: boolean
}

interface NameChange {
  readonly lsn: number
  /** Entry that the name came to mean; 0: none. */
  readonly ino: number
  /** Entry that the name meant before; 0: none. */
  readonly was: number
  readonly wasId: EntryId | undefined
  /** `was` was put out of the name by this entry (rename over it), whose content of then is not published; 0: by none. */
  readonly displacedBy: number
}

export interface UnpublishedName extends ChangeTimes {
  readonly parent: number
  readonly parentId: EntryId
  readonly name: Name
  /** In the order of the log, at least one. */
  changes: NameChange[]
  /** Entries that the name means in the manifest: one at most, or when `unsure` any of these. */
  published: Map<number, EntryId>
  /** It was told, and whether that got there is not known (yet). */
  unsure: boolean
}

/** What most names mean in the manifest; shared, so never added to. */
const none = new Map<number, EntryId>()

export class Unpublished {
  readonly entries = new Map<number, UnpublishedEntry>()
  /** In the order in which they changed first. */
  readonly names = new Map<string, UnpublishedName>()
  /** Names that came to mean an entry, by its number. */
  readonly #arrivals = new KeyIndex()
  /** Names by the folder that they are in. */
  readonly #inside = new KeyIndex()
  /** Changed names that the manifest gives an entry. */
  readonly #departures = new KeyIndex()

  /** `nowMs`: monotonic. */
  note(images: Images, lsn: number, nowMs: number): void {
    for (const image of images.dirents) this.#noteName(image, lsn, nowMs)
    for (const entry of images.entries) {
      const noted = this.#touch(entry.ino, lsn, nowMs)
      noted.attributes = true
      if (images.born.has(entry.ino)) noted.born = true
    }
    for (const { ino, id } of images.gone) {
      const noted = this.#touch(ino, lsn, nowMs)
      // Born and dead between two publications: never told to anybody.
      if (noted.born && !noted.unsure) this.#drop(ino)
      else noted.goneId = id
    }
  }

  #noteName({ parent, parentId, name, ino, was, wasId, displaced }: DirentImage, lsn: number, nowMs: number): void {
    const key = nameKey(parent, name)
    let known = this.names.get(key)
    if (known === undefined) {
      known = { parent, parentId, name, changes: [], published: none, unsure: false, firstMs: nowMs, lastMs: nowMs }
      this.names.set(key, known)
      this.#inside.add(parent, key)
    }
    if (known.changes.length === 0 || known.unsure) this.#mayMean(known, was, wasId)
    known.changes.push({ lsn, ino, was, wasId, displacedBy: displaced ? ino : 0 })
    known.lastMs = nowMs
    // Born and dead between two publications: never told to anybody.
    if (ino === 0 && known.published.size === 0 && !known.unsure) this.#forgetName(known, key)
    else if (ino !== 0) this.#arrivals.add(ino, key)
  }

  /** Data or a splice was logged for a file. `neededLsn`: an older record that it refers to. */
  noteContent(ino: number, lsn: number, nowMs: number, neededLsn = lsn): void {
    const noted = this.#touch(ino, lsn, nowMs)
    noted.attributes = true
    if (neededLsn < noted.firstLsn) noted.firstLsn = neededLsn
  }

  /** Oldest log record that is still needed; Infinity when all is published. */
  get oldestLsn(): number {
    let oldest = Infinity
    for (const { firstLsn } of this.entries.values()) if (firstLsn < oldest) oldest = firstLsn
    for (const { changes } of this.names.values()) oldest = Math.min(oldest, changes[0]?.lsn ?? Infinity)
    return oldest
  }

  /** They are on their way into a manifest entry. `published` and `publishedName` say that they are in it. */
  telling(inos: readonly number[], names: readonly { readonly parent: number; readonly name: Name }[]): void {
    for (const ino of inos) {
      const noted = this.entries.get(ino)
      if (noted !== undefined) noted.unsure = true
    }
    for (const { parent, name } of names) {
      const noted = this.names.get(nameKey(parent, name))
      if (noted === undefined) continue
      noted.unsure = true
      for (const { was, wasId } of noted.changes) this.#mayMean(noted, was, wasId)
    }
  }

  /**
   * A manifest entry says what the entry was at `throughLsn`. `contentFromLsn`: the oldest record that data newer than
   * what was published needs; Infinity: there is none.
   */
  published(ino: number, throughLsn: number, contentFromLsn: number): void {
    this.#settle(ino, throughLsn)
    const noted = this.entries.get(ino)
    if (noted === undefined) return
    noted.born = noted.unsure = false
    if (noted.lastLsn <= throughLsn && contentFromLsn === Infinity) {
      this.#drop(ino)
    } else {
      noted.firstLsn = Math.min(contentFromLsn, throughLsn + 1)
      // Its next turn is counted from here: one that never rests must not be told of at every round.
      noted.firstMs = noted.lastMs
      noted.attributes = noted.lastLsn > throughLsn
    }
  }

  /** A manifest entry says what the name meant at `throughLsn`. */
  publishedName(parent: number, name: Name, throughLsn: number): void {
    const key = nameKey(parent, name)
    const noted = this.names.get(key)
    if (noted === undefined) return
    for (const ino of noted.published.keys()) this.#departures.take(ino, key)
    noted.published = none
    noted.unsure = false
    const later = noted.changes.filter(({ lsn }) => lsn > throughLsn)
    const [first] = later
    if (first === undefined) {
      this.#forgetName(noted, key)
    } else {
      noted.changes = later
      this.#mayMean(noted, first.was, first.wasId)
      noted.firstMs = noted.lastMs
    }
  }

  /** Unpublished names that were given to the entry (and may have been taken from it again). */
  namesOf(ino: number): IterableIterator<UnpublishedName> {
    return this.#named(this.#arrivals.of(ino))
  }

  /** Unpublished names in a folder. */
  namesIn(parent: number): IterableIterator<UnpublishedName> {
    return this.#named(this.#inside.of(parent))
  }

  /** Unpublished names that the manifest gives the entry. */
  namesLeftBy(ino: number): IterableIterator<UnpublishedName> {
    return this.#named(this.#departures.of(ino))
  }

  /** How many these are. */
  departuresOf(ino: number): number {
    return this.#departures.count(ino)
  }

  *#named(keys: Iterable<string>): IterableIterator<UnpublishedName> {
    for (const key of keys) {
      const name = this.names.get(key)
      if (name !== undefined) yield name
    }
  }

  #drop(ino: number): void {
    this.entries.delete(ino)
    // An entry that is told whole has no name left to tell; names told later are found in `names`.
    for (const key of this.#arrivals.of(ino)) if (this.names.has(key)) return
    this.#arrivals.takeAll(ino)
  }

  /** The content that it had when it took the places of others is published. */
  #settle(ino: number, throughLsn: number): void {
    for (const name of this.namesOf(ino)) {
      name.changes = name.changes.map((change) => (change.displacedBy === ino && change.lsn <= throughLsn ? { ...change, displacedBy: 0 } : change))
    }
  }

  #forgetName({ parent, changes }: UnpublishedName, key: string): void {
    this.names.delete(key)
    this.#inside.take(parent, key)
    for (const { ino } of changes) this.#arrivals.take(ino, key)
  }

  #mayMean(noted: UnpublishedName, ino: number, id: EntryId | undefined): void {
    if (id === undefined || noted.published.has(ino)) return
    if (noted.published === none) noted.published = new Map()
    noted.published.set(ino, id)
    this.#departures.add(ino, nameKey(noted.parent, noted.name))
  }

  #touch(ino: number, lsn: number, nowMs: number): UnpublishedEntry {
    let noted = this.entries.get(ino)
    if (noted === undefined) {
      noted = { ino, firstLsn: lsn, lastLsn: lsn, firstMs: nowMs, lastMs: nowMs, born: false, goneId: undefined, attributes: false, unsure: false }
      this.entries.set(ino, noted)
    }
    noted.lastLsn = lsn
    noted.lastMs = nowMs
    return noted
  }
}

export function nameKey(parent: number, name: Name): string {
  return `${parent}/${name}`
}
