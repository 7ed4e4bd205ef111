// The present of a damaged store: rows of a catalog, which is a copy and ours, and over it what of the log can be read.
// The same code as at a mount applies the records; here each that makes no sense without a lost one is left out.
import type { Catalog } from './catalog/catalog.js'
import { decodeContent } from './content/content-reference.js'
import { Contents } from './content/contents.js'
import type { Extent } from './content/extent.js'
import type { ContentContext } from './content/open-content.js'
import { decodeChange, decodeGroupEnd, decodeSplice, type ContentChange } from './content/records.js'
import type { SavedLog } from './log/log-salvage.js'
import { logMadeAnew } from './store/catalog-port.js'
import { recordKind, type LogRecord } from './store/log-port.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { decodeAttributes } from './tree/entry-codec.js'
import { isFile, noContent, type Entry, type Moment } from './tree/entry.js'
import { Tree } from './tree/tree.js'
import { Unpublished } from './tree/unpublished.js'
import { endReplay, replayRecord } from './vault-replay.js'
import type { SavedContent } from './vault-salvage-content.js'

/** A state that can be walked through. What can't be read throws 'corrupt'. */
export interface SavedView {
  entry(ino: number): Entry | undefined
  names(ino: number): readonly { readonly name: string; readonly ino: number }[]
  content(entry: Entry): SavedContent
  /** Why the bytes are perhaps not the newest; undefined: they are. */
  doubt(entry: Entry): string | undefined
  /** No number is larger. */
  readonly largestIno: number
}

export interface PresentParts {
  readonly catalog: Catalog
  readonly log: SavedLog
  /** The catalog is the store's own; else it was made of the manifest. */
  readonly isStored: boolean
  /** When the content was changed that was published last; undefined: not known. */
  readonly publishedTime: (ino: number) => Moment | undefined
}

interface LastChange {
  readonly size: number
  readonly modified: Moment
}

export class SavedPresent implements SavedView {
  readonly #parts: PresentParts
  readonly #tree: Tree
  readonly #contents: Contents
  readonly #unpublished = new Unpublished()
  /** Of each file, as the log says it. */
  readonly #changes = new Map<number, LastChange>()
  /** The log goes back to where the catalog ends, and is not older. */
  readonly #isComplete: boolean
  /** Records that made no sense. */
  leftOut = 0

  constructor(parts: PresentParts) {
    this.#parts = parts
    this.#tree = new Tree(parts.catalog, limits)
    this.#contents = new Contents(contextOf(this.#tree, this.#unpublished))
    const { appliedLsn } = parts.catalog.marks()
    this.#isComplete = !parts.isStored || goesWith(parts.log, appliedLsn)
    this.#replay(appliedLsn === logMadeAnew ? parts.log.firstLsn - 1 : appliedLsn)
  }

  get largestIno(): number {
    return this.#tree.nextIno - 1
  }

  /** Whether the log is the one that goes with the catalog, from where that ends. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  entry(ino: number): Entry | undefined {
    return this.#tree.get(ino)
  }

  names(ino: number): readonly { readonly name: string; readonly ino: number }[] {
    const names: { name: string; ino: number }[] = []
    this.#tree.list(ino, 0, (dirent) => {
      names.push({ name: dirent.name, ino: dirent.ino })
      return true
    })
    return names
  }

  content(entry: Entry): SavedContent {
    const { ino, size, content } = entry
    if (this.#isTrusted(entry)) return { base: decodeContent(content), extents: this.#extents(ino), size }
    const row = this.#parts.catalog.entry(ino)
    return { base: decodeContent(row?.content ?? noContent), extents: [], size: row === undefined ? size : decodeAttributes(row.attributes, 0, ino).entry.size }
  }

  doubt(entry: Entry): string | undefined {
    if (!isFile(entry)) return undefined
    const { ino, mtimeSec, mtimeNsec } = entry
    if (!this.#isTrusted(entry)) return this.#extents(ino).length === 0 ? undefined : 'what was written last is lost with the log; this is what was published'
    if (this.#isComplete || this.#changes.has(ino)) return undefined
    const published = this.#parts.publishedTime(ino)
    return published?.sec === mtimeSec && published.nsec === mtimeNsec ? undefined : 'what was written last may be lost with the log'
  }

  #extents(ino: number): readonly Extent[] {
    return this.#contents.peek(ino)?.extents.all() ?? []
  }

  /** An older log says older things of a file than the catalog, or the manifest, does: those must not lie over newer bytes. */
  #isTrusted({ ino, size, mtimeSec, mtimeNsec }: Entry): boolean {
    const change = this.#changes.get(ino)
    if (change === undefined || (this.#parts.isStored && this.#isComplete)) return true
    const { modified } = change
    if (this.#parts.isStored) return this.#extents(ino).length === 0 || (change.size === size && modified.sec === mtimeSec && modified.nsec === mtimeNsec)
    const published = this.#parts.publishedTime(ino)
    return published === undefined || modified.sec > published.sec || (modified.sec === published.sec && modified.nsec >= published.nsec)
  }

  #replay(appliedLsn: number): void {
    const target = { tree: this.#tree, unpublished: this.#unpublished, contents: this.#contents, appliedLsn, renumber: !this.#parts.isStored, held: new Map(), nowMs: () => 0 }
    for (const record of this.#parts.log.records) {
      try {
        this.#note(record)
        replayRecord(record, target)
      } catch (error) {
        if (!(error instanceof VaultError) && !(error instanceof RangeError)) throw error
        this.leftOut++
      }
    }
    endReplay(target, this.#parts.log.gaps.length === 0 ? 'drop' : 'take')
  }

  /** What is held counts with its group's end, unless that may be lost. */
  #changeOf(kind: number, lsn: number, body: Uint8Array): ContentChange | undefined {
    if (kind === recordKind.groupEnd) return decodeGroupEnd(body).change
    const takesHeld = this.#parts.log.gaps.length > 0
    if (kind === recordKind.extent || (takesHeld && kind === recordKind.heldExtent)) return decodeChange(body)
    return kind === recordKind.splice || (takesHeld && kind === recordKind.heldSplice) ? decodeSplice(body, lsn).change : undefined
  }

  #note({ kind, lsn, body }: LogRecord): void {
    const change = this.#changeOf(kind, lsn, body)
    if (change !== undefined) this.#changes.set(change.ino, change)
  }
}

/** Whether the log goes back to where the catalog ends, and is not older. */
export function goesWith({ firstLsn, lastLsn, records }: SavedLog, appliedLsn: number): boolean {
  return lastLsn >= appliedLsn && (records.length === 0 ? lastLsn === appliedLsn : firstLsn <= appliedLsn + 1)
}

/** Nothing is written or read through it. */
function contextOf(tree: Tree, unpublished: Unpublished): ContentContext {
  const none = (what: string): never => { throw new VaultError('unsupported', `salvaging has no ${what}`) }
  return {
    tree, unpublished, now: () => ({ sec: 0, nsec: 0 }), nowMs: () => 0,
    get log() { return none('log to write to') },
    get pool() { return none('pool') },
    get pages() { return none('pages') },
    get arena() { return none('arena') },
  }
}
