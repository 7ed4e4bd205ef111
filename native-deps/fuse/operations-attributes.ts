// Operations on attributes, links' targets, extended attributes and the volume.
import type { Exchange } from './exchange.js'
import type { Answer, AttributeChanges, Attributes, VolumeStatistics } from './handler.js'
import { nothing } from './operations-entries.js'
import { errno, getattrHandle, initFlags, nameBytesMax, setattrValid, setxattrKillSgid } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'
import {
  attributeReplyBytes, putAttributeReply, putLong, putStatistics, putStatx, statisticsBytes, statxBytes,
} from './protocol-output.js'
import type { Session } from './session.js'

function encodeAttributes(session: Session, at: number, attributes: Attributes): number {
  putAttributeReply(session.arena.view, at, attributes, session.valid)
  return attributeReplyBytes
}

function encodeStatx(session: Session, at: number, attributes: Attributes): number {
  putStatx(session.arena.view, at, attributes, session.valid)
  return statxBytes
}

function encodeStatistics(session: Session, at: number, statistics: VolumeStatistics): number {
  putStatistics(session.arena.view, at, statistics)
  return statisticsBytes
}

/** struct fuse_getattr_in, and the head of struct fuse_statx_in, which is the same. */
function getattrAnswer(session: Session, input: RequestBuffer, exchange: Exchange): Answer<Attributes> {
  const hasHandle = (input.word(headerBytes) & getattrHandle) !== 0
  return session.handler.getattr(exchange.node, hasHandle ? input.long(headerBytes + 8) : undefined, exchange)
}

export function getattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  session.answer(exchange, getattrAnswer(session, input, exchange), encodeAttributes)
}

export function statx(session: Session, input: RequestBuffer, exchange: Exchange): void {
  session.answer(exchange, getattrAnswer(session, input, exchange), encodeStatx)
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

const setsSomething =
  setattrValid.mode | setattrValid.uid | setattrValid.gid | setattrValid.size | setattrValid.atime | setattrValid.mtime |
  setattrValid.atimeNow | setattrValid.mtimeNow | setattrValid.ctime

/** struct fuse_setattr_in */
function readChanges(input: RequestBuffer): AttributeChanges {
  const at = headerBytes
  const valid = input.word(at)
  const changes: Writable<AttributeChanges> = {}
  if ((valid & setattrValid.handle) !== 0) changes.handle = input.long(at + 8)
  if ((valid & setattrValid.size) !== 0) changes.size = input.long(at + 16)
  if ((valid & setattrValid.atimeNow) !== 0) changes.atime = 'now'
  else if ((valid & setattrValid.atime) !== 0) changes.atime = { sec: input.signedLong(at + 32), nsec: input.word(at + 56) }
  if ((valid & setattrValid.mtimeNow) !== 0) changes.mtime = 'now'
  else if ((valid & setattrValid.mtime) !== 0) changes.mtime = { sec: input.signedLong(at + 40), nsec: input.word(at + 60) }
  if ((valid & setattrValid.ctime) !== 0) changes.ctime = { sec: input.signedLong(at + 48), nsec: input.word(at + 64) }
  if ((valid & setattrValid.mode) !== 0) changes.mode = input.word(at + 68)
  if ((valid & setattrValid.uid) !== 0) changes.uid = input.word(at + 76)
  if ((valid & setattrValid.gid) !== 0) changes.gid = input.word(at + 80)
  // What only takes privileges away sets nothing: chown(2) that names nobody, and before fallocate(2) and
  // copy_file_range(2) of a caller who may not keep them (file_modified of <linux/fs.h>).
  if ((valid & setattrValid.killSuidGid) !== 0 || (valid & setsSomething) === 0) changes.killSuidGid = true
  return changes
}

export function setattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const changes = readChanges(input)
  if (changes.size === Infinity) return session.fail(exchange, -errno.EFBIG)
  const { node } = exchange
  const ask = (): Answer<Attributes> => session.handler.setattr(node, changes, exchange)
  if (changes.size === undefined) return session.answer(exchange, ask(), encodeAttributes)
  const { pageStores } = session
  const storing = pageStores.changes(node)
  const answer = storing === undefined ? ask() : storing.then(ask)
  session.answer(exchange, answer, encodeAttributes)
  if (answer instanceof Promise) answer.finally(() => { pageStores.changed(node) }).catch(() => undefined)
  else pageStores.changed(node)
}

export function statfs(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  session.answer(exchange, session.handler.statfs(exchange.node, exchange), encodeStatistics)
}

export function readlink(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  const answer = session.handler.readlink(exchange.node, exchange)
  const finish = (target: Uint8Array): void => session.sendBytes(exchange, target, target.byteLength, false)
  if (answer instanceof Promise) session.later(exchange, answer, finish)
  else if (typeof answer === 'number') session.fail(exchange, answer)
  else finish(answer)
}

/** struct fuse_setxattr_in, then the name, then the value. */
export function setxattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const extended = (session.negotiated & initFlags.setxattrExt) !== 0n
  const nameAt = headerBytes + (extended ? 16 : 8)
  const valueAt = input.nameEnd(nameAt) + 1
  const size = input.word(headerBytes)
  if (valueAt <= nameAt || size > input.length - valueAt) return session.fail(exchange, -errno.EINVAL)
  const name = input.name(nameAt)
  if (name.length > nameBytesMax) return session.fail(exchange, -errno.ERANGE)
  const value = input.copy(valueAt, size)
  const killSgid = extended && (input.word(headerBytes + 8) & setxattrKillSgid) !== 0
  const flags = input.word(headerBytes + 4)
  session.answerStatus(exchange, session.handler.setxattr(exchange.node, name, value, flags, killSgid, exchange), nothing)
}

/** struct fuse_getxattr_in: room for 0 bytes asks for the size. */
function sendAttribute(session: Session, exchange: Exchange, answer: Answer<Uint8Array>): void {
  const finish = (value: Uint8Array): void => {
    if (exchange.sizeMax === 0) session.answerStatus(exchange, value.byteLength, encodeSize)
    else if (value.byteLength > exchange.sizeMax) session.fail(exchange, -errno.ERANGE)
    else session.sendBytes(exchange, value, value.byteLength, false)
  }
  if (answer instanceof Promise) session.later(exchange, answer, finish)
  else if (typeof answer === 'number') session.fail(exchange, answer)
  else finish(answer)
}

/** struct fuse_getxattr_out */
function encodeSize(session: Session, at: number, size: number): number {
  putLong(session.arena.view, at, size)
  return 8
}

export function getxattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  exchange.sizeMax = input.word(headerBytes)
  sendAttribute(session, exchange, session.handler.getxattr(exchange.node, input.name(headerBytes + 8), exchange))
}

export function listxattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  exchange.sizeMax = input.word(headerBytes)
  sendAttribute(session, exchange, session.handler.listxattr(exchange.node, exchange))
}

export function removexattr(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes)
  session.answerStatus(exchange, session.handler.removexattr(exchange.node, name, exchange), nothing)
}
