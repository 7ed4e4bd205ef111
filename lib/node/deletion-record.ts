// An intent to delete as a node keeps it: which blobs it still marks, and which are being removed right now.
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { hex } from '../terms/bytes.js'

export interface MarkedBlobs {
  /** By the node's clock, seconds since 1970. */
  readonly dueSec: number
  /** When it was signed. */
  readonly sec: number
  /** Names in hexadecimal. */
  readonly blobs: ReadonlySet<string>
  /** Taken from `blobs` for good; nobody may be told that one of them is here. */
  readonly removing: ReadonlySet<string>
  /** Since when. */
  readonly removingSec: number
}

export function encodeMarked({ dueSec, sec, blobs, removing, removingSec }: MarkedBlobs): Uint8Array {
  const writer = new ByteWriter(32 + 32 * (blobs.size + removing.size)).u64(dueSec).u64(sec).u64(removingSec)
  for (const names of [blobs, removing]) {
    writer.u32(names.size)
    for (const name of names) writer.bytes(Buffer.from(name, 'hex'))
  }
  return writer.take()
}

export function decodeMarked(bytes: Uint8Array): MarkedBlobs {
  const reader = new ByteReader(bytes, 'deletion')
  const [dueSec, sec, removingSec] = [reader.u64(), reader.u64(), reader.u64()]
  const names = (): Set<string> => new Set(Array.from({ length: reader.u32() }, () => hex(reader.bytes(32))))
  return { dueSec, sec, removingSec, blobs: names(), removing: names() }
}
