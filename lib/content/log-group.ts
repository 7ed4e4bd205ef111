// What is logged of one file in several records holds together or not at all: a crash between two of them would leave a
// content that the file never had. They are held until a record says that all are there (FORMAT §10.3).
import { recordKind, type LogExtent, type SealedExtent } from '../store/log-port.js'
import { touchWritten, type Entry } from '../tree/entry.js'
import type { ContentContext, OpenContent } from './open-content.js'
import { encodeChange, encodeGroupEnd, encodeSplice, type ContentChange, type SplicePart } from './records.js'

/** Bytes [start, end) of a file. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Whether a record says something of its own, or together with others up to the group's end. */
export type Holding = 'alone' | 'held'

export function logData(content: OpenContent, stretch: Stretch, holding: Holding, data: Uint8Array | SealedExtent, context: ContentContext): LogExtent {
  const change = changeOf(content, stretch, holding, context)
  const body = encodeChange(change)
  const kind = holding === 'held' ? recordKind.heldExtent : recordKind.extent
  const logged = 'sealed' in data ? context.log.appendSealed(kind, body, data) : context.log.appendExtent(kind, body, content.ino, stretch.start, data)
  if (holding === 'held') join(content, logged.lsn, change.size)
  return logged
}

/** `size`: of the file after it, where it gets shorter. Answers the record's LSN. */
export function logSplice(content: OpenContent, stretch: Stretch & { readonly size?: number }, holding: Holding, parts: readonly SplicePart[], context: ContentContext): number {
  const change = changeOf(content, stretch, holding, context)
  const body = encodeSplice(change, parts)
  const lsn = context.log.append(holding === 'held' ? recordKind.heldSplice : recordKind.splice, body)
  if (holding === 'held') join(content, lsn, change.size)
  return lsn
}

/** What is held holds from here on. The file may have ended meanwhile: then nothing is to be said. */
export function endGroup(content: OpenContent, context: ContentContext): void {
  const { group } = content
  content.group = undefined
  if (group === undefined || context.tree.get(content.ino) === undefined) return
  const entry = editedAt(content, context)
  entry.size = group.size
  entry.blocks = content.blocks
  const lsn = context.log.append(recordKind.groupEnd, encodeGroupEnd({ first: group.first, change: { ino: content.ino, start: 0, end: 0, size: entry.size, ...timesOf(entry) } }))
  context.unpublished.noteContent(content.ino, lsn, context.nowMs())
}

/**
 * What a crash left of groups never holds. Said before anything else is logged: whoever takes over from this daemon, and
 * finds held records without an end, has to know that they are this daemon's.
 */
export function abandonGroups(inos: readonly number[], { log, tree }: Pick<ContentContext, 'log' | 'tree'>): void {
  for (const ino of inos) {
    const entry = tree.get(ino)
    if (entry === undefined) continue
    log.append(recordKind.groupEnd, encodeGroupEnd({ first: log.lastLsn + 1, change: { ino, start: 0, end: 0, size: entry.size, ...timesOf(entry) } }))
  }
}

function timesOf(entry: Entry): Pick<ContentChange, 'modified' | 'changed'> {
  return { modified: { sec: entry.mtimeSec, nsec: entry.mtimeNsec }, changed: { sec: entry.ctimeSec, nsec: entry.ctimeNsec } }
}

/** The entry itself has the size and times of what holds: those of held records come with the group's end. */
function changeOf(content: OpenContent, { start, end, size: told }: Stretch & { readonly size?: number }, holding: Holding, context: ContentContext): ContentChange {
  const size = told ?? Math.max(content.group?.size ?? context.tree.edit(content.ino).size, end)
  if (holding === 'held') return { ino: content.ino, start, end, size, ...timesOf(context.tree.edit(content.ino)) }
  const entry = editedAt(content, context)
  entry.size = size
  entry.blocks = content.blocks
  return { ino: content.ino, start, end, size, ...timesOf(entry) }
}

function editedAt(content: OpenContent, context: ContentContext): Entry {
  const entry = context.tree.edit(content.ino)
  if (content.times !== undefined) touchWritten(entry, content.times, context.now())
  content.times = undefined
  return entry
}

function join(content: OpenContent, lsn: number, size: number): void {
  content.group ??= { first: lsn, size }
  content.group.size = size
}
