// The table of operations by their number, and which of them change something. What is not in it is answered ENOSYS,
// which tells the kernel not to ask again (mount/POSIX.md says why for each).
import * as attributes from './operations-attributes.js'
import * as directories from './operations-directories.js'
import * as entries from './operations-entries.js'
import * as files from './operations-files.js'
import { ioctl } from './operations-ioctl.js'
import type { Exchange } from './exchange.js'
import { opcodes, opcodesMax, openTruncate } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'
import type { Operation, Session } from './session.js'

/** struct fuse_interrupt_in. No reply: one whose request we don't know was answered already, we read in order. */
function interrupt(session: Session, input: RequestBuffer, exchange: Exchange): void {
  if (input.length < headerBytes + 8) return session.forgo(exchange)
  const high = input.word(headerBytes + 4) & 0x1fffff
  session.interrupt(high * 0x100000000 + input.word(headerBytes))
  session.forgo(exchange)
}

function destroy(session: Session, _input: RequestBuffer, exchange: Exchange): void {
  session.answerStatus(exchange, 0, entries.nothing)
}

export function operationTable(init: Operation): readonly (Operation | undefined)[] {
  const table = new Array<Operation | undefined>(opcodesMax).fill(undefined)
  const byName: Partial<Record<keyof typeof opcodes, Operation>> = {
    ...entries, ...attributes, ...directories, ...files, interrupt, destroy, ioctl, init,
  }
  for (const name of Object.keys(opcodes) as (keyof typeof opcodes)[]) table[opcodes[name]] = byName[name]
  return table
}

/** Bytes of the structures that the operations read, <linux/fuse.h>; what is not named here reads none. */
const structureBytes: Partial<Record<keyof typeof opcodes, number>> = {
  getattr: 16, setattr: 88, mknod: 16, mkdir: 8, rename: 8, link: 8, open: 8, read: 40, write: 40, release: 24, fsync: 16, setxattr: 8,
  getxattr: 8, listxattr: 8, flush: 24, init: 16, readdir: 40, fsyncdir: 16, create: 16, ioctl: 32, fallocate: 32,
  readdirplus: 40, rename2: 16, lseek: 24, copyFileRange: 56, tmpfile: 16, statx: 16, copyFileRange64: 56,
}
const bytesMin = new Uint8Array(opcodesMax).fill(headerBytes)
for (const [name, bytes] of Object.entries(structureBytes)) bytesMin[opcodes[name as keyof typeof opcodes]] = headerBytes + bytes

/** Whether it is as long as its structure: behind it lies what is left of another request. */
export function isWhole(input: RequestBuffer): boolean {
  return input.length >= (bytesMin[input.opcode] ?? headerBytes)
}

const changing = new Set<number>([
  opcodes.setattr, opcodes.symlink, opcodes.mknod, opcodes.mkdir, opcodes.unlink, opcodes.rmdir, opcodes.rename,
  opcodes.link, opcodes.write, opcodes.release, opcodes.fsync, opcodes.setxattr, opcodes.removexattr, opcodes.flush,
  opcodes.fsyncdir, opcodes.create, opcodes.fallocate, opcodes.rename2, opcodes.copyFileRange, opcodes.copyFileRange64,
  opcodes.syncfs, opcodes.tmpfile, opcodes.ioctl,
])

/** Whether the reply has to wait for the handler's log. */
export function isChanging(input: RequestBuffer): boolean {
  const opcode = input.opcode
  if (opcode === opcodes.open) return isWhole(input) && (input.word(headerBytes) & openTruncate) !== 0
  return changing.has(opcode)
}
