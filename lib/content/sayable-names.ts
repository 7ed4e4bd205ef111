// Which changed names a manifest entry can tell: none before the entry that it means or the folder that it is in, no
// displacing one before the content that takes the place, and no entry left without a name on the way.
import type { Tree } from '../tree/tree.js'
import type { Unpublished, UnpublishedName } from '../tree/unpublished.js'
import type { ContentDraft } from './publish-content.js'

export interface AnnouncementInput {
  readonly tree: Tree
  readonly unpublished: Unpublished
  /** Of files whose content is ready; empty: what needs none is announced, at most `countMax` entries and names. */
  readonly drafts: ReadonlyMap<number, ContentDraft>
  readonly countMax: number
  /** Whether the file has content that is neither published nor in a draft: nothing of it can be said yet. */
  isHeld(ino: number): boolean
}

export interface Bound {
  readonly name: UnpublishedName
  /** Entry that it means now; 0: none. */
  readonly now: number
}

/** `created`: entries that nobody knows yet and that are told in the same manifest entry. */
export function chooseNames(input: AnnouncementInput, created: ReadonlySet<number>): readonly Bound[] {
  return new SayableNames(input, created).choose()
}

class SayableNames {
  readonly #input: AnnouncementInput
  readonly #created: ReadonlySet<number>
  readonly #chosen = new Map<UnpublishedName, Bound>()

  constructor(input: AnnouncementInput, created: ReadonlySet<number>) {
    this.#input = input
    this.#created = created
  }

  /** The first `countMax`, in the order in which they changed, and what must be said with them. */
  choose(): readonly Bound[] {
    const { unpublished, drafts, countMax } = this.#input
    const from = drafts.size === 0 ? unpublished.names.values() : [...drafts.keys()].flatMap((ino) => [...unpublished.namesOf(ino)])
    for (const name of from) {
      if (this.#chosen.size >= countMax) break
      if (this.#chosen.has(name)) continue
      const group = this.#together(name)
      if (![...group.values()].every((bound) => this.#isSayable(bound))) continue
      for (const [each, bound] of group) this.#chosen.set(each, bound)
    }
    return [...this.#chosen.values()]
  }

  /** An entry that leaves a name is not left without one: the names that it came to are said with it. */
  #together(first: UnpublishedName): Map<UnpublishedName, Bound> {
    const group = new Map<UnpublishedName, Bound>()
    const open = [first]
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (group.has(name) || this.#chosen.has(name)) continue
      const now = this.#meaning(name)
      group.set(name, { name, now })
      for (const was of name.published.keys()) {
        if (was === now) continue
        for (const other of this.#input.unpublished.namesOf(was)) if (this.#meaning(other) === was) open.push(other)
      }
    }
    return group
  }

  #meaning({ parent, name }: UnpublishedName): number {
    return this.#input.tree.lookup(parent, name)?.ino ?? 0
  }

  /** A displacing name waits for the content that takes the place, a new file's for its first content; all for their folder. */
  #isSayable({ name, now }: Bound): boolean {
    if (now === 0) return true
    if (!this.#isKnown(now) || !this.#isKnown(name.parent)) return false
    return !this.#input.isHeld(now) || !name.changes.some(({ displacedBy }) => displacedBy === now)
  }

  #isKnown(ino: number): boolean {
    return this.#created.has(ino) || this.#input.unpublished.entries.get(ino)?.born !== true
  }
}
