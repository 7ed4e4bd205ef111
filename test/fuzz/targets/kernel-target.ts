// What /dev/fuse hands over: requests of any length with lengths in them that lie. Each is given to a whole session twice,
// in a buffer that held something else before: what a request does may not depend on what is left of another one.
import { negotiate, putInitReply, readOffer, initReplyBytes } from '../../../native-deps/fuse/negotiation.js'
import type { Attributes, Handler, MountOptions } from '../../../native-deps/fuse/handler.js'
import { slotLayout, type Channel } from '../../../native-deps/fuse/native.js'
import { isChanging, isWhole, operationTable } from '../../../native-deps/fuse/operations.js'
import { opcodes } from '../../../native-deps/fuse/protocol.js'
import { headerBytes, type RequestBuffer } from '../../../native-deps/fuse/protocol-input.js'
import { validity } from '../../../native-deps/fuse/protocol-output.js'
import { RequestBuffers } from '../../../native-deps/fuse/request-buffers.js'
import { PageStores } from '../../../native-deps/fuse/page-stores.js'
import { Session } from '../../../native-deps/fuse/session.js'
import { Spinner } from '../../../native-deps/fuse/spinner.js'
import { VaultError } from '../../../lib/terms/errors.js'
import type { Random } from '../../model/random.js'
import { Finding, require, same, type Field, type Target } from '../target.js'
import { magnitude, nameBytes } from './samples.js'

const writeBytesMax = 8192
const attributes: Attributes = {
  ino: 9, mode: 0o100644, nlink: 1, uid: 1, gid: 2, rdev: 0, size: 5, blocks: 8, atimeSec: 1, atimeNsec: 2, mtimeSec: 3, mtimeNsec: 4,
  ctimeSec: 5, ctimeNsec: 6, btimeSec: 7, btimeNsec: 8,
}
const opened = { handle: 3, flags: 0 }
const options: MountOptions = { mountPoint: '/m', source: 's', allowOther: false, readOnly: false, spinMicroseconds: 0, entrySeconds: 1, attributeSeconds: 1, writeback: false }

interface Exchanged {
  /** Method of the handler and what it was given; undefined: it was not asked. */
  readonly call: string | undefined
  readonly replies: readonly { readonly error: number; readonly bytes: Uint8Array }[]
}

/** Answers of all kinds; which request it is does not matter. */
function answersOf(calls: string[]): Handler {
  const answers: Readonly<Record<string, unknown>> = {
    lookup: attributes, getattr: attributes, setattr: attributes, symlink: attributes, mknod: attributes, mkdir: attributes, link: attributes,
    readlink: new Uint8Array(10), read: new Uint8Array(20), getxattr: new Uint8Array(6), listxattr: new Uint8Array(8),
    open: opened, create: { ...opened, attributes }, tmpfile: { ...opened, attributes }, write: 1, copyFileRange: 7, lseek: 5, getflags: 0x10,
    statfs: { blocks: 1, blocksFree: 1, blocksAvailable: 1, files: 1, filesFree: 1, blockSize: 4096, nameLengthMax: 255 },
  }
  const silentOnes = new Set(['afterBatch', 'forgotten', 'isLogged', 'ready', 'then'])
  return new Proxy({}, {
    get: (_, name) => (...args: unknown[]) => {
      if (silentOnes.has(String(name))) return undefined
      const caller = args.findLast((each) => typeof each === 'object' && each !== null && 'onAbort' in each) as { readonly uid: number } | undefined
      calls.push(`${String(name)} ${JSON.stringify(args.filter((each) => each !== caller && typeof each !== 'function').map(told))}`)
      if (name === 'readdir') (args[3] as (name: string, ino: number, mode: number, cookie: number, attributes: Attributes | null) => boolean)('name', 9, 0o100644, 1, attributes)
      const answer = answers[String(name)] ?? 0
      // Every other one comes later.
      return caller !== undefined && caller.uid % 2 === 1 ? Promise.resolve(answer) : answer
    },
  }) as Handler
}

function told(value: unknown): unknown {
  if (value === Infinity) return 'Infinity'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return value
}

