// What a write brings is copied into the arena: in place where the bytes are dirty already, behind the last extent when
// it goes on from there, else as a new extent. Never waits: answers how much found room.
import { copyShared } from '../../native-deps/system.js'
import { arenaBlockBytes } from '../store/arena.js'
import { limits } from '../terms/limits.js'
import type { MemorySource, Source } from './extent.js'
import type { ContentContext, OpenContent } from './open-content.js'

const pageBytes = 4096

/** Bytes taken from the beginning of `data`; fewer than all when the arena is full. */
export function buffer(content: OpenContent, offset: number, data: Uint8Array, context: ContentContext): number {
  context.pool.prepare?.()
  let taken = 0
  while (taken < data.byteLength) {
    const at = offset + taken
    const step = overwrite(content, at, data, taken, context) || append(content, at, data, taken, context) || place(content, at, data, taken, context)
    if (step === 0) break
    taken += step
  }
  if (taken > 0) {
    content.version++
    content.size = Math.max(content.size, offset + taken)
    content.times = context.now()
    content.restUntilMs = mayHaveRest(offset, data.byteLength) ? context.nowMs() + limits.restOfWriteMs : 0
    content.dirtySinceMs = Math.min(content.dirtySinceMs, context.nowMs())
  }
  return taken
}

/**
 * Linux sends a write that begins within a page which it does not hold in two requests, cut at the end of that page
 * (`fuse_fill_write_pages`): the second follows at once, but for a busy machine.
 */
function mayHaveRest(offset: number, length: number): boolean {
  return offset % pageBytes !== 0 && (offset + length) % pageBytes === 0 && length < pageBytes
}

/** Over bytes that are dirty and that no worker reads. */
function overwrite(content: OpenContent, at: number, data: Uint8Array, from: number, { arena }: ContentContext): number {
  const extent = content.extents.at(at)
  if (extent === undefined || !isWritable(extent.source)) return 0
  const length = Math.min(extent.end - at, data.byteLength - from)
  const { source } = extent
  copyShared(arena.bytes.subarray(source.position + extent.skip + at - extent.start), data.subarray(from, from + length))
  source.newest = content.version + 1
  source.inOrder = false
  return length
}

/** Lengthens the extent that ends here, when nothing lies behind it in the file or in its block. */
function append(content: OpenContent, at: number, data: Uint8Array, from: number, { arena, dirtyTable }: ContentContext): number {
  const extent = content.extents.endingAt(at)
  if (extent === undefined || !isWritable(extent.source) || content.extents.end > at) return 0
  const { source } = extent
  if (extent.skip + extent.end - extent.start !== source.length) return 0
  const length = Math.min(data.byteLength - from, arenaBlockBytes - source.length)
  if (length <= 0 || !arena.extend(source.position, source.length, length)) return 0
  copyShared(arena.bytes.subarray(source.position + source.length), data.subarray(from, from + length))
  source.length += length
  source.newest = content.version + 1
  dirtyTable?.lengthen(source.row, source.length)
  content.extents.lengthen(extent, length)
  return length
}

function place(content: OpenContent, at: number, data: Uint8Array, from: number, context: ContentContext): number {
  const { arena, dirtyTable } = context
  const next = content.extents.overlapping(at, at + data.byteLength - from).find(({ source }) => isWritable(source))
  // Up to the next dirty bytes: those are overwritten in place.
  const room = next === undefined ? Infinity : Math.max(next.start - at, 1)
  const length = Math.min(data.byteLength - from, arenaBlockBytes, room)
  const position = arena.allocate(length)
  if (position < 0) return 0
  copyShared(arena.bytes.subarray(position), data.subarray(from, from + length))
  const row = dirtyTable?.take(content.ino, at, length, position) ?? -1
  if (row < 0 && dirtyTable !== undefined) {
    // So many small pieces are as good as a full arena: what is dirty has to be logged first.
    arena.free(position)
    return 0
  }
  const version = content.version + 1
  const source: Source = { kind: 'memory', position, length, users: 0, readers: 0, row, sinceMs: context.nowMs(), oldest: version, newest: version, inOrder: true }
  content.extents.put({ start: at, end: at + length, source, skip: 0 })
  return length
}

function isWritable(source: Source): source is MemorySource {
  return source.kind === 'memory' && source.readers === 0
}

