// What a manifest entry says: the difference between what was published and what is, by entry and by name. Pure but for
// reading the tree; made between two awaits, so that it is one state.
import type { Operation } from '../format/operations.js'
import { sha256 } from '../../native-deps/sodium.js'
import { isDirectory, rootIno, type Entry } from '../tree/entry.js'
import { encodeAttributes, encodedAttributesBytes, encodeXattrs } from '../tree/entry-codec.js'
import type { Tree } from '../tree/tree.js'
import type { Unpublished, UnpublishedEntry, UnpublishedName } from '../tree/unpublished.js'
import { encodeContent } from './content-reference.js'
import type { ContentDraft } from './publish-content.js'
import { chooseNames, type AnnouncementInput, type Bound } from './sayable-names.js'

export interface Announcement {
  readonly operations: readonly Operation[]
  /** Entries and names of which everything up to now is said. */
  readonly inos: readonly number[]
  readonly names: readonly UnpublishedName[]
  /** Drafts whose content is said; the others' files have no name now. */
  readonly contents: readonly ContentDraft[]
}

export function announce(input: AnnouncementInput): Announcement {
  const { tree, unpublished, drafts } = input
  const isNamed = (ino: number): boolean => (tree.get(ino)?.nlink ?? 0) > 0
  const isTellable = ({ ino, goneId }: UnpublishedEntry): boolean => goneId === undefined && !input.isHeld(ino) && isNamed(ino)
  const { names, created } = chooseNames(input)
  // Others that are new come with their name.
  const isFirst = (entry: UnpublishedEntry): boolean => entry.born && (drafts.has(entry.ino) || input.isDue(entry)) && isTellable(entry)
  const first = new Set(created)
  for (const ino of drafts.size === 0 ? [rootIno] : drafts.keys()) {
    const entry = unpublished.entries.get(ino)
    if (entry !== undefined && isFirst(entry)) first.add(ino)
  }
  const told = new Map<number, number>()
  for (const { name } of names) for (const ino of name.published.keys()) told.set(ino, (told.get(ino) ?? 0) + 1)
  // Gone for the others only when no name of it is left to be taken away.
  const isOver = (entry: UnpublishedEntry): boolean => {
    const departures = told.get(entry.ino) ?? 0
    return unpublished.departuresOf(entry.ino) === departures && (departures > 0 || input.isDue(entry))
  }
  const isNews = (entry: UnpublishedEntry): boolean => !entry.born && (drafts.has(entry.ino) || input.isDue(entry)) && isTellable(entry)
  const later: UnpublishedEntry[] = []
  for (const entry of drafts.size === 0 ? unpublished.entries.values() : entriesOf(unpublished, drafts.keys())) {
    if (later.length >= input.countMax) break
    if (entry.goneId === undefined ? isNews(entry) : isOver(entry)) later.push(entry)
  }
  const contents = [...drafts.values()].filter(({ ino }) => isNamed(ino))
  const operations = [
    ...[...first].sort((a, b) => a - b).flatMap((ino) => creation(tree, ino, drafts.get(ino))),
    ...contents.map((draft) => contentOf(tree, draft)),
    ...nameOperations(tree, foldersFirst(tree, names)),
    ...later.filter(({ ino, attributes, goneId }) => goneId === undefined && (attributes || drafts.has(ino))).flatMap(({ ino }) => attributesOf(tree, ino, drafts.get(ino))),
    ...later.flatMap(({ goneId }): Operation[] => (goneId === undefined ? [] : [{ kind: 'trash', id: goneId }])),
  ]
  return { operations, inos: [...first, ...later.map(({ ino }) => ino)], names: names.map(({ name }) => name), contents }
}

function* entriesOf({ entries }: Unpublished, inos: Iterable<number>): IterableIterator<UnpublishedEntry> {
  for (const ino of inos) {
    const entry = entries.get(ino)
    if (entry !== undefined) yield entry
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
  return [{ kind: 'create', id: entry.id, ino, attributes: attributeBytes(asTold(entry, draft)) }]
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

/** A folder comes to its place before what is put into it: no folder is moved into itself on the way. */
function foldersFirst(tree: Tree, bound: readonly Bound[]): readonly Bound[] {
  const folders: { readonly each: Bound; readonly depth: number }[] = []
  const others: Bound[] = []
  for (const each of bound) {
    const entry = each.now === 0 ? undefined : tree.get(each.now)
    if (entry !== undefined && isDirectory(entry)) folders.push({ each, depth: depthOf(tree, entry) })
    else others.push(each)
  }
  return [...folders.sort((a, b) => a.depth - b.depth).map(({ each }) => each), ...others]
}

function depthOf(tree: Tree, folder: Entry): number {
  let depth = 0
  for (let ino = folder.parent; ino !== rootIno && ino !== 0; ino = tree.get(ino)?.parent ?? 0) depth++
  return depth
}

/** An entry that left one name and came to another one moved. */
function nameOperations(tree: Tree, bound: readonly Bound[]): Operation[] {
  const left = new Map<number, Bound>()
  for (const each of bound) {
    const was = surely(each)
    if (was !== undefined && was !== each.now) left.set(was, each)
  }
  const operations: Operation[] = []
  const moved = new Set<Bound>()
  for (const each of bound) {
    const { name, now } = each
    if (now === 0 || now === surely(each)) continue
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
    if (moved.has(each)) continue
    for (const [ino, id] of each.name.published) {
      if (ino !== each.now) operations.push({ kind: 'unlink', id, parent: each.name.parentId, name: nameBytes(each.name) })
    }
  }
  return operations
}

/** What the name means in the manifest, where that is known. */
function surely({ name }: Bound): number | undefined {
  return name.unsure ? undefined : name.published.keys().next().value
}

function nameBytes({ name }: UnpublishedName): Uint8Array {
  return Buffer.from(name, 'latin1')
}
