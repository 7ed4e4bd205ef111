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

/**
 * The fixed part is copied here to be read: a call for each number takes longer than all else of a listing's entry. Its
 * numbers, behind version and id, lie at whole words then.
 */
const record = new Uint8Array(120)
const words = new Uint32Array(record.buffer)
const signedWords = new Int32Array(record.buffer)
const recordAt = 3
const firstWord = 5

/** The entry at `at`, without xattrs and content, and where it ends. */
export function decodeAttributes(input: Buffer, at: number, ino: number): { entry: Entry; end: number } {
  if (input[at] !== 1 || at + fixedBytes > input.byteLength) throw damaged(ino)
  record.set(at === 0 && input.byteLength === fixedBytes ? input : input.subarray(at, at + fixedBytes), recordAt)
  const entry: Entry = {
    ino, id: record.slice(recordAt + 1, recordAt + 17) as EntryId,
    mode: u32(0), nlink: u32(1), uid: u32(2), gid: u32(3), rdev: u32(4), size: u64(5), blocks: u64(7),
    atimeSec: i64(9), atimeNsec: u32(11), mtimeSec: i64(12), mtimeNsec: u32(14),
    ctimeSec: i64(15), ctimeNsec: u32(17), btimeSec: i64(18), btimeNsec: u32(20),
    parent: u64(21), children: u32(23), target: null, xattrs: null, content: noContent,
  }
  const targetLength = u32(24) & 0xffff
  const end = at + fixedBytes + targetLength
  if (end > input.byteLength) throw new VaultError('corrupt', `The record of entry ${ino} is cut short`, { subject: `entry ${ino}` })
  const { size, blocks, parent, atimeSec, mtimeSec, ctimeSec, btimeSec } = entry
  const areExact = isExact(atimeSec, 9) && isExact(mtimeSec, 12) && isExact(ctimeSec, 15) && isExact(btimeSec, 18)
  if (!areExact || !Number.isSafeInteger(size) || !Number.isSafeInteger(blocks) || !Number.isSafeInteger(parent)) throw damaged(ino)
  if (targetLength > 0) entry.target = new Uint8Array(input.subarray(at + fixedBytes, end))
  return { entry, end }
}

function u32(word: number): number {
  return words[firstWord + word] ?? 0
}

function u64(word: number): number {
  return u32(word) + u32(word + 1) * 0x1_0000_0000
}

function i64(word: number): number {
  return u32(word) + (signedWords[firstWord + word + 1] ?? 0) * 0x1_0000_0000
}

/**
 * Seconds are doubles here, and some far ones are above 2^53 (touch(1) takes years of ten digits): then they are what a
 * double can say exactly, or no encoder of ours wrote them.
 */
function isExact(seconds: number, word: number): boolean {
  return Number.isSafeInteger(seconds) || BigInt(seconds) === (BigInt(signedWords[firstWord + word + 1] ?? 0) << 32n) + BigInt(u32(word))
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
