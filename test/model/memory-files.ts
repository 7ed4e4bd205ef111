// Operations on the content of the in-memory tree's files.
import { fallocateModes, isFallocateModeOffered } from '../../lib/tree/posix/modes.js'
import type { CopyEnd, Errno, WriteFlags } from '../../native-deps/fuse/handler.js'
import { errno, fileBytesMax, type MemoryState } from './memory-state.js'

const seekData = 3
const seekHole = 4
const copyStepBytes = 1024 * 1024

const readBuffer = new Uint8Array(copyStepBytes)

/** Valid until the next read: the driver sends it before. */
export function read(state: MemoryState, ino: number, offset: number, length: number): Uint8Array | Errno {
  const node = state.node(ino)
  if (node?.content === undefined) return errno.ESTALE
  state.touchAccess(node)
  const into = readBuffer.subarray(0, Math.min(length, copyStepBytes))
  return into.subarray(0, node.content.read(offset, into))
}

export function write(state: MemoryState, ino: number, offset: number, data: Uint8Array, flags: WriteFlags): number {
  const node = state.node(ino)
  if (node?.content === undefined) return errno.ESTALE
  if (offset + data.byteLength > fileBytesMax) return errno.EFBIG
  // The kernel sends an appending write with the end it knows; another's append may have moved it.
  node.content.write(flags.append && !flags.fromCache ? node.content.size : offset, data)
  if (flags.killSuidGid) state.killSetIds(node)
  state.touchContent(node)
  return data.byteLength
}

export interface Range {
  readonly offset: number
  readonly length: number
}

export function fallocate(state: MemoryState, ino: number, mode: number, { offset, length }: Range): number {
  const node = state.node(ino)
  if (node?.content === undefined) return errno.ESTALE
  if (!isFallocateModeOffered(mode)) return errno.EOPNOTSUPP
  if (offset + length > fileBytesMax) return errno.EFBIG
  const { content } = node
  if ((mode & (fallocateModes.punchHole | fallocateModes.zeroRange)) !== 0) content.punch(offset, length)
  if ((mode & fallocateModes.punchHole) === 0) content.reserve(offset, length)
  if ((mode & fallocateModes.keepSize) === 0) content.size = Math.max(content.size, offset + length)
  state.touchContent(node)
  return 0
}

export function lseek(state: MemoryState, ino: number, offset: number, whence: number): number {
  const node = state.node(ino)
  if (node?.content === undefined) return errno.ESTALE
  if (whence !== seekData && whence !== seekHole) return errno.EINVAL
  return node.content.seek(offset, whence === seekData ? 'data' : 'hole') ?? errno.ENXIO
}

export function copyFileRange(state: MemoryState, from: CopyEnd, to: CopyEnd, length: number): number {
  const [source, goal] = [state.node(from.ino), state.node(to.ino)]
  if (source?.content === undefined || goal?.content === undefined) return errno.ESTALE
  const wanted = Math.min(length, Math.max(0, source.content.size - from.offset))
  const buffer = new Uint8Array(Math.min(wanted, copyStepBytes))
  for (let done = 0; done < wanted; ) {
    const piece = buffer.subarray(0, Math.min(buffer.byteLength, wanted - done))
    source.content.read(from.offset + done, piece)
    goal.content.write(to.offset + done, piece)
    done += piece.byteLength
  }
  if (wanted > 0) state.touchContent(goal)
  return wanted
}
