// Content: reading, writing, and what moves none of its bytes.
import { isAppendOnly, isFixed, isImmutable } from '../../lib/tree/posix/flags.js'
import { fallocateModes, isFallocateModeOffered } from '../../lib/tree/posix/modes.js'
import type { OpenContent } from '../../lib/content/open-content.js'
import { isDirectory, isFile, type Entry } from '../../lib/tree/entry.js'
import { limits } from '../../lib/terms/limits.js'
import type { AroundReply, CopyEnd, Errno, OpenReply, WriteFlags } from '../../native-deps/fuse/handler.js'
import { errno } from '../errno.js'
import { killSetIdsNow } from './attributes.js'
import type { Volume } from './volume.js'

/** FOPEN_KEEP_CACHE of <linux/fuse.h>: all changes come through this kernel, so what it caches stays true. */
const keepCache = 1 << 1
const truncateFlag = 0o1000
const appendFlag = 0o2000
const accessMode = 3

/** FOPEN_NOFLUSH: who only reads has nothing to wait for when he closes. */
const noFlush = 1 << 5
/** Nothing of an open file is kept here: the handle is 0, so that another daemon could answer for it. */
export const opened: OpenReply = { handle: 0, flags: keepCache }

const openedToRead: OpenReply = { handle: 0, flags: keepCache | noFlush }

export function isTruncating(flags: number): boolean {
  return (flags & truncateFlag) !== 0
}

export function open(volume: Volume, ino: number, flags: number, killSuidGid: boolean): OpenReply | Errno | Promise<OpenReply | Errno> {
  const entry = volume.vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (isFixed(entry) && !mayOpen(entry, flags)) return errno.EPERM
  if ((flags & (accessMode | truncateFlag)) === 0) {
    volume.ahead?.opened(ino)
    return openedToRead
  }
  if (!isTruncating(flags) || !isFile(entry)) return opened
  if (killSuidGid) killSetIdsNow(volume, entry)
  const resizing = volume.vault.resize(volume.vault.contents.of(entry), 0)
  return resizing === undefined ? opened : resizing.then(() => opened)
}

function mayOpen(entry: Entry, flags: number): boolean {
  if ((flags & (accessMode | truncateFlag)) === 0) return true
  return !isImmutable(entry) && (flags & appendFlag) !== 0 && !isTruncating(flags)
}

export function read({ vault, ahead }: Volume, ino: number, offset: number, length: number): Uint8Array | Errno | Promise<Uint8Array> {
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (!isFile(entry)) return isDirectory(entry) ? errno.EISDIR : errno.EINVAL
  if (offset === 0) ahead?.read(ino)
  return vault.reading.read(vault.contents.of(entry), offset, length)
}

export function readAround({ vault, ahead }: Volume, ino: number, offset: number, length: number): AroundReply | Errno | Promise<AroundReply> {
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (!isFile(entry)) return isDirectory(entry) ? errno.EISDIR : errno.EINVAL
  if (offset === 0) ahead?.read(ino)
  return vault.reading.readAround(vault.contents.of(entry), offset, length)
}

export function write(volume: Volume, ino: number, offset: number, data: Uint8Array, flags: WriteFlags): number | Promise<number> {
  const { vault } = volume
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (!isFile(entry)) return errno.EINVAL
  // What the kernel took by a mapping before the flag was set can't be refused any more.
  if (isImmutable(entry) && !flags.fromCache) return errno.EPERM
  const content = vault.contents.of(entry)
  // The kernel sends an appending write with the end that it knows.
  const at = flags.append && !flags.fromCache ? content.size : offset
  if (at + data.byteLength > limits.fileBytesMax) return errno.EFBIG
  if (flags.killSuidGid) killSetIdsNow(volume, entry)
  return vault.write(content, at, data)
}

/** Everything of the file that was changed is in the kernel's hands. */
export function isLogged({ vault: { contents, parts: { log, unpublished } } }: Volume, ino: number): boolean {
  return (contents.peek(ino)?.isLogged ?? true) && (unpublished.entries.get(ino)?.lastLsn ?? 0) <= log.flushedLsn
}

