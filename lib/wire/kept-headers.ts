// The headers that a node keeps of a vault, beside the newest: whoever comes back looks through them when that one is not
// the vault's. PROTOCOL §7.
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { DeviceId } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'

/** What a node keeps at most. */
export const headersKeptMax = 64
const rowBytesMax = 8 + 16 + 4 + limits.headerBytesMax
export const keptHeadersBytesMax = headersKeptMax * rowBytesMax

export interface KeptHeader {
  /** When it came, by the node's clock, in seconds since 1970. */
  readonly sec: number
  /** Who brought it; zeros: that is not known any more. */
  readonly deviceId: DeviceId
  readonly bytes: Uint8Array
}

export function encodeKeptHeaders(headers: readonly KeptHeader[]): Uint8Array {
  const writer = new ByteWriter(rowBytesMax)
  for (const { sec, deviceId, bytes } of headers) writer.u64(sec).bytes(deviceId).lengthPrefixed(bytes)
  return writer.take()
}

/** Neither verified nor decoded. Throws 'corrupt'. */
export function decodeKeptHeaders(bytes: Uint8Array): readonly KeptHeader[] {
  const reader = new ByteReader(bytes, 'the headers that a node kept')
  const headers: KeptHeader[] = []
  while (reader.remaining > 0) {
    if (headers.length === headersKeptMax) throw reader.corrupt(`more than ${headersKeptMax}`)
    headers.push({ sec: reader.u64(), deviceId: reader.copy(16) as Uint8Array as DeviceId, bytes: new Uint8Array(reader.lengthPrefixed(limits.headerBytesMax)) })
  }
  return headers
}
