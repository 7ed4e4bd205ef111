// The log read again at a mount: what the catalog does not have yet is applied to the tree, what is not published yet is
// noted, and where unpublished content lies is found again.
import { decodeContent } from './content/content-reference.js'
import type { Contents } from './content/contents.js'
import { decodePublished } from './content/published-record.js'
import { decodeChange, decodeGroupEnd, decodeSplice, type ContentChange } from './content/records.js'
import { applyParts } from './content/splicing.js'
import { recordKind, type LogRecord } from './store/log-port.js'
import { VaultError } from './terms/errors.js'
import { noContent } from './tree/entry.js'
import { decodeImages, type Images } from './tree/images.js'
import type { Tree } from './tree/tree.js'
import type { Unpublished } from './tree/unpublished.js'

export interface ReplayTarget {
  readonly tree: Tree
  readonly unpublished: Unpublished
  readonly contents: Contents
  /** Records up to here are in the catalog. */
  readonly appliedLsn: number
  /** The catalog was made anew: its places in listings are not those that the log knows. */
  readonly renumber: boolean
  /** Of each file what holds only with the end of its group, oldest first. */
  readonly held: Map<number, LogRecord[]>
  nowMs(): number
}

export function replayRecord(record: LogRecord, target: ReplayTarget): void {
  const { lsn, kind, body } = record
  if (kind === recordKind.images) replayImages(decodeImages(Buffer.from(body.buffer, body.byteOffset, body.byteLength)), lsn, target)
  else if (kind === recordKind.extent) replayExtent(record, target)
  else if (kind === recordKind.splice) replaySplice(body, lsn, target)
  else if (kind === recordKind.published) replayPublished(body, lsn, target)
  else if (kind === recordKind.announced) replayAnnounced(body, target)
  else if (kind === recordKind.heldExtent) hold(record, decodeChange(body).ino, target)
  else if (kind === recordKind.heldSplice) hold(record, decodeSplice(body, lsn).change.ino, target)
  else if (kind === recordKind.groupEnd) replayGroup(body, lsn, target)
  else if (kind !== recordKind.mark) {
    throw new VaultError('format-unknown', `The log holds a record of kind ${String(kind)}`, { next: 'Use a newer VaultFS.' })
  }
}

/**
 * What becomes of groups that have no end. `drop`: a crash cut them off, nobody was told that they are there. `go on`: the
 * rest of each is in the memory that was taken over. `take`: their ends may be among what is lost of the log.
 */
export type UnendedGroups = 'drop' | 'go on' | 'take'

/** After the last record: what is open has the size that the tree says. Answers the files whose groups have no end. */
export function endReplay(target: ReplayTarget, unended: UnendedGroups): readonly number[] {
  const { tree, contents, held } = target
  for (const content of contents.all()) {
    const entry = tree.get(content.ino)
    if (entry !== undefined) content.size = entry.size
  }
  if (unended !== 'drop') for (const [ino, records] of held) takeUnended(ino, records, unended, target)
  const inos = [...held.keys()]
  held.clear()
  return inos
}

function takeUnended(ino: number, records: readonly LogRecord[], unended: UnendedGroups, target: ReplayTarget): void {
  const [first] = records
  const last = lay(records, target)
  const content = contentOf(ino, target)
  if (first === undefined || last === undefined || content === undefined) return
  if (unended === 'take') return applyChange(last, records.at(-1)?.lsn ?? first.lsn, first.lsn, target)
  content.group = { first: first.lsn, size: last.size }
  content.size = last.size
}

function hold(record: LogRecord, ino: number, { held }: ReplayTarget): void {
  const records = held.get(ino)
  if (records === undefined) held.set(ino, [record])
  else records.push(record)
}

function replayGroup(body: Uint8Array, lsn: number, target: ReplayTarget): void {
  const { first, change } = decodeGroupEnd(body)
  // Older ones were cut off by a crash.
  lay((target.held.get(change.ino) ?? []).filter((record) => record.lsn >= first), target)
  target.held.delete(change.ino)
  if (contentOf(change.ino, target) !== undefined) applyChange(change, lsn, lsn, target)
}

/** Lays held records over their file's content; answers the last change. Size and times come with the group's end. */
function lay(records: readonly LogRecord[], target: ReplayTarget): ContentChange | undefined {
  let last: ContentChange | undefined
  for (const { lsn, kind, body, extent } of records) {
    const { change, needed } = kind === recordKind.heldSplice ? laySplice(body, lsn, target) ?? {} : { change: layExtent(body, lsn, extent, target), needed: lsn }
    if (change === undefined) continue
    target.unpublished.noteContent(change.ino, lsn, target.nowMs(), needed)
    last = change
  }
  return last
}

