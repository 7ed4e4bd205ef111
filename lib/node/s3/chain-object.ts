// What was appended by one request is one object: it is there as a whole or not at all. S3.md, "Chains".
import type { ChainEntry } from '../node-storage.js'
import { ByteReader } from '../../format/reader.js'
import { ByteWriter } from '../../format/writer.js'
import type { ManifestHash } from '../../terms/bytes.js'
import { magicBytes, writerBytes } from './once.js'

/** 'VFC' and the version. */
const magic = 0x56_46_43_01
export const chainHeadBytes = magicBytes + writerBytes + 8 + 8 + 32 + 4
/** Of the shortest entry there can be, so that lengths are bounded. */
const entryBytesMin = 64

export interface ChainHead {
  /** Sequence of its first entry. */
  readonly first: number
  readonly count: number
  /** Of the chain up to its last entry. */
  readonly bytes: number
  /** Of its last entry. */
  readonly hash: ManifestHash
}

/** `bytesBefore`: of the chain before these entries. */
export function encodeChainObject(entries: readonly ChainEntry[], bytesBefore: number, writer: Uint8Array): Uint8Array {
  const [first, last] = [entries[0] as ChainEntry, entries.at(-1) as ChainEntry]
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0)
  const out = new ByteWriter(chainHeadBytes + 4 * entries.length + bytes).u32(magic).bytes(writer).u64(first.sequence).u64(bytesBefore + bytes).bytes(last.hash).u32(entries.length)
  for (const entry of entries) out.u32(entry.bytes.byteLength)
  for (const entry of entries) out.bytes(entry.bytes)
  return out.view()
}

/** Of an object's beginning. Throws 'corrupt'. */
export function decodeChainHead(bytes: Uint8Array, size: number): ChainHead {
  const reader = new ByteReader(bytes, 'object of a chain')
  if (reader.u32() !== magic) throw reader.corrupt('not one of ours')
  reader.bytes(writerBytes)
  const head = { first: reader.u64(), bytes: reader.u64(), hash: reader.copy(32) as Uint8Array as ManifestHash, count: reader.u32() }
  if (head.count === 0 || head.count * (4 + entryBytesMin) > size) throw reader.corrupt(`${head.count} entries in ${size} bytes`)
  return head
}

/** Of the bytes behind the head, `head.count` of them. */
export function decodeLengths(bytes: Uint8Array, head: ChainHead): number[] {
  const reader = new ByteReader(bytes, 'object of a chain')
  return Array.from({ length: head.count }, () => reader.u32())
}
