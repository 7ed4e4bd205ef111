// Turns what the log holds into chunks, blobs and manifest entries. One round at a time. Order: blobs durable, then the
// manifest entry durable, then the log's word that it is published, then (synced) the catalog; only then the log shrinks.
import type { ManifestPort } from '../store/manifest-port.js'
import { recordKind } from '../store/log-port.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { isFile, rootIno } from '../tree/entry.js'
import type { ChangeTimes, UnpublishedEntry } from '../tree/unpublished.js'
import { decodeContent, encodeContent } from './content-reference.js'
import type { Contents } from './contents.js'
import { announce, inManifestEntries, type Announcement } from './operations.js'
import { draftOf, publishContents, type ContentDraft } from './publish-content.js'
import { encodePublished } from './published-record.js'
import { chooseNames, type AnnouncementInput } from './sayable-names.js'

/** Groups whose content is cut side by side. */
const lanes = 2

export class Publisher {
  readonly #contents: Contents
  readonly #manifest: ManifestPort
  #running: Promise<void> = Promise.resolve()
  #announcing: Promise<unknown> = Promise.resolve()
  /** Files whose content could not be read, and up to where they were logged then: tried again when they change. */
  readonly #damaged = new Map<number, number>()
  /** Entries of the running round that are still to be published. */
  left = 0
  /** Changed bytes of files that were published since the vault was opened. */
  publishedBytes = 0

  readonly #onDamage: (ino: number, error: VaultError) => void

  /** `onDamage`: the content of a file can't be read, and what changed in it is not published. */
  constructor(contents: Contents, manifest: ManifestPort, onDamage: (ino: number, error: VaultError) => void) {
    this.#contents = contents
    this.#manifest = manifest
    this.#onDamage = onDamage
  }

  /** Of the entries that said so, and of others of this device. */
  get manifestBytes(): number {
    return this.#manifest.appendedBytes
  }

  /** Publishes what is due, or (`all`) everything that was changed before the call. Rounds follow one another. */
  round(which: 'due' | 'all'): Promise<void> {
    const round = this.#running.then(() => this.#round(which))
    this.#running = round.catch(() => undefined)
    return round
  }

  /** Runs `work` while no round is under way: what a round reads from the log must stay until it ends. */
  whenIdle(work: () => void): Promise<void> {
    const idle = this.#running.then(work)
    this.#running = idle.catch(() => undefined)
    return idle
  }

  /** Whether a round would tell anything now. */
  isDue(): boolean {
    const { unpublished, log, nowMs } = this.#contents.context
    if (log.sizeBytes > limits.logBytesMax) return true
    const now = nowMs()
    for (const noted of unpublished.entries.values()) if (this.#isReady(noted, now)) return true
    return chooseNames(this.#input(new Map(), { countMax: 1, all: false })).names.length > 0
  }

  /** Its time has come, and nothing keeps it. */
  #isReady(noted: UnpublishedEntry, now: number): boolean {
    const { ino, born, goneId } = noted
    if (!this.#isTurn(noted, now)) return false
    const { tree, unpublished } = this.#contents.context
    // Its end is told with the last of its names.
    if (goneId !== undefined) return unpublished.departuresOf(ino) === 0
    // New and without content: told with its name. Most that wait are: they are asked about without reading any entry.
    if (born && ino !== rootIno && !this.#mayHaveContent(ino)) return false
    // Open without a name: told when it ends, or gets a name again.
    return (tree.get(ino)?.nlink ?? 0) > 0
  }

  #isTurn(noted: UnpublishedEntry, now: number): boolean {
    return isTime(noted, now) && noted.lastLsn > (this.#damaged.get(noted.ino) ?? 0)
  }

  async #round(which: 'due' | 'all'): Promise<void> {
    const { unpublished, log, nowMs } = this.#contents.context
    const now = nowMs()
    const all = which === 'all' || log.sizeBytes > limits.logBytesMax
    // All that waits is gone through in one go: no entry is read for it. Which of them have a name the draft looks at.
    const files = [...unpublished.entries.values()].filter((noted) => (all || this.#isTurn(noted, now)) && this.#mayHaveContent(noted.ino)).map(({ ino }) => ino)
    this.left = files.length
    // What needs no content first: some of the content goes into the place that it tells.
    await this.#announceRest(all)
    const groups: number[][] = []
    for (let at = 0; at < files.length; at += limits.publishGroupMax) groups.push(files.slice(at, at + limits.publishGroupMax))
    const lane = async (): Promise<void> => {
      for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
        const drafts = await this.#cut(await this.#draft(group))
        if (drafts.length > 0) await this.#announce(drafts, all)
        this.left -= group.length
      }
    }
    // All lanes end before the round does: no part of a failed round goes on beside the next one.
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane))
    for (const each of ended) if (each.status === 'rejected') throw each.reason
    if (files.length > 0) await this.#announceRest(all)
    this.left = 0
  }

  /** What needs no content, and what waited for some. */
  async #announceRest(all: boolean): Promise<void> {
    const { entries, names } = this.#contents.context.unpublished
    // Bounded by what there was at the beginning: others may change names as fast as they are told.
    for (let left = entries.size + names.size; left > 0; left -= limits.announceMax) {
      if ((await this.#announce([], all)) < limits.announceMax) return
    }
  }

  /** Of an entry that has a name: what there is to publish of its content. Only between several devices an entry is read. */
  #mayHaveContent(ino: number): boolean {
    return (this.#contents.peek(ino)?.extents.size ?? 0) > 0 || (this.#manifest.hasOthers === true && this.#hasContent(ino))
  }

  #hasContent(ino: number): boolean {
    const { tree } = this.#contents.context
    const entry = tree.get(ino)
    if (entry === undefined || !isFile(entry) || entry.nlink === 0) return false
    const open = this.#contents.peek(ino)
    if (open !== undefined && open.extents.size > 0) return true
    // Between several devices a file is as long as its content.
    return this.#manifest.hasOthers === true && entry.size !== (open?.base ?? decodeContent(entry.content)).length
  }

  /** A view of each file, as it is when all of it is logged. */
  async #draft(inos: readonly number[]): Promise<ContentDraft[]> {
    const drafts: ContentDraft[] = []
    for (const ino of inos) {
      const file = this.#contents.context.tree.get(ino)
      if (file === undefined || !this.#hasContent(ino)) continue
      const open = this.#contents.of(file)
      await this.#contents.still(open, () => {
        const entry = this.#contents.context.tree.get(ino)
        if (entry !== undefined && this.#hasContent(ino)) drafts.push(draftOf(entry, open, this.#contents.context))
      })
    }
    return drafts
  }

