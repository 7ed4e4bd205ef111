// Operations on open files. A write's data stays in the request's buffer, which is lent until a deferred write settles.
import type { Exchange } from './exchange.js'
import type { Answer, AroundReply, OpenReply, Status, WriteFlags } from './handler.js'
import { nothing } from './operations-entries.js'
import { errno, fsyncDataOnly, openAppend, openDirect, openKillSuidGid, writeCache, writeKillSuidGid } from './protocol.js'
import { headerBytes, writeDataAt, type RequestBuffer } from './protocol-input.js'
import { openReplyBytes, putLong, putOpen } from './protocol-output.js'
import type { Session } from './session.js'

/** Larger reads are a scan: the kernel reads ahead by itself. */
const aroundBytesMax = 32 * 1024

/** Every combination once, so that a write allocates none. */
const writeFlags: readonly WriteFlags[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
  fromCache: (bits & 1) !== 0,
  killSuidGid: (bits & 2) !== 0,
  append: (bits & 4) !== 0,
}))
const plainWrite: WriteFlags = { fromCache: false, killSuidGid: false, append: false }

function flagsOfWrite(write: number, open: number): WriteFlags {
  const bits = ((write & writeCache) !== 0 ? 1 : 0) | ((write & writeKillSuidGid) !== 0 ? 2 : 0) | ((open & openAppend) !== 0 ? 4 : 0)
  return writeFlags[bits] ?? plainWrite
}

function encodeOpen(session: Session, at: number, reply: OpenReply, exchange: Exchange): number {
  putOpen(session.arena.view, at, reply.handle, reply.flags)
  exchange.openedIno = exchange.node
  exchange.openedHandle = reply.handle
  return openReplyBytes
}

/** struct fuse_write_out: 32 bits and padding. Also struct fuse_lseek_out and fuse_copy_file_range_out: 64 bits. */
function encodeCount(session: Session, at: number, count: number): number {
  putLong(session.arena.view, at, count)
  return 8
}

/** struct fuse_open_in */
export function open(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const [node, flags] = [exchange.node, input.word(headerBytes)]
  const kill = (input.word(headerBytes + 4) & openKillSuidGid) !== 0
  exchange.openedFlags = flags
  const ask = (): Answer<OpenReply> => session.handler.open(node, flags, kill, exchange)
  const storing = session.pageStores.opens(node, flags)
  session.answer(exchange, counted(session, node, flags, storing === undefined ? ask() : storing.then(ask)), encodeOpen)
}

/** Who could not open it does not change it. */
function counted({ pageStores }: Session, node: number, flags: number, answer: Answer<OpenReply>): Answer<OpenReply> {
  const count = (settled: OpenReply | number): OpenReply | number => {
    if (typeof settled === 'number') pageStores.refused(node, flags)
    else pageStores.opened(node, flags)
    return settled
  }
  if (!(answer instanceof Promise)) return count(answer)
  return answer.then(count, (error: unknown) => {
    pageStores.refused(node, flags)
    throw error
  })
}

/** struct fuse_read_in */
export function read(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const offset = input.long(headerBytes + 8)
  const length = input.word(headerBytes + 16)
  if (offset === Infinity) return session.fail(exchange, -errno.EINVAL)
  const isDirect = (input.word(headerBytes + 32) & openDirect) !== 0
  if (!isDirect) session.pageReads.note(exchange.node)
  if (!isDirect && length <= aroundBytesMax && readAround(session, exchange, offset, length)) return
  const answer = session.handler.read(exchange.node, input.long(headerBytes), offset, length, exchange)
  if (answer instanceof Promise) {
    session.later(exchange, answer, (bytes) => session.sendBytes(exchange, bytes, Math.min(bytes.byteLength, length), false))
  } else if (typeof answer === 'number') session.fail(exchange, answer)
  else session.sendBytes(exchange, answer, Math.min(answer.byteLength, length), false)
}

/** False: it has to be read alone. */
function readAround(session: Session, exchange: Exchange, offset: number, length: number): boolean {
  const { handler, pageStores } = session
  const around = handler.readAround === undefined ? undefined : pageStores.begin(exchange.node)
  if (around === undefined) return false
  const answer = handler.readAround?.(exchange.node, offset, length, exchange) ?? -errno.EIO
  const send = ({ start, bytes }: AroundReply): void => {
    const asked = bytes.subarray(offset - start, offset - start + length)
    session.sendBytes(exchange, asked, asked.byteLength, false)
    if (bytes.byteLength > asked.byteLength) pageStores.store(around, start, bytes)
    pageStores.end(around)
  }
  if (answer instanceof Promise) {
    session.later(exchange, answer.catch((error: unknown) => { pageStores.end(around); throw error }), send)
  } else if (typeof answer === 'number') {
    pageStores.end(around)
    session.fail(exchange, answer)
  } else send(answer)
  return true
}

