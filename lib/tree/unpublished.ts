// What the log holds that no manifest entry says yet: by entry and by name. Rebuilt from the log at every mount. The log
// is needed from the oldest record noted here.
import type { EntryId } from '../terms/bytes.js'
import type { Name } from './entry.js'
import type { Images } from './images.js'

export interface UnpublishedEntry {
  readonly ino: number
  /** Oldest log record that is needed for it. */
  firstLsn: number
  lastLsn: number
  readonly firstMs: number
  lastMs: number
  /** No manifest entry knows it yet. */
  born: boolean
  /** Set when the entry is gone (and was published once). */
  goneId: EntryId | undefined
  /** Its attributes differ from the published ones. */
  attributes: boolean
}

export interface UnpublishedName {
  readonly parent: number
  readonly name: Name
  /** Entry that the name meant when last published; 0: none. */
  readonly was: number
  readonly wasId: EntryId | undefined
  readonly firstLsn: number
  /** `was` was put out of the name by this entry (rename over it): not published before it; 0: by none. */
  displacedBy: number
}

export class Unpublished {
  readonly entries = new Map<number, UnpublishedEntry>()
  readonly names = new Map<string, UnpublishedName>()
  readonly #idOf: (ino: number) => EntryId | undefined

  /** `idOf`: the id of an entry that is in the tree. */
  constructor(idOf: (ino: number) => EntryId | undefined) {
    this.#idOf = idOf
  }

  /** `nowMs`: monotonic. */
  note(images: Images, lsn: number, nowMs: number): void {
    // Names first: the id of an entry that goes in the same change is still known then.
    for (const { parent, name, ino, was, displaced } of images.dirents) {
      const key = nameKey(parent, name)
      const known = this.names.get(key)
      if (known === undefined) {
        this.names.set(key, { parent, name, was, wasId: was === 0 ? undefined : this.#id(was, images), firstLsn: lsn, displacedBy: displaced ? ino : 0 })
      } else {
        known.displacedBy = displaced ? ino : known.displacedBy
      }
    }
    for (const entry of images.entries) {
      const noted = this.#touch(entry.ino, lsn, nowMs)
      noted.attributes = true
      if (images.born.has(entry.ino)) noted.born = true
    }
    for (const { ino, id } of images.gone) {
      const noted = this.#touch(ino, lsn, nowMs)
      // Born and dead between two publications: never told to anybody.
      if (noted.born) this.entries.delete(ino)
      else noted.goneId = id
    }
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
    for (const { firstLsn } of this.names.values()) if (firstLsn < oldest) oldest = firstLsn
    return oldest
  }

  /** A manifest entry says all of this entry up to `throughLsn`; `contentFromLsn`: its oldest unpublished data, if any. */
  published(ino: number, throughLsn: number, contentFromLsn: number): void {
    const noted = this.entries.get(ino)
    if (noted === undefined) return
    noted.born = false
    if (noted.lastLsn <= throughLsn && contentFromLsn === Infinity) {
      this.entries.delete(ino)
    } else {
      noted.firstLsn = Math.min(contentFromLsn, throughLsn + 1)
      noted.attributes = noted.lastLsn > throughLsn
    }
  }

  publishedName(parent: number, name: Name): void {
    this.names.delete(nameKey(parent, name))
  }

  #id(ino: number, images: Images): EntryId | undefined {
    return images.gone.find((gone) => gone.ino === ino)?.id ?? this.#idOf(ino) ?? this.entries.get(ino)?.goneId
  }

  #touch(ino: number, lsn: number, nowMs: number): UnpublishedEntry {
    let noted = this.entries.get(ino)
    if (noted === undefined) {
      noted = { ino, firstLsn: lsn, lastLsn: lsn, firstMs: nowMs, lastMs: nowMs, born: false, goneId: undefined, attributes: false }
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
