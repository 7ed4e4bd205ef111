// Listings and what else is done to an open directory. Directories have no handles: the kernel is told so by ENOSYS to
// its first OPENDIR, and then caches listings by itself.
import { DirectoryReply } from './directory-reply.js'
import type { Exchange } from './exchange.js'
import { nothing } from './operations-entries.js'
import { errno, fsyncDataOnly, initFlags, openReplies } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'
import { openReplyBytes, putOpen } from './protocol-output.js'
import type { Session } from './session.js'

function encodeOpendir(session: Session, at: number): number {
  putOpen(session.arena.view, at, 0, openReplies.keepCache | openReplies.cacheDirectory)
  return openReplyBytes
}

export function opendir(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  if ((session.negotiated & initFlags.noOpendirSupport) !== 0n) session.fail(exchange, -errno.ENOSYS)
  else session.answerStatus(exchange, 0, encodeOpendir)
}

export function releasedir(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  session.answerStatus(exchange, 0, nothing)
}

export function readdir(session: Session, input: RequestBuffer, exchange: Exchange): void {
  list(session, input, exchange, false)
}

export function readdirplus(session: Session, input: RequestBuffer, exchange: Exchange): void {
  list(session, input, exchange, true)
}

/** struct fuse_read_in */
function list(session: Session, input: RequestBuffer, exchange: Exchange, plus: boolean): void {
  const cookie = input.long(headerBytes + 8)
  if (cookie === Infinity) return session.fail(exchange, -errno.EINVAL)
  const reply = session.directoryReplies.pop() ?? new DirectoryReply(session.valid)
  reply.begin(input.word(headerBytes + 16), plus)
  const finish = (): void => {
    session.sendBytes(exchange, reply.bytes, reply.length, plus)
    session.directoryReplies.push(reply)
  }
  const status = session.handler.readdir(exchange.node, cookie, plus, reply.fill, exchange)
  if (status instanceof Promise) session.later(exchange, status, finish)
  else if (status >= 0) finish()
  else {
    session.directoryReplies.push(reply)
    session.fail(exchange, status)
  }
}

/** struct fuse_fsync_in */
export function fsyncdir(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const dataOnly = (input.word(headerBytes + 8) & fsyncDataOnly) !== 0
  session.answerStatus(exchange, session.handler.fsyncdir(exchange.node, dataOnly, exchange), nothing)
}

export function syncfs(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  session.answerStatus(exchange, session.handler.syncfs(exchange.node, exchange), nothing)
}
