// The changes that restoring makes, each one record of the log: an entry made without a name, bound over a name, given
// attributes, or taken away. Synchronous but for content; what is displaced must be in the history before.
import { OpenContent } from './content/open-content.js'
import type { PastEntry } from './store/history-port.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Change } from './tree/change.js'
import { isDirectory, isFile, newEntry, touchChanged, touchModified, type Entry, type Name } from './tree/entry.js'
import { nameKey } from './tree/unpublished.js'
import type { Vault } from './vault.js'

/** What the kernel and the volume must hear of. */
export interface RestoreHooks {
  /**
   * Called before each change: resolves when the catalog and the log can take one more, and the disk can keep it. Rejects
   * 'no-space'. `bytes`: what it takes; 0: nothing, or it gives some back.
   */
  admit(bytes: number): Promise<unknown> | undefined
  /** A name means another entry now. */
  renamed(parent: number, name: Name): void
  /** Attributes of an entry changed. */
  changed(ino: number): void
  /** An entry lost its last name. */
  orphaned(ino: number): void
}

export interface Place {
  readonly parent: number
  readonly name: Name
}

/** As any change: a record of the log, rows of the catalog, a part of a manifest entry. */
const changeBytes = 4096
/** The same with references to the chunks of a piece, or its bytes when they lie in the entry. */
const pieceBytes = 32 * 1024

export class RestoreChanges {
  readonly #vault: Vault
  readonly #hooks: RestoreHooks
  /** Entries whose attributes were changed here: it is no loss that this is not published. */
  readonly #ours = new Set<number>()

  constructor(vault: Vault, hooks: RestoreHooks) {
    this.#vault = vault
    this.#hooks = hooks
  }

  /** An entry like `wanted`, with its content, that has no name yet. */
  async make(wanted: Entry, past: PastEntry): Promise<number> {
    await this.#hooks.admit(changeBytes)
    const ino = this.#make(wanted)
    if (!isFile(wanted) || wanted.size === 0) return ino
    try {
      await this.#fill(ino, wanted, past)
    } catch (error) {
      this.discard(ino)
      throw error
    }
    return ino
  }

  /** Takes back what `make` made and nothing named. */
  discard(ino: number): void {
    const entry = this.#vault.tree.get(ino)
    if (entry === undefined || entry.nlink > 0) return
    const change = this.#vault.change()
    change.remove(ino, entry.id)
    change.commit()
    this.#vault.contents.discard(ino)
  }

