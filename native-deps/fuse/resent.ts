// A request that the kernel sends again, because the daemon that read it died before it answered, and whose change was
// logged by then: it gets the answer that it would have got.
import type { Exchange } from './exchange.js'
import { opcodes } from './protocol.js'
import { outHeaderBytes, type ReplyArena } from './protocol-output.js'

/** Their answers begin with an entry, to which the kernel then holds a reference. */
const withEntry = new Set<number>([opcodes.symlink, opcodes.mknod, opcodes.mkdir, opcodes.link, opcodes.create, opcodes.tmpfile])

interface Answering {
  readonly arena: ReplyArena
  countsEntry(ino: number): void
}

/** An encoder: `reply` is a whole one, with the header of its day. */
export function encodeAgain(session: Answering, at: number, reply: Uint8Array, exchange: Exchange): number {
  session.arena.bytes.set(reply.subarray(outHeaderBytes), at)
  if (withEntry.has(exchange.opcode)) session.countsEntry(Number(session.arena.view.getBigUint64(at, true)))
  return reply.byteLength - outHeaderBytes
}
