// ioctl(2): only those that the kernel hands on, with an argument whose size is in the command's number. The flags of
// chattr(1) come as numbers of ext2 or as XFS's structure, which say the same; the kernel has checked by then that the
// caller owns the file, and has CAP_LINUX_IMMUTABLE for the flags that need it.
import type { Exchange } from './exchange.js'
import { errno } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'
import type { Encode, Session } from './session.js'

/** FS_IOC_GETFLAGS and its like of <linux/fs.h>, FS_IOC_SHUTDOWN of later ones. */
const commands = { getFlags: 0x80086601, setFlags: 0x40086602, getExtended: 0x801c581f, setExtended: 0x401c5820, shutdown: 0x8004587d } as const

/** FS_SYNC_FL, FS_IMMUTABLE_FL … beside FS_XFLAG_SYNC, FS_XFLAG_IMMUTABLE … */
const extendedFlags = [[0x08, 0x20], [0x10, 0x08], [0x20, 0x10], [0x40, 0x80], [0x80, 0x40]] as const

/** struct fuse_ioctl_out: result, flags, two counts. */
const replyBytes = 16
/** struct fsxattr: flags, extent size, extents, project, extent size of copies, padding. */
const extendedBytes = 28

/** struct fuse_ioctl_in: handle, flags, command, argument, sizes of what follows and of what may be answered. */
export function ioctl(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const command = input.word(headerBytes + 12)
  const argumentAt = headerBytes + 32
  const length = Math.min(input.word(headerBytes + 24), input.length - argumentAt)
  exchange.sizeMax = input.word(headerBytes + 28)
  const { handler } = session
  const { node } = exchange
  if (command === commands.getFlags && handler.getflags !== undefined) {
    return session.answerStatus(exchange, handler.getflags(node, exchange), encodeFlags)
  }
  if (command === commands.getExtended && handler.getflags !== undefined) {
    return session.answerStatus(exchange, handler.getflags(node, exchange), encodeExtended)
  }
  if (command === commands.setFlags && handler.setflags !== undefined && length >= 4) {
    return session.answerStatus(exchange, handler.setflags(node, input.word(argumentAt), exchange), encodeNothing)
  }
  if (command === commands.setExtended && handler.setflags !== undefined && length >= extendedBytes) {
    const flags = flagsOfExtended(input, argumentAt)
    return flags === undefined ? session.fail(exchange, -errno.EOPNOTSUPP) : session.answerStatus(exchange, handler.setflags(node, flags, exchange), encodeNothing)
  }
  if (command === commands.shutdown && handler.shutdown !== undefined) {
    return session.answerStatus(exchange, handler.shutdown(exchange), encodeNothing)
  }
  session.fail(exchange, -errno.ENOTTY)
}

/** Undefined: it asks for something that is not offered: a project, extents of a size, another flag. */
function flagsOfExtended(input: RequestBuffer, at: number): number | undefined {
  let left = input.word(at)
  if (input.word(at + 4) !== 0 || input.word(at + 12) !== 0 || input.word(at + 16) !== 0) return undefined
  let flags = 0
  for (const [flag, extended] of extendedFlags) {
    if ((left & extended) !== 0) flags |= flag
    left &= ~extended
  }
  return left === 0 ? flags : undefined
}

/** A word, in as many bytes as the kernel has room for. */
const encodeFlags: Encode<number> = (session, at, flags, { sizeMax }) => begin(session, at, Math.min(sizeMax, 8), flags)

const encodeExtended: Encode<number> = (session, at, flags, { sizeMax }) => {
  const value = extendedFlags.reduce((extended, [flag, bit]) => ((flags & flag) !== 0 ? extended | bit : extended), 0)
  return begin(session, at, Math.min(sizeMax, extendedBytes), value)
}

const encodeNothing: Encode<number> = (session, at) => begin(session, at, 0, 0)

function begin(session: Session, at: number, length: number, word: number): number {
  const { view } = session.arena
  for (let byte = 0; byte < replyBytes + length; byte++) view.setUint8(at + byte, 0)
  if (length >= 4) view.setUint32(at + replyBytes, word, true)
  return replyBytes + length
}
