// The few fields of an entry record (FORMAT §10.1) that the fold itself looks at or writes, where they lie.
import { VaultError } from '../terms/errors.js'

const idAt = 1
const linkCountAt = 21
const sizeAt = 37
/** Blocks and access time: what is never versioned. */
const unversionedFrom = 45
const unversionedTo = 65

/** Whether two records differ in more than blocks and access time. */
export function differ(one: Buffer, other: Uint8Array): boolean {
  return one.byteLength !== other.byteLength || one.compare(other, 0, unversionedFrom, 0, unversionedFrom) !== 0 ||
    one.compare(other, unversionedTo, other.byteLength, unversionedTo, one.byteLength) !== 0
}

/** Stretches of the record that a person would call a change: mode; owner, device, size; modification time; the target. */
const visible = [[17, 21], [25, 45], [65, 77], [113, Infinity]] as const

/** A folder's times follow from what is in it, and everything's change time and link count from its names. */
export function looksDifferent(one: Buffer, other: Uint8Array): boolean {
  return visible.some(([from, to]) => {
    if (from === 65 && isDirectoryRecord(one)) return false
    return one.compare(other, from, Math.min(to, other.byteLength), from, Math.min(to, one.byteLength)) !== 0
  })
}

export function isDirectoryRecord(attributes: Uint8Array): boolean {
  const mode = (attributes[17] ?? 0) | ((attributes[18] ?? 0) << 8)
  return (mode & 0o170000) === 0o040000
}

/** The record of a copy of the file: another id and size, one name. */
export function withCopyOf(attributes: Buffer, id: Uint8Array, size: number): Buffer {
  const out = withSize(attributes, size)
  out.set(id, idAt)
  out.writeUInt32LE(1, linkCountAt)
  return out
}

export function withSize(attributes: Uint8Array, size: number): Buffer {
  const out = Buffer.from(attributes)
  out.writeUInt32LE(size % 0x1_0000_0000, sizeAt)
  out.writeUInt32LE(Math.floor(size / 0x1_0000_0000), sizeAt + 4)
  return out
}

const targetLengthAt = 113

/** Attributes and xattrs, which the manifest tells as one. Throws 'corrupt'. */
export function splitRecord(record: Buffer, ino: number): { readonly attributes: Buffer; readonly xattrs: Buffer | null } {
  const end = record.byteLength < targetLengthAt + 2 ? Infinity : targetLengthAt + 2 + record.readUInt16LE(targetLengthAt)
  if (end > record.byteLength) throw new VaultError('corrupt', `The record of entry ${ino} is cut short`, { subject: `entry ${ino}` })
  return { attributes: record.subarray(0, end), xattrs: end === record.byteLength ? null : record.subarray(end) }
}