  /** Damage in one file keeps that file from being published, not the others: the group is tried again in halves. */
  async #cut(drafts: readonly ContentDraft[]): Promise<readonly ContentDraft[]> {
    try {
      await publishContents(drafts, this.#contents.context)
      return drafts
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'corrupt') throw error
      const [draft] = drafts
      if (draft === undefined) return []
      if (drafts.length === 1) {
        this.#damaged.set(draft.ino, draft.throughLsn)
        this.#onDamage(draft.ino, error)
        return []
      }
      const half = drafts.length >>> 1
      return [...await this.#cut(drafts.slice(0, half)), ...await this.#cut(drafts.slice(half))]
    }
  }

  /** Manifest entries follow one another; what is said is what holds when the one before is durable. Answers how much was. */
  #announce(drafts: readonly ContentDraft[], all: boolean): Promise<number> {
    const announcing = this.#announcing.then(() => this.#say(drafts, all))
    this.#announcing = announcing.catch(() => undefined)
    return announcing
  }

  #input(drafts: ReadonlyMap<number, ContentDraft>, { countMax, all }: { readonly countMax: number; readonly all: boolean }): AnnouncementInput {
    const { tree, unpublished, nowMs } = this.#contents.context
    const now = nowMs()
    return {
      tree, unpublished, drafts, countMax, isDue: (times) => all || isTime(times, now),
      isHeld: (ino) => !drafts.has(ino) && this.#mayHaveContent(ino),
    }
  }

  async #say(drafts: readonly ContentDraft[], all: boolean): Promise<number> {
    const { unpublished, log } = this.#contents.context
    const announcement = announce(this.#input(new Map(drafts.map((draft) => [draft.ino, draft])), { countMax: limits.announceMax, all }))
    if (announcement.inos.length + announcement.names.length + drafts.length === 0) return 0
    const { inos, names } = announcement
    unpublished.telling(inos, names)
    // Should the manifest entry get to the disk and the log's word of it not, then this says what may be in it.
    const throughLsn = log.append(recordKind.announced, encodePublished({ throughLsn: log.lastLsn, contents: [], inos, names }))
    // The log must hold on the disk what the entry says: a manifest ahead of the log would tell of changes that a power
    // cut took back.
    await log.sync(throughLsn)
    for (const operations of inManifestEntries(announcement.operations, limits.manifestEntryBytesMax)) await this.#manifest.append(operations)
    this.#install(announcement, throughLsn)
    return Math.max(announcement.inos.length, announcement.names.length)
  }

  #install(announcement: Announcement, throughLsn: number): void {
    const { tree, unpublished, log } = this.#contents.context
    // What was not said for want of a name stays in the log, for the name that it may get yet.
    const contents = announcement.contents.filter(({ ino }) => tree.get(ino) !== undefined)
    const lsn = log.append(recordKind.published, encodePublished({
      throughLsn, contents: contents.map((draft) => ({ ino: draft.ino, throughLsn: draft.throughLsn, content: encodeContent(draft.content) })),
      inos: announcement.inos, names: announcement.names,
    }))
    log.flush()
    for (const draft of contents) {
      this.#contents.installPublished(draft.ino, draft.content, draft.throughLsn)
      this.publishedBytes += draft.extents.dataBytes
    }
    // Of a file it is said what it was when its content was taken.
    const through = new Map(contents.map((draft) => [draft.ino, draft.throughLsn]))
    for (const ino of announcement.inos) unpublished.published(ino, through.get(ino) ?? throughLsn, this.#contents.peek(ino)?.neededLsn() ?? Infinity)
    for (const { parent, name } of announcement.names) unpublished.publishedName(parent, name, throughLsn)
    this.#contents.context.published?.(lsn)
  }
}

/** Quiet for long enough, or it has waited for long enough to become so. */
function isTime({ firstMs, lastMs }: ChangeTimes, now: number): boolean {
  return now - lastMs >= limits.quietMs || now - firstMs >= limits.hotMs
}
