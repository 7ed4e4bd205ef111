// Replies as the kernel reads them, written into an arena of fixed slots that the addon sends from: struct
// fuse_out_header (16 bytes: len, error, unique), then the operation's own structure. No allocation on the way.
import type { Attributes, VolumeStatistics } from './handler.js'
import { slotLayout } from './native.js'

export const outHeaderBytes = 16
/** sizeof(struct fuse_attr), fuse_entry_out, fuse_attr_out, fuse_open_out, fuse_kstatfs, fuse_statx_out. */
export const attributeBytes = 88
export const entryBytes = 40 + attributeBytes
export const attributeReplyBytes = 16 + attributeBytes
export const openReplyBytes = 16
export const statisticsBytes = 80
export const statxBytes = 288

const blockSize = 4096

/** A time-out as the protocol has it. */
export interface Validity {
  readonly sec: number
  readonly nsec: number
}

export function validity(seconds: number): Validity {
  const sec = Math.floor(Math.max(0, seconds))
  return { sec, nsec: Math.floor((Math.max(0, seconds) - sec) * 1e9) }
}

export function putLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  // Nearly all are small, and a division takes longer than all else here.
  view.setUint32(at + 4, value >= 0 && value < 0x100000000 ? 0 : Math.floor(value / 0x100000000) >>> 0, true)
}

/** struct fuse_attr */
export function putAttributes(view: DataView, at: number, from: Attributes): void {
  putLong(view, at, from.ino)
  putLong(view, at + 8, from.size)
  putLong(view, at + 16, from.blocks)
  putLong(view, at + 24, from.atimeSec)
  putLong(view, at + 32, from.mtimeSec)
  putLong(view, at + 40, from.ctimeSec)
  view.setUint32(at + 48, from.atimeNsec, true)
  view.setUint32(at + 52, from.mtimeNsec, true)
  view.setUint32(at + 56, from.ctimeNsec, true)
  view.setUint32(at + 60, from.mode, true)
  view.setUint32(at + 64, from.nlink, true)
  view.setUint32(at + 68, from.uid, true)
  view.setUint32(at + 72, from.gid, true)
  view.setUint32(at + 76, from.rdev, true)
  view.setUint32(at + 80, blockSize, true)
  view.setUint32(at + 84, 0, true)
}

export interface Validities {
  readonly entry: Validity
  readonly attributes: Validity
}

/** Of the name. */
function entryValidity({ entrySeconds }: Attributes, valid: Validities): Validity {
  return entrySeconds === undefined ? valid.entry : validity(entrySeconds)
}

function attributeValidity({ attributeSeconds }: Attributes, valid: Validities): Validity {
  return attributeSeconds === undefined ? valid.attributes : validity(attributeSeconds)
}

/** struct fuse_entry_out. Generation 0: inode numbers are never used twice. */
export function putEntry(view: DataView, at: number, from: Attributes, valid: Validities): void {
  putLong(view, at, from.nodeid ?? from.ino)
  putLong(view, at + 8, 0)
  const entry = entryValidity(from, valid)
  const attributes = attributeValidity(from, valid)
  putLong(view, at + 16, entry.sec)
  putLong(view, at + 24, attributes.sec)
  view.setUint32(at + 32, entry.nsec, true)
  view.setUint32(at + 36, attributes.nsec, true)
  putAttributes(view, at + 40, from)
}

/** struct fuse_entry_out with node id 0: the kernel remembers that the name is not there. */
export function putNoEntry(view: DataView, at: number, from: Attributes, valid: Validities): void {
  for (let word = 0; word < entryBytes; word += 4) view.setUint32(at + word, 0, true)
  const entry = entryValidity(from, valid)
  putLong(view, at + 16, entry.sec)
  view.setUint32(at + 32, entry.nsec, true)
}

/** struct fuse_attr_out */
export function putAttributeReply(view: DataView, at: number, from: Attributes, valid: Validities): void {
  const { sec, nsec } = attributeValidity(from, valid)
  putLong(view, at, sec)
  view.setUint32(at + 8, nsec, true)
  view.setUint32(at + 12, 0, true)
  putAttributes(view, at + 16, from)
}

