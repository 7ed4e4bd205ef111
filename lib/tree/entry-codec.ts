// Entries as bytes: FORMAT "Entry record". The same encoding serves the catalog's rows, the log's images and the
// manifest's operations.
import { VaultError, invariant } from '../terms/errors.js'
import type { EntryId } from '../terms/bytes.js'
import { noContent, type Entry, type Name } from './entry.js'

const rebuild = "Unmount, then run 'vaultfs rebuild': the catalog is made anew."

/** Bytes of the fixed part: version, id, 17 numbers. */
const fixedBytes = 1 + 16 + 4 * 5 + 8 * 2 + 12 * 4 + 8 + 4 + 2

/** Fixed part ‖ u16 target length ‖ target. Neither names, xattrs nor content are in it. */
export function encodedAttributesBytes(entry: Entry): number {
  return fixedBytes + (entry.target?.byteLength ?? 0)
}

export function encodeAttributes(entry: Entry, out: Buffer, at: number): number {
  out[at] = 1
  out.set(entry.id, at + 1)
  let end = at + 17
  for (const value of [entry.mode, entry.nlink, entry.uid, entry.gid, entry.rdev]) end = out.writeUInt32LE(value, end)
  end = writeU64(out, entry.size, end)
  end = writeU64(out, entry.blocks, end)
  end = writeTime(out, entry.atimeSec, entry.atimeNsec, end)
  end = writeTime(out, entry.mtimeSec, entry.mtimeNsec, end)
  end = writeTime(out, entry.ctimeSec, entry.ctimeNsec, end)
  end = writeTime(out, entry.btimeSec, entry.btimeNsec, end)
  end = writeU64(out, entry.parent, end)
  end = out.writeUInt32LE(entry.children, end)
  end = out.writeUInt16LE(entry.target?.byteLength ?? 0, end)
  if (entry.target !== null) out.set(entry.target, end)
  return end + (entry.target?.byteLength ?? 0)
}

/** The entry at `at`, without xattrs and content, and where it ends. */
export function decodeAttributes(input: Buffer, at: number, ino: number): { entry: Entry; end: number } {
  if (input[at] !== 1 || at + fixedBytes > input.byteLength) throw damaged(ino)
  const id = Uint8Array.prototype.slice.call(input, at + 1, at + 17) as EntryId
  let from = at + 17
  const u32 = (): number => input.readUInt32LE((from += 4) - 4)
  const u64 = (): number => readU64(input, (from += 8) - 8)
  // Seconds are doubles here, and some far ones are above 2^53 (touch(1) takes years of ten digits): then they are what a
  // double can say exactly, or no encoder of ours wrote them.
  let areExact = true
  const i64 = (): number => {
    const value = readI64(input, (from += 8) - 8)
    if (!Number.isSafeInteger(value) && BigInt(value) !== input.readBigInt64LE(from - 8)) areExact = false
    return value
  }
  const mode = u32(), nlink = u32(), uid = u32(), gid = u32(), rdev = u32()
  const size = u64(), blocks = u64()
  const atimeSec = i64(), atimeNsec = u32(), mtimeSec = i64(), mtimeNsec = u32()
  const ctimeSec = i64(), ctimeNsec = u32(), btimeSec = i64(), btimeNsec = u32()
  const parent = u64(), children = u32()
  const targetLength = input.readUInt16LE(from)
  const end = from + 2 + targetLength
  if (end > input.byteLength) throw new VaultError('corrupt', `The record of entry ${ino} is cut short`, { subject: `entry ${ino}` })
  if (!areExact || ![size, blocks, parent].every(Number.isSafeInteger)) throw damaged(ino)
  const target = targetLength === 0 ? null : new Uint8Array(input.subarray(from + 2, end))
  const entry: Entry = {
    ino, id, mode, nlink, uid, gid, rdev, size, blocks, atimeSec, atimeNsec, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec,
    btimeSec, btimeNsec, parent, children, target, xattrs: null, content: noContent,
  }
  return { entry, end }
}

function damaged(ino: number): VaultError {
  return new VaultError('corrupt', `The record of entry ${ino} is damaged`, { subject: `entry ${ino}`, next: rebuild })
}

export function encodeXattrs(xattrs: ReadonlyMap<Name, Uint8Array> | null): Buffer {
  if (xattrs === null || xattrs.size === 0) return Buffer.alloc(0)
  const parts: Buffer[] = []
  for (const [name, value] of xattrs) {
    const head = Buffer.alloc(6)
    head.writeUInt16LE(name.length, 0)
    head.writeUInt32LE(value.byteLength, 2)
    parts.push(head, Buffer.from(name, 'latin1'), Buffer.from(value))
  }
  return Buffer.concat(parts)
}

export function decodeXattrs(input: Buffer): Map<Name, Uint8Array> | null {
  if (input.byteLength === 0) return null
  const xattrs = new Map<Name, Uint8Array>()
  for (let at = 0; at < input.byteLength; ) {
    const hasHead = at + 6 <= input.byteLength
    const nameEnd = hasHead ? at + 6 + input.readUInt16LE(at) : Infinity
    const end = hasHead ? nameEnd + input.readUInt32LE(at + 2) : Infinity
    if (end > input.byteLength) throw new VaultError('corrupt', 'An extended attribute is cut short', { next: rebuild })
    const name = input.toString('latin1', at + 6, nameEnd)
    if (xattrs.has(name)) throw new VaultError('corrupt', 'An extended attribute is there twice', { next: rebuild })
    xattrs.set(name, new Uint8Array(input.subarray(nameEnd, end)))
    at = end
  }
  return xattrs
}

export function writeU64(out: Buffer, value: number, at: number): number {
  invariant(value >= 0, 'a negative number where none can be')
  out.writeUInt32LE(value % 0x1_0000_0000, at)
  return out.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4)
}

export function readU64(input: Buffer, at: number): number {
  return input.readUInt32LE(at) + input.readUInt32LE(at + 4) * 0x1_0000_0000
}

function writeTime(out: Buffer, sec: number, nsec: number, at: number): number {
  // Seconds are signed: files from before 1970 keep their times.
  const high = Math.floor(sec / 0x1_0000_0000)
  out.writeUInt32LE(sec - high * 0x1_0000_0000, at)
  out.writeInt32LE(high, at + 4)
  return out.writeUInt32LE(nsec, at + 8)
}

function readI64(input: Buffer, at: number): number {
  return input.readUInt32LE(at) + input.readInt32LE(at + 4) * 0x1_0000_0000
}
