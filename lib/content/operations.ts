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
  const names = candidates(drafts.size === 0 ? unpublished.names.values() : namesOf(unpublished, drafts), input, (name) => ({ name, now: tree.lookup(name.parent, name.name)?.ino ?? 0 }), isSayable)
  const told = new Map<number, number>()
  for (const { name } of names) told.set(name.changes[0]?.was ?? 0, (told.get(name.changes[0]?.was ?? 0) ?? 0) + 1)
  const isReady = (noted: UnpublishedEntry): boolean => {
    // Gone for the others only when no name of it is left to be taken away.
    if (noted.goneId !== undefined) return unpublished.departuresOf(noted.ino) === (told.get(noted.ino) ?? 0)
    return !input.isHeld(noted.ino) && (tree.get(noted.ino)?.nlink ?? 0) > 0
  }
  const entries = candidates(drafts.size === 0 ? unpublished.entries.values() : entriesOf(unpublished, drafts), input, (noted) => noted, isReady)
  const operations = [
    ...entries.filter(({ born }) => born).sort((a, b) => a.ino - b.ino).flatMap((noted) => creation(tree, noted)),
    ...[...drafts.values()].filter(({ ino }) => (tree.get(ino)?.nlink ?? 0) > 0).map((draft) => contentOf(tree, draft)),
    ...nameOperations(tree, names),
    ...entries.filter(({ born, attributes, goneId }) => !born && attributes && goneId === undefined).flatMap((noted) => attributesOf(tree, noted)),
    ...entries.flatMap(({ goneId }): Operation[] => (goneId === undefined ? [] : [{ kind: 'trash', id: goneId }])),
  ]
  return { operations, inos: entries.map(({ ino }) => ino), names: names.map(({ name }) => name) }
}

/** The first `countMax` that may be said, in the order in which they changed. */
function candidates<From, To>(from: Iterable<From>, input: AnnouncementInput, make: (from: From) => To, isReady: (to: To, input: AnnouncementInput) => boolean): To[] {
  const out: To[] = []
  for (const each of from) {
    if (out.length >= input.countMax) break
    const made = make(each)
    if (isReady(made, input)) out.push(made)
  }
  return out
}

function namesOf(unpublished: Unpublished, drafts: ReadonlyMap<number, ContentDraft>): readonly UnpublishedName[] {
  return [...new Set([...drafts.keys()].flatMap((ino) => [...unpublished.namesOf(ino)]))]
}

function entriesOf(unpublished: Unpublished, drafts: ReadonlyMap<number, ContentDraft>): readonly UnpublishedEntry[] {
  return [...drafts.keys()].map((ino) => unpublished.entries.get(ino)).filter((noted) => noted !== undefined)
}

/** A displacing name waits for the content that takes the place; a new file's name for its first content. */
function isSayable({ name, now }: Bound, { unpublished, isHeld }: AnnouncementInput): boolean {
  if (now === 0 || !isHeld(now)) return true
  if (unpublished.entries.get(now)?.born ?? false) return false
  return !name.changes.some(({ displacedBy }) => displacedBy === now)
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

function creation(tree: Tree, { ino }: UnpublishedEntry): Operation[] {
  const entry = tree.get(ino)
  if (entry === undefined) return []
  const noParent = new Uint8Array(16) as EntryId
  return [{ kind: 'create', id: entry.id, parent: noParent, name: new Uint8Array(0), attributes: attributeBytes(entry) }]
}

function attributesOf(tree: Tree, { ino }: UnpublishedEntry): Operation[] {
  const entry = tree.get(ino)
  return entry === undefined ? [] : [{ kind: 'attributes', id: entry.id, attributes: attributeBytes(entry) }]
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
