// Operations on names: what they read from a request, and what their answer looks like. A name longer than 255 bytes,
// or of none, never reaches the handler.
import type { Exchange } from './exchange.js'
import type { Answer, Attributes, CreateReply } from './handler.js'
import { errno, nameBytesMax } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'
import { entryBytes, openReplyBytes, putEntry, putNoEntry, putOpen } from './protocol-output.js'
import type { Session } from './session.js'

/** Stands for "no such name" where that is an answer and not an error. */
const noEntry: Attributes = {
  ino: 0, mode: 0, nlink: 0, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, atimeSec: 0, atimeNsec: 0, mtimeSec: 0,
  mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0,
}

export function nothing(): number {
  return 0
}

function encodeEntry(session: Session, at: number, attributes: Attributes): number {
  putEntry(session.arena.view, at, attributes, session.valid)
  session.countsEntry(attributes.nodeid ?? attributes.ino)
  return entryBytes
}

function encodeLookup(session: Session, at: number, attributes: Attributes): number {
  if (attributes.ino !== 0) return encodeEntry(session, at, attributes)
  putNoEntry(session.arena.view, at, attributes, session.valid)
  return entryBytes
}

function encodeCreate(session: Session, at: number, reply: CreateReply, exchange: Exchange): number {
  encodeEntry(session, at, reply.attributes)
  putOpen(session.arena.view, at + entryBytes, reply.handle, reply.flags)
  exchange.openedIno = reply.attributes.nodeid ?? reply.attributes.ino
  exchange.openedHandle = reply.handle
  return entryBytes + openReplyBytes
}

/** The kernel may remember that a name is not there; only a LOOKUP may say so. */
function orNoEntry(answer: Attributes | number): Attributes | number {
  return answer === -errno.ENOENT ? noEntry : answer
}

/** Too long, or none at all: answered. */
function isUnfit(session: Session, exchange: Exchange, name: string): boolean {
  if (name.length > 0 && name.length <= nameBytesMax) return false
  session.fail(exchange, name.length === 0 ? -errno.EINVAL : -errno.ENAMETOOLONG)
  return true
}

export function lookup(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes)
  if (isUnfit(session, exchange, name)) return
  const answer = session.handler.lookup(exchange.node, name, exchange)
  session.answer(exchange, answer instanceof Promise ? answer.then(orNoEntry) : orNoEntry(answer), encodeLookup)
}

export function symlink(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes)
  if (isUnfit(session, exchange, name)) return
  const start = input.nameEnd(headerBytes) + 1
  const target = input.copy(start, input.nameEnd(start) - start)
  session.answer(exchange, session.handler.symlink(exchange.node, name, target, exchange), encodeEntry)
}

/** struct fuse_mknod_in */
export function mknod(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes + 16)
  if (isUnfit(session, exchange, name)) return
  const [mode, rdev, umask] = [input.word(headerBytes), input.word(headerBytes + 4), input.word(headerBytes + 8)]
  session.answer(exchange, session.handler.mknod(exchange.node, name, mode, rdev, umask, exchange), encodeEntry)
}

/** struct fuse_mkdir_in */
export function mkdir(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes + 8)
  if (isUnfit(session, exchange, name)) return
  const mode = input.word(headerBytes)
  session.answer(exchange, session.handler.mkdir(exchange.node, name, mode, input.word(headerBytes + 4), exchange), encodeEntry)
}

export function unlink(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes)
  if (isUnfit(session, exchange, name)) return
  session.answerStatus(exchange, session.handler.unlink(exchange.node, name, exchange), nothing)
}

export function rmdir(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes)
  if (isUnfit(session, exchange, name)) return
  session.answerStatus(exchange, session.handler.rmdir(exchange.node, name, exchange), nothing)
}

/** struct fuse_rename_in: flags did not exist yet. */
export function rename(session: Session, input: RequestBuffer, exchange: Exchange): void {
  renameNames(session, input, exchange, { namesAt: headerBytes + 8, flags: 0 })
}

/** struct fuse_rename2_in */
export function rename2(session: Session, input: RequestBuffer, exchange: Exchange): void {
  renameNames(session, input, exchange, { namesAt: headerBytes + 16, flags: input.word(headerBytes + 8) })
}

interface RenameShape {
  readonly namesAt: number
  readonly flags: number
}

function renameNames(session: Session, input: RequestBuffer, exchange: Exchange, shape: RenameShape): void {
  const name = input.name(shape.namesAt)
  const newName = input.name(input.nameEnd(shape.namesAt) + 1)
  if (isUnfit(session, exchange, name) || isUnfit(session, exchange, newName)) return
  const newParent = input.long(headerBytes)
  session.answerStatus(
    exchange, session.handler.rename(exchange.node, name, newParent, newName, shape.flags, exchange), nothing)
}

/** struct fuse_link_in: the header's node is the new parent. */
export function link(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes + 8)
  if (isUnfit(session, exchange, name)) return
  session.answer(exchange, session.handler.link(input.long(headerBytes), exchange.node, name, exchange), encodeEntry)
}

/** struct fuse_create_in */
export function create(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const name = input.name(headerBytes + 16)
  if (isUnfit(session, exchange, name)) return
  const [flags, mode, umask] = [input.word(headerBytes), input.word(headerBytes + 4), input.word(headerBytes + 8)]
  session.answer(exchange, counted(session, exchange, flags, session.handler.create(exchange.node, name, mode, flags, umask, exchange)), encodeCreate)
}

/** It may have been there: page-stores.ts. */
function counted(session: Session, exchange: Exchange, flags: number, answer: Answer<CreateReply>): Answer<CreateReply> {
  if (answer instanceof Promise) return answer.then((settled) => counted(session, exchange, flags, settled))
  if (typeof answer === 'number') return answer
  exchange.openedFlags = flags
  const ino = answer.attributes.nodeid ?? answer.attributes.ino
  const storing = session.pageStores.opens(ino, flags)
  session.pageStores.opened(ino, flags)
  return storing?.then(() => answer) ?? answer
}

/** struct fuse_create_in; the name that follows means nothing. */
export function tmpfile(session: Session, input: RequestBuffer, exchange: Exchange): void {
  const [flags, mode, umask] = [input.word(headerBytes), input.word(headerBytes + 4), input.word(headerBytes + 8)]
  session.answer(exchange, counted(session, exchange, flags, session.handler.tmpfile(exchange.node, mode, flags, umask, exchange)), encodeCreate)
}