/** struct fuse_write_in */
export function write(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const offset = input.long(headerBytes + 8)
  const size = input.word(headerBytes + 16)
  if (size > input.length - writeDataAt) return session.fail(exchange, -errno.EINVAL)
  const data = input.data(writeDataAt, size)
  if (offset + data.byteLength > Number.MAX_SAFE_INTEGER) return session.fail(exchange, -errno.EFBIG)
  const flags = flagsOfWrite(input.word(headerBytes + 20), input.word(headerBytes + 32))
  const answer = session.handler.write(exchange.node, input.long(headerBytes), offset, data, flags, exchange)
  if (answer instanceof Promise) session.lend(input, answer)
  const isDirect = (input.word(headerBytes + 32) & openDirect) !== 0 && !flags.fromCache
  session.answerStatus(exchange, isDirect ? whenSeen(session, exchange.node, offset, answer) : answer, encodeCount)
}

/** What was written past the kernel's pages is acknowledged when none shows what was there before: page-reads.ts. */
function whenSeen(session: Session, ino: number, offset: number, answer: Status): Status {
  if (answer instanceof Promise) return answer.then((written) => whenSeen(session, ino, offset, written))
  if (answer <= 0 || !session.pageReads.mayShow(ino)) return answer
  return session.pageReads.drop(ino, offset, answer).then(() => answer)
}

/** struct fuse_flush_in: on every close(2) of a descriptor. */
export function flush(session: Session, input: RequestBuffer, exchange: Exchange): void {
  if (session.handler.isLogged?.(exchange.node) === true) exchange.changes = false
  session.answerStatus(exchange, session.handler.flush(exchange.node, input.long(headerBytes), exchange), nothing)
}

/** struct fuse_release_in: once, after the last descriptor and mapping are gone. */
export function release(session: Session, input: RequestBuffer, exchange: Exchange): void {
  if (session.handler.isLogged?.(exchange.node) === true) exchange.changes = false
  session.pageStores.released(exchange.node, input.word(headerBytes + 8))
  session.answerStatus(exchange, session.handler.release(exchange.node, input.long(headerBytes), exchange), nothing)
}

/** struct fuse_fsync_in */
export function fsync(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const dataOnly = (input.word(headerBytes + 8) & fsyncDataOnly) !== 0
  session.answerStatus(exchange, session.handler.fsync(exchange.node, input.long(headerBytes), dataOnly, exchange), nothing)
}

/** struct fuse_fallocate_in */
export function fallocate(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const [handle, offset, length] = [input.long(headerBytes), input.long(headerBytes + 8), input.long(headerBytes + 16)]
  if (offset + length > Number.MAX_SAFE_INTEGER) return session.fail(exchange, -errno.EFBIG)
  const mode = input.word(headerBytes + 24)
  session.answerStatus(exchange, session.handler.fallocate(exchange.node, handle, mode, offset, length, exchange), nothing)
}

/** struct fuse_lseek_in */
export function lseek(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const offset = input.long(headerBytes + 8)
  if (offset === Infinity) return session.fail(exchange, -errno.ENXIO)
  const whence = input.word(headerBytes + 16)
  session.answerStatus(exchange, session.handler.lseek(exchange.node, input.long(headerBytes), offset, whence, exchange), encodeCount)
}

/** The answer to COPY_FILE_RANGE has 32 bits; a caller goes on after a short copy. */
const copyBytesMax32 = 0x7ffff000

export function copyFileRange(session: Session, input: RequestBuffer, exchange: Exchange): void {
  copy(session, input, exchange, copyBytesMax32)
}

export function copyFileRange64(session: Session, input: RequestBuffer, exchange: Exchange): void {
  copy(session, input, exchange, Number.MAX_SAFE_INTEGER)
}

/** struct fuse_copy_file_range_in */
function copy(session: Session, input: RequestBuffer, exchange: Exchange, lengthMax: number): void {
  const at = headerBytes
  const from = { ino: exchange.node, handle: input.long(at), offset: input.long(at + 8) }
  const to = { ino: input.long(at + 16), handle: input.long(at + 24), offset: input.long(at + 32) }
  if (from.offset === Infinity || to.offset === Infinity) return session.fail(exchange, -errno.EFBIG)
  if (input.long(at + 48) !== 0) return session.fail(exchange, -errno.EINVAL)
  const room = Number.MAX_SAFE_INTEGER - Math.max(from.offset, to.offset)
  const length = Math.min(input.long(at + 40), lengthMax, room)
  session.answerStatus(exchange, session.handler.copyFileRange(from, to, length, exchange), encodeCount)
}
