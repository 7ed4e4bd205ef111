// Which changed names a manifest entry can tell: those whose time has come, and what they need. None before the entry
// that it means or the folder that it is in has its place, no displacing one before the content that takes the place, no
// entry left without a name on the way, no folder taken away before what left it.
import { isDirectory, rootIno } from '../tree/entry.js'
import type { Tree } from '../tree/tree.js'
import type { ChangeTimes, Unpublished, UnpublishedName } from '../tree/unpublished.js'
import type { ContentDraft } from './publish-content.js'

export interface AnnouncementInput {
  readonly tree: Tree
  readonly unpublished: Unpublished
  /** Of files whose content is ready; empty: what needs none is announced, at most `countMax` entries and names. */
  readonly drafts: ReadonlyMap<number, ContentDraft>
  /** Names that need one another are told together, even when they are more. */
  readonly countMax: number
  /** Whether its time has come. What is due takes along what it needs. */
  isDue(times: ChangeTimes): boolean
  /** Whether the entry, which has a name, has content that is neither published nor in a draft: nothing of it can be said yet. */
  isHeld(ino: number): boolean
}

export interface Bound {
  readonly name: UnpublishedName
  /** Entry that it means now; 0: none. */
  readonly now: number
}

export interface Sayable {
  readonly names: readonly Bound[]
  /** Entries that nobody knows yet, and that these names mean or are in. */
  readonly created: ReadonlySet<number>
}

export function chooseNames(input: AnnouncementInput): Sayable {
  return new SayableNames(input).choose()
}

class SayableNames {
  readonly #input: AnnouncementInput
  readonly #chosen = new Map<UnpublishedName, Bound>()
  readonly #created = new Set<number>()
  readonly #visited = new Set<UnpublishedName>()
  /** What `#namesAbove` found. */
  readonly #above = new Map<number, readonly UnpublishedName[]>()

  constructor(input: AnnouncementInput) {
    this.#input = input
  }

  /** The first `countMax`, in the order in which they changed, and what must be said with them. */
  choose(): Sayable {
    for (const name of this.#wanted()) this.#visit(name)
    return { names: [...this.#chosen.values()], created: this.#created }
  }

  get #isFull(): boolean {
    return this.#chosen.size >= this.#input.countMax
  }

  *#wanted(): IterableIterator<UnpublishedName> {
    const { unpublished, drafts } = this.#input
    if (drafts.size === 0) {
      for (const name of unpublished.names.values()) {
        if (this.#isFull) return
        // Files that wait for their content may be any number: these are passed over without a step more.
        if (this.#input.isDue(name) && !(name.published.size === 0 && this.#mustWait({ name, now: meaning(name) }))) yield name
      }
    }
    for (const ino of drafts.keys()) {
      yield* this.#namesMeaning(ino)
      // Told together it is a move.
      yield* unpublished.namesLeftBy(ino)
    }
  }

  /** What is in a folder that ended goes before it, so that few must be told together. */
  #visit(first: UnpublishedName): void {
    const open = [{ name: first, before: this.#insideEnded(first) }]
    for (let top = open.at(-1); top !== undefined && !this.#isFull; top = open.at(-1)) {
      const next = top.before.next()
      if (next.done === true) {
        open.pop()
        this.#choose(top.name)
      } else if (!this.#visited.has(next.value)) {
        this.#visited.add(next.value)
        open.push({ name: next.value, before: this.#insideEnded(next.value) })
      }
    }
  }

  #choose(first: UnpublishedName): void {
    const group = this.#together(first)
    for (const bound of group) {
      this.#chosen.set(bound.name, bound)
      if (bound.now === 0) continue
      for (const ino of [bound.now, bound.name.parent]) if (this.#input.unpublished.entries.get(ino)?.born === true) this.#created.add(ino)
    }
  }

  /** The name and all that it needs and that is not chosen; nothing when any of it has to wait. */
  #together(first: UnpublishedName): Iterable<Bound> {
    const group = new Map<UnpublishedName, Bound>()
    const open = [first]
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (group.has(name) || this.#chosen.has(name)) continue
      const bound = { name, now: meaning(name) }
      if (this.#mustWait(bound)) return []
      group.set(name, bound)
      open.push(...this.#needs(bound))
    }
    return group.values()
  }

  *#needs({ name, now }: Bound): IterableIterator<UnpublishedName> {
    // An entry that leaves a name is not left without one.
    for (const was of name.published.keys()) if (was !== now) yield* this.#namesMeaning(was)
    // Nor is what was in a folder that ended: there it could not be found any more.
    yield* this.#insideEnded(name)
    if (now === 0) return
    // What is put into a folder is put where the folder is now: it is in sight, and nothing is ever moved into itself.
    yield* this.#namesAbove(name.parent)
    // A folder is in one place.
    if (this.#input.unpublished.departuresOf(now) === 0) return
    const entry = this.#input.tree.get(now)
    if (entry !== undefined && isDirectory(entry)) yield* this.#input.unpublished.namesLeftBy(now)
  }

  /** Of the folder and of all that it is in. */
  #namesAbove(folder: number): readonly UnpublishedName[] {
    const way: number[] = []
    for (let ino = folder; ino !== rootIno && !this.#above.has(ino); ino = this.#input.tree.get(ino)?.parent ?? rootIno) way.push(ino)
    for (let ino = way.pop(); ino !== undefined; ino = way.pop()) {
      const own = [...this.#namesMeaning(ino)]
      const above = this.#above.get(this.#input.tree.get(ino)?.parent ?? rootIno) ?? []
      this.#above.set(ino, own.length === 0 ? above : [...own, ...above])
    }
    return this.#above.get(folder) ?? []
  }

  *#namesMeaning(ino: number): IterableIterator<UnpublishedName> {
    for (const name of this.#input.unpublished.namesOf(ino)) if (meaning(name) === ino) yield name
  }

  *#insideEnded({ published }: UnpublishedName): IterableIterator<UnpublishedName> {
    const { tree, unpublished } = this.#input
    for (const was of published.keys()) if ((tree.get(was)?.nlink ?? 0) === 0) yield* unpublished.namesIn(was)
  }

  /** A displacing name waits for the content that takes the place, a new file's for its first content. */
  #mustWait({ name, now }: Bound): boolean {
    if (now === 0 || !this.#input.isHeld(now)) return false
    return this.#input.unpublished.entries.get(now)?.born === true || name.changes.some(({ displacedBy }) => displacedBy === now)
  }
}

/** What the name means now, as the tree has it, which is not asked: a round asks about each name several times. */
function meaning({ changes }: UnpublishedName): number {
  return changes.at(-1)?.ino ?? 0
}