/** A session with one buffer in which `before` stands; the request goes over it. */
async function exchanged(input: Uint8Array, before: number): Promise<Exchanged> {
  const calls: string[] = []
  const replies: { error: number; bytes: Uint8Array }[] = []
  const handler = answersOf(calls)
  let requests: RequestBuffer[] = []
  const session = new Session({
    handler, valid: { entry: validity(1), attributes: validity(1) }, changing: isChanging, fits: isWhole, spinner: new Spinner(0),
    logger: { log: (_, message, fields) => { throw new Finding(`${message} ${JSON.stringify(fields).slice(0, 300)}`) } },
    operations: operationTable((mine, buffer, exchange) => {
      const offer = readOffer(buffer)
      mine.answerStatus(exchange, 0, (_, at) => {
        putInitReply(mine.arena.view, at, offer, negotiate(offer, options))
        return initReplyBytes
      })
    }),
    onEnd: () => undefined, dropPages: () => Promise.resolve(), pageStores: new PageStores(() => undefined),
  })
  session.negotiated = (1n << 24n) | (1n << 29n)
  const take = (slot: number, data = new Uint8Array(0)): number => {
    const at = slot * slotLayout.bytes + slotLayout.reply
    const length = session.arena.view.getUint32(at, true)
    require(length - data.byteLength >= 16 && length - data.byteLength <= slotLayout.bytes - slotLayout.reply, `a reply of ${length} bytes`)
    replies.push({ error: session.arena.view.getInt32(at + 4, true), bytes: Buffer.concat([session.arena.bytes.slice(at, at + length - data.byteLength), data]) })
    return 0
  }
  let given = false
  const channel: Channel = {
    addBuffer: () => 0,
    read: () => {
      const [buffer] = requests
      if (given || buffer === undefined) return -11
      given = true
      buffer.bytes.set(input.subarray(0, buffer.bytes.byteLength))
      return Math.min(input.byteLength, buffer.bytes.byteLength)
    },
    reply: (slot) => take(slot),
    replyAll: (count) => {
      for (let slot = 0; slot < count; slot++) take(slot)
      return 0
    },
    replyData: (slot, bytes, length) => take(slot, bytes.slice(0, length)),
    setPolling: () => undefined, watch: () => false, takeForgotten: () => undefined, invalidateInode: () => 0, invalidateEntry: () => 0, storePages: () => 0,
    noticesSent: () => 0, close: () => undefined, inherit: () => 0,
  }
  session.channel = channel
  session.buffers = new RequestBuffers(channel, writeBytesMax)
  const buffer = session.buffers.take()
  if (buffer === undefined) throw new Error('no buffer')
  buffer.bytes.fill(before)
  session.buffers.giveBack(buffer)
  requests = [buffer]
  session.drain()
  for (let turns = 0; turns < 6; turns++) await Promise.resolve()
  session.drain()
  session.deferred.end()
  require(calls.length <= 1, `one request asks the handler ${calls.length} times`)
  return { call: calls[0], replies }
}

/** An INTERRUPT of nobody's node is answered EINVAL, which the kernel drops. */
const noReply = new Set<number>([opcodes.interrupt])
const methods: Readonly<Record<string, string>> = { statx: 'getattr', rename2: 'rename', copyFileRange64: 'copyFileRange', readdirplus: 'readdir', ioctl: '(getflags|setflags|shutdown)' }

const kernel: Target<Exchanged> = {
  name: 'kernel-request', says: 'requests of the kernel, <linux/fuse.h>', canonical: false, refusals: ['invalid'],
  // Two sessions and their replies.
  memoryBytes: 2 * 1024 * 1024,
  make: request,
  decode: async (input) => {
    // The addon answers EIO to what has no header; FORGET it keeps for itself.
    if (input.byteLength < headerBytes) throw new VaultError('invalid', 'shorter than a header')
    const opcode = Buffer.from(input).readUInt32LE(4)
    if (opcode === opcodes.forget || opcode === opcodes.batchForget) throw new VaultError('invalid', 'a forget')
    const [one, other] = [await exchanged(input, 0xee), await exchanged(input, 0x31)]
    const line = ({ call, replies }: Exchanged): string => `${call ?? ''} ${replies.map(({ bytes }) => Buffer.from(bytes).toString('hex')).join()}`
    require(line(one) === line(other), `what was in the buffer before shows:\n${line(one)}\n${line(other)}`)
    return one
  },
  judge: ({ call, replies }, input) => {
    const opcode = Buffer.from(input).readUInt32LE(4)
    const isUnheard = noReply.has(opcode) && replies.every(({ error }) => error < 0)
    require(replies.length === 1 || (replies.length === 0 && isUnheard), `${replies.length} replies`)
    require(!noReply.has(opcode) || isUnheard, 'what wants no reply is answered')
    for (const { bytes, error } of replies) {
      require(same(bytes.subarray(8, 16), input.subarray(8, 16)), 'a reply to another request')
      require(error <= 0 && error > -512, `error ${error}`)
      require(error === 0 || bytes.byteLength === 16, 'an error with more than a header')
    }
    if (call === undefined) return
    const name = Object.entries(opcodes).find(([, number]) => number === opcode)?.[0] ?? ''
    require(new RegExp(`^${methods[name] ?? name} `).test(call), `operation ${opcode} calls ${call}`)
    const given = JSON.parse(call.slice(call.indexOf(' ') + 1)) as unknown[]
    for (const argument of given) if (typeof argument === 'number') require(Number.isSafeInteger(argument), `an argument of ${argument}`)
    if (opcode === opcodes.write) require(String(given[3]).length === 2 * Buffer.from(input).readUInt32LE(headerBytes + 16), 'other data than the request says')
    if (opcode === opcodes.setxattr) require(String(given[2]).length === 2 * Buffer.from(input).readUInt32LE(headerBytes), 'another value than the request says')
    for (const name of namesOf(opcode, given)) require(name.length > 0 && name.length <= 255, `a name of ${name.length} bytes`)
  },
  fields: (valid) => {
    const words: Field[] = []
    for (let at = headerBytes; at + 4 <= Math.min(valid.byteLength, headerBytes + 88); at += 4) words.push({ at, length: 4, kind: 'little' })
    for (let at = headerBytes; at + 8 <= Math.min(valid.byteLength, headerBytes + 64); at += 8) words.push({ at, length: 8, kind: 'little' })
    return [{ at: 0, length: 4, kind: 'little' }, { at: 4, length: 4, kind: 'little' }, { at: 8, length: 8, kind: 'little' }, { at: 16, length: 8, kind: 'little' }, ...words]
  },
}