/** struct fuse_open_out */
export function putOpen(view: DataView, at: number, handle: number, flags: number): void {
  putLong(view, at, handle)
  view.setUint32(at + 8, flags, true)
  view.setUint32(at + 12, 0, true)
}

/** struct fuse_kstatfs */
export function putStatistics(view: DataView, at: number, from: VolumeStatistics): void {
  putLong(view, at, from.blocks)
  putLong(view, at + 8, from.blocksFree)
  putLong(view, at + 16, from.blocksAvailable)
  putLong(view, at + 24, from.files)
  putLong(view, at + 32, from.filesFree)
  view.setUint32(at + 40, from.blockSize, true)
  view.setUint32(at + 44, from.nameLengthMax, true)
  view.setUint32(at + 48, from.blockSize, true)
  for (let word = 52; word < statisticsBytes; word += 4) view.setUint32(at + word, 0, true)
}

/** STATX_BASIC_STATS | STATX_BTIME of <linux/stat.h>. */
const statxMask = 0xfff

/** struct fuse_statx_out with its struct fuse_statx. */
export function putStatx(view: DataView, at: number, from: Attributes, valid: Validities): void {
  for (let word = 0; word < statxBytes; word += 4) view.setUint32(at + word, 0, true)
  const { sec, nsec } = attributeValidity(from, valid)
  putLong(view, at, sec)
  view.setUint32(at + 8, nsec, true)
  const body = at + 32
  view.setUint32(body, statxMask, true)
  view.setUint32(body + 4, blockSize, true)
  view.setUint32(body + 16, from.nlink, true)
  view.setUint32(body + 20, from.uid, true)
  view.setUint32(body + 24, from.gid, true)
  view.setUint16(body + 28, from.mode, true)
  putLong(view, body + 32, from.ino)
  putLong(view, body + 40, from.size)
  putLong(view, body + 48, from.blocks)
  putStatxTime(view, body + 64, from.atimeSec, from.atimeNsec)
  putStatxTime(view, body + 80, from.btimeSec, from.btimeNsec)
  putStatxTime(view, body + 96, from.ctimeSec, from.ctimeNsec)
  putStatxTime(view, body + 112, from.mtimeSec, from.mtimeNsec)
  view.setUint32(body + 128, (from.rdev >>> 8) & 0xfff, true)
  view.setUint32(body + 132, (from.rdev & 0xff) | ((from.rdev >>> 12) & 0xfff00), true)
}

function putStatxTime(view: DataView, at: number, sec: number, nsec: number): void {
  putLong(view, at, sec)
  view.setUint32(at + 8, nsec, true)
}

/** The memory that replies are sent from. */
export class ReplyArena {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly view: DataView<ArrayBuffer>

  constructor(slots: number) {
    this.bytes = new Uint8Array(slots * slotLayout.bytes)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Where the operation's own structure goes. */
  body(slot: number): number {
    return slot * slotLayout.bytes + slotLayout.reply + outHeaderBytes
  }

  /** struct fuse_out_header, and no inode to count; `error` is 0 or negative. */
  begin(slot: number, bodyBytes: number, error: number, uniqueLow: number, uniqueHigh: number): void {
    const at = slot * slotLayout.bytes
    putLong(this.view, at + slotLayout.countedIno, 0)
    this.view.setUint32(at + slotLayout.reply, outHeaderBytes + bodyBytes, true)
    this.view.setInt32(at + slotLayout.reply + 4, error, true)
    this.view.setUint32(at + slotLayout.reply + 8, uniqueLow, true)
    this.view.setUint32(at + slotLayout.reply + 12, uniqueHigh, true)
  }

  /** Once the kernel took the reply it holds one more reference to this inode. */
  countsIno(slot: number, ino: number): void {
    putLong(this.view, slot * slotLayout.bytes + slotLayout.countedIno, ino)
  }

  /** The whole reply in a slot, header and all. */
  reply(slot: number): Uint8Array {
    const at = slot * slotLayout.bytes + slotLayout.reply
    return this.bytes.subarray(at, at + this.view.getUint32(at, true))
  }

  result(slot: number): number {
    return this.view.getInt32(slot * slotLayout.bytes + slotLayout.result, true)
  }
}