/** close(2): what was written is in the kernel's hands when it returns; the log is flushed after the batch. */
export function flush({ vault }: Volume, ino: number): number | Promise<number> {
  const content = vault.contents.peek(ino)
  const draining = content === undefined ? undefined : vault.contents.drain(content)
  return draining === undefined ? 0 : draining.then(() => 0)
}

/** fsync(2): on the disk when it returns, with all that was changed before it. */
export async function fsync({ vault }: Volume, ino: number): Promise<number> {
  const content = vault.contents.peek(ino)
  if (content !== undefined) await vault.contents.drain(content)
  await vault.syncLog()
  return 0
}

export function fallocate(volume: Volume, ino: number, mode: number, offset: number, length: number): number | Promise<number> {
  const { vault } = volume
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (!isFile(entry)) return errno.EINVAL
  if (!isFallocateModeOffered(mode)) return errno.EOPNOTSUPP
  if (offset + length > limits.fileBytesMax) return errno.EFBIG
  if (isImmutable(entry) || (isAppendOnly(entry) && (mode & ~fallocateModes.keepSize) !== 0)) return errno.EPERM
  const content = vault.contents.of(entry)
  const size = (mode & fallocateModes.keepSize) === 0 ? Math.max(content.size, offset + length) : content.size
  if ((mode & (fallocateModes.punchHole | fallocateModes.zeroRange)) !== 0) {
    const end = (mode & fallocateModes.punchHole) === 0 ? Math.min(offset + length, size) : Math.min(offset + length, content.size)
    if ((mode & fallocateModes.punchHole) === 0) content.reserved.add(offset, offset + length)
    else content.reserved.remove(offset, offset + length)
    const clearing = vault.clear(content, Math.min(offset, end), end, size)
    return clearing === undefined ? 0 : clearing.then(() => 0)
  }
  // Room can't be set aside in a store that compresses and shares; that there is any is checked.
  return vault.space().then(({ blocksAvailable, blockSize }) => {
    if (blocksAvailable * blockSize < length) return errno.ENOSPC
    const now = vault.tree.get(ino)
    if (now === undefined) return errno.ESTALE
    const held = vault.contents.of(now)
    held.reserved.add(offset, offset + length)
    const resizing = size > held.size ? vault.resize(held, size) : undefined
    return resizing === undefined ? 0 : resizing.then(() => 0)
  })
}

/** SEEK_DATA 3, SEEK_HOLE 4. */
export async function lseek({ vault }: Volume, ino: number, offset: number, whence: number): Promise<number> {
  const entry = vault.tree.get(ino)
  if (entry === undefined) return errno.ESTALE
  if (!isFile(entry) || (whence !== 3 && whence !== 4)) return errno.EINVAL
  const found = await vault.reading.seek(vault.contents.of(entry), offset, whence === 3 ? 'data' : 'hole')
  return found ?? errno.ENXIO
}

export async function copyFileRange(volume: Volume, from: CopyEnd, to: CopyEnd, length: number): Promise<number> {
  const { vault } = volume
  const source = vault.tree.get(from.ino)
  if (source === undefined) return errno.ESTALE
  if (!isFile(source)) return errno.EINVAL
  return await copyInto(volume, { content: () => vault.contents.of(source), offset: from.offset }, to, length)
}

/** `content` is asked again after each wait, since what nobody holds may have been replaced by its like. */
export interface CopySource {
  readonly content: () => OpenContent
  readonly offset: number
}

export async function copyInto(volume: Volume, from: CopySource, to: CopyEnd, length: number): Promise<number> {
  const { vault } = volume
  const goal = vault.tree.get(to.ino)
  if (goal === undefined) return errno.ESTALE
  if (!isFile(goal)) return errno.EINVAL
  if (to.offset + length > limits.fileBytesMax) return errno.EFBIG
  if (isFixed(goal)) return errno.EPERM
  const range = { from: from.content(), fromOffset: from.offset, to: vault.contents.of(goal), toOffset: to.offset, length }
  const copied = await vault.copyRange(range)
  if (copied !== 0 || from.offset >= range.from.size) return copied
  // The bytes lie in the entry itself: they are moved as bytes.
  const bytes = (await vault.reading.read(from.content(), from.offset, Math.min(length, limits.inlineBytesMax))).slice()
  return await vault.write(vault.contents.of(goal), to.offset, bytes)
}