/** Arguments that become names in the tree. */
function namesOf(opcode: number, given: readonly unknown[]): readonly string[] {
  if (opcode === opcodes.rename || opcode === opcodes.rename2) return [String(given[1]), String(given[3])]
  if (opcode === opcodes.link) return [String(given[2])]
  const named: readonly number[] = [opcodes.lookup, opcodes.symlink, opcodes.mknod, opcodes.mkdir, opcodes.create, opcodes.unlink, opcodes.rmdir]
  return named.includes(opcode) ? [String(given[1])] : []
}

/** What stands before the names, bytes, and how many names follow: <linux/fuse.h>. */
const shapes: Readonly<Partial<Record<keyof typeof opcodes, readonly [number, number]>>> = {
  lookup: [0, 1], getattr: [16, 0], setattr: [88, 0], readlink: [0, 0], symlink: [0, 2], mknod: [16, 1], mkdir: [8, 1], unlink: [0, 1], rmdir: [0, 1],
  rename: [8, 2], link: [8, 1], open: [8, 0], read: [40, 0], write: [40, 0], statfs: [0, 0], release: [24, 0], fsync: [16, 0], setxattr: [16, 1],
  getxattr: [8, 1], listxattr: [8, 0], removexattr: [0, 1], flush: [24, 0], init: [64, 0], opendir: [8, 0], readdir: [40, 0], releasedir: [24, 0],
  fsyncdir: [16, 0], access: [8, 0], create: [16, 1], interrupt: [8, 0], destroy: [0, 0], ioctl: [32, 0], fallocate: [32, 0], readdirplus: [40, 0],
  rename2: [16, 2], lseek: [24, 0], copyFileRange: [56, 0], syncfs: [8, 0], tmpfile: [16, 1], statx: [24, 0], copyFileRange64: [56, 0],
}

function request(random: Random): Uint8Array {
  const [name, shape] = random.pick(Object.entries(shapes))
  const opcode = opcodes[name as keyof typeof opcodes]
  const [fixed, names] = shape
  const body = Buffer.alloc(fixed)
  for (let at = 0; at + 4 <= fixed; at += 4) if (random.chance(0.5)) body.writeUInt32LE(random.pick([0, 1, 2, 4, magnitude(random, 31)]), at)
  const parts = [body]
  for (let left = names; left > 0; left--) parts.push(Buffer.concat([Buffer.from(nameBytes(random)).map((byte) => byte || 1), Buffer.from([0])]))
  if (opcode === opcodes.write || opcode === opcodes.setxattr) {
    const data = Buffer.from(random.bytes(random.below(random.chance(0.05) ? 6000 : 60)))
    body.writeUInt32LE(data.byteLength, opcode === opcodes.write ? 16 : 0)
    parts.push(data)
  }
  if (opcode === opcodes.ioctl) {
    body.writeUInt32LE(random.pick([0x80086601, 0x40086602, 0x801c581f, 0x401c5820, 0x8004587d, 7]), 12)
    body.writeUInt32LE(28, 24)
    body.writeUInt32LE(random.pick([0, 4, 8, 28]), 28)
    parts.push(Buffer.alloc(28))
  }
  // The sizes of a whole connection are learned from the first one.
  if (opcode === opcodes.init) [7, 45, 131072].forEach((word, index) => body.writeUInt32LE(word, index * 4))
  // The kernel reads no further than a file may be.
  for (const at of [4, 12, 20, 28, 36]) if (at + 4 <= fixed && opcode !== opcodes.init && opcode !== opcodes.ioctl) body.writeUInt32LE(random.chance(0.9) ? 0 : 0x1000, at)
  const head = Buffer.alloc(headerBytes)
  head.writeUInt32LE(headerBytes + parts.reduce((sum, { byteLength }) => sum + byteLength, 0), 0)
  head.writeUInt32LE(opcode, 4)
  head.writeUInt32LE(random.below(2 ** 32), 8)
  head.writeUInt32LE(1 + random.below(100), 16)
  head.writeUInt32LE(random.below(4), 24)
  return new Uint8Array(Buffer.concat([head, ...parts]))
}

export const kernelTargets: readonly Target[] = [kernel]
