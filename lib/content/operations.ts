// What a manifest entry says: the difference between what was published and what is, by entry and by name. Pure but for
// reading the tree; made between two awaits, so that it is one state.
import type { Operation } from '../format/operations.js'
import { sha256 } from '../../native-deps/sodium.js'
import type { EntryId } from '../terms/bytes.js'
import type { Entry } from '../tree/entry.js'
import { encodeAttributes, encodedAttributesBytes, encodeXattrs } from '../tree/entry-codec.js'
import type { Tree } from '../tree/tree.js'
import type { Unpublished, UnpublishedEntry, UnpublishedName } from '../tree/unpublished.js'
import { encodeContent } from './content-reference.js'
import type { ContentDraft } from './publish-content.js'

export interface Announcement {
  readonly operations: readonly Operation[]
  /** Entries and names of which everything up to now is said. */
  readonly inos: readonly number[]
  readonly names: readonly UnpublishedName[]
  /** Drafts whose content is said; the others' files have no name now. */
  readonly contents: readonly ContentDraft[]
}

interface Bound {
  readonly name: UnpublishedName
  /** Entry that it means now; 0: none. */
  readonly now: number
}

export interface AnnouncementInput {
  readonly tree: Tree
  readonly unpublished: Unpublished
  /** Of files whose content is ready; empty: what needs none is announced, at most `countMax` entries and names. */
  readonly drafts: ReadonlyMap<number, ContentDraft>
  readonly countMax: number
  /** Whether the file has content that is neither published nor in a draft: nothing of it can be said yet. */
  isHeld(ino: number): boolean
}

export function announce(input: AnnouncementInput): Announcement {
  const { tree, unpublished, drafts } = input
  const isNamed = (ino: number): boolean => (tree.get(ino)?.nlink ?? 0) > 0
  const isTellable = ({ ino, goneId }: UnpublishedEntry): boolean => goneId === undefined && !input.isHeld(ino) && isNamed(ino)
  const candidates = drafts.size === 0 ? unpublished.entries.values() : [...drafts.keys()].map((ino) => unpublished.entries.get(ino))
  const noted = [...candidates].filter((entry) => entry !== undefined)
  const created = noted.filter((entry) => entry.born && isTellable(entry)).slice(0, input.countMax)
  const names = new SayableNames(input, new Set(created.map(({ ino }) => ino))).choose()
  const told = new Map<number, number>()
  for (const { name } of names) told.set(name.changes[0]?.was ?? 0, (told.get(name.changes[0]?.was ?? 0) ?? 0) + 1)
  // Gone for the others only when no name of it is left to be taken away.
  const isOver = ({ ino, goneId }: UnpublishedEntry): boolean => goneId !== undefined && unpublished.departuresOf(ino) === (told.get(ino) ?? 0)
  const later = noted.filter((entry) => isOver(entry) || (!entry.born && isTellable(entry))).slice(0, input.countMax)
  const contents = [...drafts.values()].filter(({ ino }) => isNamed(ino))
  const operations = [
    ...created.sort((a, b) => a.ino - b.ino).flatMap(({ ino }) => creation(tree, ino, drafts.get(ino))),
    ...contents.map((draft) => contentOf(tree, draft)),
    ...nameOperations(tree, names),
    ...later.filter(({ ino, attributes, goneId }) => goneId === undefined && (attributes || drafts.has(ino))).flatMap(({ ino }) => attributesOf(tree, ino, drafts.get(ino))),
    ...later.flatMap(({ goneId }): Operation[] => (goneId === undefined ? [] : [{ kind: 'trash', id: goneId }])),
  ]
  return { operations, inos: [...created, ...later].map(({ ino }) => ino), names: names.map(({ name }) => name), contents }
}

/** Which names can be said now. */
class SayableNames {
  readonly #input: AnnouncementInput
  /** Born entries that are told in the same announcement. */
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
      const was = name.changes[0]?.was ?? 0
      if (was === 0 || was === now) continue
      for (const other of this.#input.unpublished.namesOf(was)) if (this.#meaning(other) === was) open.push(other)
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

/** Batches of operations whose manifest entry stays well below its limit. */
export function* inManifestEntries(operations: readonly Operation[], bytesMax: number): IterableIterator<readonly Operation[]> {
  let batch: Operation[] = []
  let bytes = 0
  for (const operation of operations) {
    const size = 640 + ('attributes' in operation ? operation.attributes.byteLength : 0) + ('content' in operation ? operation.content.byteLength : 0)
    if (batch.length > 0 && bytes + size > bytesMax) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(operation)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

function creation(tree: Tree, ino: number, draft: ContentDraft | undefined): Operation[] {
  const entry = tree.get(ino)
  if (entry === undefined) return []
  const noParent = new Uint8Array(16) as EntryId
  return [{ kind: 'create', id: entry.id, parent: noParent, name: new Uint8Array(0), attributes: attributeBytes(asTold(entry, draft)) }]
}

function attributesOf(tree: Tree, ino: number, draft: ContentDraft | undefined): Operation[] {
  const entry = tree.get(ino)
  return entry === undefined ? [] : [{ kind: 'attributes', id: entry.id, attributes: attributeBytes(asTold(entry, draft)) }]
}

/** The file may have grown since its content was taken: the size told belongs to the content told. */
function asTold(entry: Entry, draft: ContentDraft | undefined): Entry {
  return draft === undefined ? entry : { ...entry, size: draft.size }
}

/** Attributes ‖ xattrs, as lib/tree encodes them; where the xattrs begin is in the attributes' own length. */
export function attributeBytes(entry: Entry): Uint8Array {
  const xattrs = encodeXattrs(entry.xattrs)
  const out = Buffer.alloc(encodedAttributesBytes(entry) + xattrs.byteLength)
  xattrs.copy(out, encodeAttributes(entry, out, 0))
  return out
}

function contentOf(tree: Tree, { ino, size, content }: ContentDraft): Operation {
  const entry = tree.get(ino)
  const base = entry?.content ?? new Uint8Array(0)
  return { kind: 'content', id: tree.idOf(ino), size, content: encodeContent(content), bases: base.byteLength === 0 ? [] : [sha256(base)] }
}

/** An entry that left one name and came to another one moved. */
function nameOperations(tree: Tree, bound: readonly Bound[]): Operation[] {
  const left = new Map<number, Bound>()
  for (const each of bound) {
    const was = each.name.changes[0]?.was ?? 0
    if (was !== 0 && was !== each.now) left.set(was, each)
  }
  const operations: Operation[] = []
  const moved = new Set<Bound>()
  for (const each of bound) {
    const { name, now } = each
    if (now === 0 || now === (name.changes[0]?.was ?? 0)) continue
    const place = { id: tree.idOf(now), parent: name.parentId, name: nameBytes(name) }
    const from = left.get(now)
    if (from === undefined || moved.has(from)) {
      operations.push({ kind: 'link', ...place })
    } else {
      moved.add(from)
      operations.push({ kind: 'move', ...place, fromParent: from.name.parentId, fromName: nameBytes(from.name) })
    }
  }
  for (const each of bound) {
    const first = each.name.changes[0]
    if (first === undefined || first.wasId === undefined || first.was === each.now || (moved.has(each) && left.get(first.was) === each)) continue
    operations.push({ kind: 'unlink', id: first.wasId, parent: each.name.parentId, name: nameBytes(each.name) })
  }
  return operations
}

function nameBytes({ name }: UnpublishedName): Uint8Array {
  return Buffer.from(name, 'latin1')
}