  /** Makes a folder like `wanted`, empty, with its name. */
  async makeDirectory(place: Place, wanted: Entry): Promise<number> {
    await this.#hooks.admit(changeBytes)
    this.#parentOf(place)
    const { tree } = this.#vault
    if (tree.lookup(place.parent, place.name) !== undefined) throw meanwhile(place.name)
    const change = this.#begin()
    const entry = this.#entryLike(wanted)
    entry.nlink = 2
    entry.parent = place.parent
    change.create(entry)
    const parent = change.edit(place.parent)
    parent.children++
    parent.nlink++
    touchModified(parent, this.#vault.now())
    change.bind(place.parent, place.name, entry.ino)
    this.#ours.add(entry.ino).add(place.parent)
    this.#commit(change, () => {
      this.#hooks.renamed(place.parent, place.name)
    })
    return entry.ino
  }

  /** Gives the entry the name, in place of whatever file has it: one record, so that the name means one or the other. */
  async bind(place: Place, ino: number, wanted: Entry): Promise<void> {
    await this.#whenPublished(place, () => {
      const parent = this.#parentOf(place)
      const { tree } = this.#vault
      const replaced = this.#entryOf(place)
      if (replaced !== undefined && isDirectory(replaced)) throw new VaultError('is-a-directory', `${shown(place.name)} became a folder meanwhile`)
      const entry = tree.get(ino)
      if (entry === undefined || entry.nlink >= limits.linksMax) throw new VaultError('too-many-links', `${shown(place.name)} has too many names`)
      const change = this.#begin()
      const bound = change.edit(ino)
      bound.nlink++
      if (bound.nlink === 1) giveTimes(bound, wanted)
      touchChanged(bound, this.#vault.now())
      touchModified(change.edit(parent.ino), this.#vault.now())
      if (replaced === undefined) {
        change.edit(parent.ino).children++
        change.bind(place.parent, place.name, ino)
      } else {
        this.#loseName(change, replaced)
        change.rebind(place.parent, place.name, ino, true)
      }
      this.#ours.add(ino).add(place.parent)
      this.#commit(change, () => {
        this.#hooks.renamed(place.parent, place.name)
        this.#hooks.changed(ino)
        if (replaced !== undefined) this.#lost(replaced.ino)
      })
    })
  }

  /** Takes a name away: a file's, or an empty folder's. */
  async remove(place: Place): Promise<void> {
    await this.#whenPublished(place, () => {
      this.#parentOf(place)
      const entry = this.#entryOf(place)
      if (entry === undefined) return
      if (entry.children > 0) throw new VaultError('not-empty', `${shown(place.name)} got a file meanwhile`, { subject: shown(place.name), next: 'try again' })
      const change = this.#begin()
      const parent = change.edit(place.parent)
      parent.children--
      if (isDirectory(entry)) parent.nlink--
      touchModified(parent, this.#vault.now())
      this.#loseName(change, entry)
      change.unbind(place.parent, place.name)
      this.#ours.add(place.parent)
      this.#commit(change, () => {
        this.#hooks.renamed(place.parent, place.name)
        this.#lost(entry.ino)
      })
    }, 0)
  }

  /** Mode, owner, extended attributes, and times where they are wanted. `place`: of the name that it is known by. */
  async setAttributes(place: Place | undefined, ino: number, wanted: Entry, withTimes: boolean): Promise<void> {
    await this.#whenPublished(place, () => {
      if (this.#vault.tree.get(ino) === undefined) throw meanwhile(place?.name ?? '')
      const change = this.#begin()
      const entry = change.edit(ino)
      entry.mode = wanted.mode
      entry.uid = wanted.uid
      entry.gid = wanted.gid
      change.setXattrs(ino, wanted.xattrs ?? new Map())
      if (withTimes) giveTimes(entry, wanted)
      touchChanged(entry, this.#vault.now())
      this.#ours.add(ino)
      this.#commit(change, () => {
        this.#hooks.changed(ino)
      })
    })
  }

  /** Does `work` in one go with the look whether everything of the place is in the history. */
  async #whenPublished(place: Place | undefined, work: () => void, bytes = changeBytes): Promise<void> {
    for (let attempt = 0; attempt < limits.restoreAttemptsMax; attempt++) {
      await this.#hooks.admit(bytes)
      if (place === undefined || this.#isPublished(place)) return work()
      await this.#vault.publishAll()
    }
    const name = shown(place?.name ?? '')
    throw new VaultError('busy', `${name} is changed all the time: what it is now would be lost`, {
      subject: name, next: 'end who writes to it, or move it away, and try again',
    })
  }

  #isPublished(place: Place): boolean {
    const { unpublished, contents } = this.#vault.parts
    const entry = this.#entryOf(place)
    if (entry === undefined) return true
    const open = contents.peek(entry.ino)
    if (open !== undefined && (open.extents.size > 0 || open.times !== undefined)) return false
    return this.#ours.has(entry.ino) || !(unpublished.entries.has(entry.ino) || unpublished.names.has(nameKey(place.parent, place.name)))
  }

  #make(wanted: Entry): number {
    const change = this.#begin()
    const entry = this.#entryLike(wanted)
    entry.nlink = 0
    if (wanted.target !== null) entry.target = new Uint8Array(wanted.target)
    change.create(entry)
    // Handed to the kernel with the record that gives it a name.
    change.commit()
    return entry.ino
  }

  #entryLike({ mode, uid, gid, rdev, xattrs, btimeSec, btimeNsec }: Entry): Entry {
    const entry = newEntry({ ino: this.#vault.newIno(), id: this.#vault.newEntryId(), mode, uid, gid, rdev, now: this.#vault.now() })
    return Object.assign(entry, { xattrs: xattrs === null ? null : new Map(xattrs), btimeSec, btimeNsec })
  }

  /** The same chunks, named again; bytes that lie in the entry itself are written. */
  async #fill(ino: number, wanted: Entry, past: PastEntry): Promise<void> {
    const { tree, contents } = this.#vault
    const to = contents.of(tree.edit(ino))
    const from = new OpenContent({ ...wanted, ino: past.ino }, () => undefined)
    await contents.pinned(to, this.#copy(from, to))
  }

  async #copy(from: OpenContent, to: OpenContent): Promise<void> {
    const { contents, reading } = this.#vault
    for (let at = 0; at < from.size; ) {
      await this.#hooks.admit(pieceBytes)
      this.#refuse()
      const copied = await this.#vault.copyRange({ from, fromOffset: at, to, toOffset: at, length: limits.restoreCopyBytes })
      if (copied === 0) {
        const bytes = (await reading.read(from, at, limits.inlineBytesMax)).slice()
        at += await contents.write(to, at, bytes)
      }
      at += copied
      if (at < from.size) this.#vault.flushLog()
    }
    await contents.drain(to)
  }

  #parentOf({ parent, name }: Place): Entry {
    const entry = this.#vault.tree.get(parent)
    if (entry === undefined || !isDirectory(entry) || entry.nlink === 0) throw meanwhile(name)
    return entry
  }

  #entryOf({ parent, name }: Place): Entry | undefined {
    const { tree } = this.#vault
    const dirent = tree.lookup(parent, name)
    return dirent === undefined ? undefined : tree.get(dirent.ino)
  }

  #loseName(change: Change, { ino }: Entry): void {
    const entry = change.edit(ino)
    entry.nlink = isDirectory(entry) ? 0 : entry.nlink - 1
    touchChanged(entry, this.#vault.now())
    this.#ours.add(ino)
  }

  #lost(ino: number): void {
    this.#hooks.changed(ino)
    if (this.#vault.tree.get(ino)?.nlink === 0) this.#hooks.orphaned(ino)
  }

  #begin(): Change {
    this.#refuse()
    return this.#vault.change()
  }

  #refuse(): void {
    if (this.#vault.refusal !== undefined) throw this.#vault.refusal
  }

  /** The tree has changed by then, so it is told even when the log's file takes no more. */
  #commit(change: Change, tell: () => void): void {
    change.commit()
    tell()
    this.#vault.flushLog()
  }
}

function giveTimes(entry: Entry, { atimeSec, atimeNsec, mtimeSec, mtimeNsec }: Entry): void {
  Object.assign(entry, { atimeSec, atimeNsec, mtimeSec, mtimeNsec })
}

/** A name for people: bytes as UTF-8. */
export function shown(name: Name): string {
  return Buffer.from(name, 'latin1').toString('utf8')
}

function meanwhile(name: Name): VaultError {
  return new VaultError('busy', `${shown(name)}: somebody changed the folder while it was being restored`, { subject: shown(name), next: 'try again' })
}