function replayImages(images: Images, lsn: number, { tree, unpublished, contents, appliedLsn, renumber, held, nowMs }: ReplayTarget): void {
  unpublished.note(images, lsn, nowMs())
  for (const { ino } of images.gone) {
    contents.discard(ino)
    held.delete(ino)
  }
  if (lsn <= appliedLsn) return
  for (const entry of images.entries) {
    const before = tree.get(entry.ino)
    entry.content = before?.content ?? noContent
    if (!images.xattrsOf.has(entry.ino)) entry.xattrs = before?.xattrs ?? null
    if (images.born.has(entry.ino) && before === undefined) tree.addBorn(entry)
    else tree.put(entry)
  }
  for (const { parent, name, ino, cookie } of images.dirents) {
    if (ino === 0) tree.unbind(parent, name)
    else tree.bind(parent, name, ino, renumber ? tree.lookup(parent, name)?.cookie : cookie)
  }
  for (const { ino } of images.gone) tree.remove(ino)
}

function replayExtent({ lsn, body, extent }: LogRecord, target: ReplayTarget): void {
  const change = layExtent(body, lsn, extent, target)
  if (change !== undefined) applyChange(change, lsn, lsn, target)
}

/** Undefined: the file is not there. */
function layExtent(body: Uint8Array, lsn: number, extent: LogRecord['extent'], target: ReplayTarget): ContentChange | undefined {
  if (extent === undefined) throw new VaultError('corrupt', `Log record ${lsn} lacks its data`, { subject: `log record ${lsn}` })
  const change = decodeChange(body)
  const content = contentOf(change.ino, target)
  content?.extents.put({ start: change.start, end: change.end, source: { kind: 'log', extent, lsn }, skip: 0 })
  return content === undefined ? undefined : change
}

function replaySplice(body: Uint8Array, lsn: number, target: ReplayTarget): void {
  const laid = laySplice(body, lsn, target)
  if (laid !== undefined) applyChange(laid.change, lsn, laid.needed, target)
}

/** Undefined: the file is not there. `needed`: the oldest record that it needs. */
function laySplice(body: Uint8Array, lsn: number, target: ReplayTarget): { readonly change: ContentChange; readonly needed: number } | undefined {
  const { change, parts } = decodeSplice(body, lsn)
  const content = contentOf(change.ino, target)
  if (content === undefined) return undefined
  applyParts(content, change.start, parts, lsn)
  if (lsn > target.appliedLsn) for (const { source } of parts) if (source.kind === 'blob') target.tree.addChunk(source.reference)
  return { change, needed: parts.reduce((oldest, { source }) => (source.kind === 'log' ? Math.min(oldest, source.extent.lsn) : oldest), lsn) }
}

/** Undefined: the file ended later in the log. */
function contentOf(ino: number, { tree, contents }: ReplayTarget): ReturnType<Contents['of']> | undefined {
  const entry = tree.get(ino)
  return entry === undefined ? undefined : contents.of(entry)
}

function applyChange(change: ContentChange, lsn: number, neededLsn: number, { tree, unpublished, contents, appliedLsn, nowMs }: ReplayTarget): void {
  unpublished.noteContent(change.ino, lsn, nowMs(), neededLsn)
  if (lsn <= appliedLsn) return
  const entry = tree.edit(change.ino)
  entry.size = change.size
  entry.mtimeSec = change.modified.sec
  entry.mtimeNsec = change.modified.nsec
  entry.ctimeSec = change.changed.sec
  entry.ctimeNsec = change.changed.nsec
  const content = contents.peek(change.ino)
  if (content === undefined) return
  content.size = change.size
  entry.blocks = content.blocks
}

/** Without a word that it is published, the manifest may have it or not. */
function replayAnnounced(body: Uint8Array, { unpublished }: ReplayTarget): void {
  const { inos, names } = decodePublished(body)
  unpublished.telling(inos, names)
}

function replayPublished(body: Uint8Array, lsn: number, { tree, unpublished, contents, appliedLsn }: ReplayTarget): void {
  const { throughLsn, contents: published, inos, names } = decodePublished(body)
  for (const { ino, throughLsn: contentLsn, content: bytes } of published) {
    if (tree.get(ino) === undefined) continue
    const reference = decodeContent(bytes)
    if (lsn > appliedLsn) {
      tree.edit(ino).content = bytes
      // Or they would be sealed and stored again by whoever writes the same. (Those of large trees are, once.)
      if (reference.body.form === 'runs') for (const run of reference.body.runs) if (run.kind === 'chunk') tree.addChunk(run.reference)
    }
    const content = contents.peek(ino)
    if (content === undefined) continue
    content.base = reference
    content.extents.removeWhere(({ source }) => source.kind !== 'memory' && source.lsn <= contentLsn)
  }
  const through = new Map(published.map((each) => [each.ino, each.throughLsn]))
  for (const ino of inos) unpublished.published(ino, through.get(ino) ?? throughLsn, contents.peek(ino)?.neededLsn() ?? Infinity)
  for (const { parent, name } of names) unpublished.publishedName(parent, name, throughLsn)
}
