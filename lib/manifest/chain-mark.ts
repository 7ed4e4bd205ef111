// How far a chain is acknowledged: written, and synced, after each entry and before anybody hears of it. FORMAT §7.5.
// Without it a damaged last entry could not be told from one that a crash cut off, and would be dropped in silence.
// Two places in turn: a torn write destroys the older one.

import { sha256 } from '../../native-deps/sodium.js'
import { equalBytes, type ManifestHash } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { ChainFile } from './chain-file.js'

const magic = 0x56_46_4b_01
/** Each in a sector of its own. */
const places = [0, 4096] as const
const bodyBytes = 4 + 8 + 8 + 8 + 32
const checkBytes = 16

export interface Acknowledged {
  readonly sequence: number
  /** Where its entry begins and ends in the chain's file. */
  readonly start: number
  readonly end: number
  readonly hash: ManifestHash
}

/** Undefined: nothing was ever acknowledged, or the file is gone. */
export async function readMark(file: Pick<ChainFile, 'read'>): Promise<Acknowledged | undefined> {
  const bytes = await file.read(0, places[1] + bodyBytes + checkBytes)
  const found = places.map((place) => decode(bytes.subarray(place, place + bodyBytes + checkBytes)))
    .filter((mark) => mark !== undefined).sort((a, b) => b.sequence - a.sequence)
  if (found.length === 0 && bytes.byteLength > 0 && bytes.subarray(0, bodyBytes).some((byte) => byte !== 0)) {
    throw new VaultError('chain-broken', 'the mark of this device\'s chain is damaged in both places', { subject: 'manifest mark' })
  }
  return found[0]
}

/** Durable when it resolves. */
export async function writeMark(file: ChainFile, mark: Acknowledged): Promise<void> {
  const writer = new ByteWriter(bodyBytes + checkBytes).u32(magic).u64(mark.sequence).u64(mark.start).u64(mark.end).bytes(mark.hash)
  writer.bytes(sha256(writer.view()).subarray(0, checkBytes))
  await file.write(places[mark.sequence % 2 === 0 ? 0 : 1], writer.take())
  await file.sync()
}

function decode(bytes: Uint8Array): Acknowledged | undefined {
  if (bytes.byteLength < bodyBytes + checkBytes) return undefined
  const body = bytes.subarray(0, bodyBytes)
  if (!equalBytes(sha256(body).subarray(0, checkBytes), bytes.subarray(bodyBytes))) return undefined
  const reader = new ByteReader(body, 'manifest mark')
  if (reader.u32() !== magic) return undefined
  const [sequence, start, end] = [reader.u64(), reader.u64(), reader.u64()]
  if (sequence === 0 || start >= end) throw reader.corrupt('a mark of no entry')
  return { sequence, start, end, hash: reader.copy(32) as Uint8Array as ManifestHash }
}
