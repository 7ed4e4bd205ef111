// What one change of the tree leaves in the log: after-images, applied as one. Replaying them twice, or over a state
// that has them already, changes nothing. FORMAT "Log: images".
import type { EntryId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { Entry, Name } from './entry.js'
import { decodeAttributes, decodeXattrs, encodeAttributes, encodedAttributesBytes, encodeXattrs, readU64, writeU64 } from './entry-codec.js'

export interface DirentImage {
  readonly parent: number
  readonly name: Name
  /** 0: no entry has the name any more. */
  readonly ino: number
  /** The listing position of the name; unique in the vault, ascending in time. */
  readonly cookie: number
  /** What the name meant before this change; 0: nothing. */
  readonly was: number
  /** Ids of `parent` and, unless it is 0, of `was`: both may be gone when the record is read again. */
  readonly parentId: EntryId
  readonly wasId: EntryId | undefined
  /** True when this very change put `ino` in the place of `was` (rename over): `was` must not vanish before `ino` is published. */
  readonly displaced: boolean
}

export interface GoneImage {
  readonly ino: number
  readonly id: EntryId
}

export interface Images {
  readonly entries: readonly Entry[]
  /** Which of `entries` carry new xattrs. */
  readonly xattrsOf: ReadonlySet<number>
  /** Which of `entries` did not exist before. */
  readonly born: ReadonlySet<number>
  readonly gone: readonly GoneImage[]
  readonly dirents: readonly DirentImage[]
}

const tag = { entry: 1, gone: 2, dirent: 3 } as const
/** Tag, number, id. */
const goneBytes = 1 + 8 + 16
/** Tag, four numbers, two ids, a flag, the name's length. */
const direntFixedBytes = 1 + 4 * 8 + 2 * 16 + 1 + 2
const flag = { xattrs: 1, born: 2 } as const

export function encodeImages(images: Images): Buffer {
  const xattrs = images.entries.map((entry) => (images.xattrsOf.has(entry.ino) ? encodeXattrs(entry.xattrs) : undefined))
  let bytes = images.gone.length * goneBytes
  images.entries.forEach((entry, index) => {
    const extra = xattrs[index]
    bytes += 10 + encodedAttributesBytes(entry) + (extra === undefined ? 0 : 4 + extra.byteLength)
  })
  for (const dirent of images.dirents) bytes += direntFixedBytes + dirent.name.length
  const out = Buffer.allocUnsafe(bytes)
  let at = 0
  images.entries.forEach((entry, index) => {
    const extra = xattrs[index]
    out[at] = tag.entry
    at = writeU64(out, entry.ino, at + 1)
    out[at] = (extra === undefined ? 0 : flag.xattrs) | (images.born.has(entry.ino) ? flag.born : 0)
    at = encodeAttributes(entry, out, at + 1)
    if (extra !== undefined) {
      at = out.writeUInt32LE(extra.byteLength, at)
      at += extra.copy(out, at)
    }
  })
  for (const { ino, id } of images.gone) {
    out[at] = tag.gone
    at = writeU64(out, ino, at + 1)
    out.set(id, at)
    at += 16
  }
  for (const dirent of images.dirents) at = encodeDirent(dirent, out, at)
  return out
}

function encodeDirent(dirent: DirentImage, out: Buffer, at: number): number {
  out[at] = tag.dirent
  at = writeU64(out, dirent.parent, at + 1)
  at = writeU64(out, dirent.ino, at)
  at = writeU64(out, dirent.cookie, at)
  at = writeU64(out, dirent.was, at)
  out.set(dirent.parentId, at)
  if (dirent.wasId === undefined) out.fill(0, at + 16, at + 32)
  else out.set(dirent.wasId, at + 16)
  out[at + 32] = dirent.displaced ? 1 : 0
  at = out.writeUInt16LE(dirent.name.length, at + 33)
  return at + out.write(dirent.name, at, 'latin1')
}

export function decodeImages(input: Buffer): Images {
  const images = { entries: [] as Entry[], xattrsOf: new Set<number>(), born: new Set<number>(), gone: [] as GoneImage[], dirents: [] as DirentImage[] }
  for (let at = 0; at < input.byteLength; ) {
    const kind = input[at]
    if (kind === tag.entry) {
      requireBytes(input, at + 10)
      at = decodeEntry(input, at + 9, readNumber(input, at + 1), images)
    } else if (kind === tag.gone) {
      requireBytes(input, at + goneBytes)
      images.gone.push({ ino: readNumber(input, at + 1), id: new Uint8Array(input.subarray(at + 9, at + goneBytes)) as EntryId })
      at += goneBytes
    } else if (kind === tag.dirent) {
      requireBytes(input, at + direntFixedBytes)
      const end = at + direntFixedBytes + input.readUInt16LE(at + 66)
      requireBytes(input, end)
      images.dirents.push(decodeDirent(input, at, end))
      at = end
    } else {
      throw new VaultError('format-unknown', `The log holds an image of kind ${String(kind)}`, { next: 'Use a newer VaultFS.' })
    }
  }
  return images
}

function requireBytes(input: Buffer, end: number): void {
  if (end > input.byteLength) throw damaged('is cut short')
}

function readNumber(input: Buffer, at: number): number {
  const number = readU64(input, at)
  if (!Number.isSafeInteger(number)) throw damaged('has a number above 2^53')
  return number
}

function damaged(what: string): VaultError {
  return new VaultError('corrupt', `An image in the log ${what}`, { subject: 'log' })
}

function decodeDirent(input: Buffer, at: number, end: number): DirentImage {
  const id = (from: number): EntryId => new Uint8Array(input.subarray(from, from + 16)) as EntryId
  const was = readNumber(input, at + 25)
  const displaced = input[at + 65] ?? 0
  if (displaced > 1 || (was === 0 && input.subarray(at + 49, at + 65).some((byte) => byte !== 0))) throw damaged('says what no image says')
  return {
    parent: readNumber(input, at + 1), ino: readNumber(input, at + 9), cookie: readNumber(input, at + 17), was,
    parentId: id(at + 33), wasId: was === 0 ? undefined : id(at + 49), displaced: displaced === 1,
    name: input.toString('latin1', at + direntFixedBytes, end),
  }
}

function decodeEntry(input: Buffer, at: number, ino: number, into: { entries: Entry[]; xattrsOf: Set<number>; born: Set<number> }): number {
  const flags = input[at] ?? 0
  if ((flags & ~(flag.xattrs | flag.born)) !== 0) throw damaged(`has the unknown flags ${flags}`)
  const { entry, end } = decodeAttributes(input, at + 1, ino)
  into.entries.push(entry)
  if ((flags & flag.born) !== 0) into.born.add(ino)
  if ((flags & flag.xattrs) === 0) return end
  requireBytes(input, end + 4)
  const length = input.readUInt32LE(end)
  requireBytes(input, end + 4 + length)
  entry.xattrs = decodeXattrs(input.subarray(end + 4, end + 4 + length))
  into.xattrsOf.add(ino)
  return end + 4 + length
}
