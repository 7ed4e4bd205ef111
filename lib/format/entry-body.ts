// The plaintext inside a manifest entry: its place among all devices' entries and its batch of operations, padded so
// that its size tells a node only a bucket. FORMAT §7.2.

import type { DeviceId, ManifestHash } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { decodeOperation, encodeOperation, type Operation } from './operations.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

/** What the author had seen of another device's chain. */
export interface Dependency {
  readonly deviceId: DeviceId
  readonly sequence: number
  readonly hash: ManifestHash
}

export interface EntryBody {
  readonly lamport: number
  /** Wall clock of the author: for showing only, never for order. */
  readonly sec: number
  readonly nsec: number
  readonly deps: readonly Dependency[]
  readonly operations: readonly Operation[]
}

/** Throws 'too-large' when the batch does not fit: the publisher cuts far below. */
export function encodeEntryBody(body: EntryBody): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(1024).u32(0).u64(body.lamport).u64(body.sec).u32(body.nsec).varint(body.deps.length)
  for (const { deviceId, sequence, hash } of body.deps) writer.bytes(deviceId).u64(sequence).bytes(hash)
  writer.varint(body.operations.length)
  for (const operation of body.operations) writer.lengthPrefixed(encodeOperation(operation))
  const length = writer.length
  const padded = paddedBodyLength(length)
  if (padded > limits.entryBodyBytesMax) throw new VaultError('too-large', `a manifest entry of ${length} bytes`, { subject: 'manifest' })
  const bytes = writer.zeros(padded - length).take()
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

export function decodeEntryBody(bytes: Uint8Array): EntryBody {
  const outer = new ByteReader(bytes, 'manifest entry body')
  const length = outer.u32()
  if (length < 4 || length > bytes.byteLength || paddedBodyLength(length) !== bytes.byteLength) throw outer.corrupt(`a length of ${length}`)
  if (bytes.subarray(length).some((byte) => byte !== 0)) throw outer.corrupt('padding that is not zero')
  const reader = new ByteReader(bytes.subarray(4, length), 'manifest entry body')
  const lamport = reader.u64()
  const sec = reader.u64()
  const nsec = reader.u32()
  const depCount = reader.varint()
  if (depCount > limits.dependenciesMax) throw reader.corrupt(`${depCount} dependencies`)
  const deps = Array.from({ length: depCount }, () => ({
    deviceId: reader.copy(16) as Uint8Array as DeviceId, sequence: reader.u64(), hash: reader.copy(32) as Uint8Array as ManifestHash,
  }))
  const count = reader.varint()
  // Each takes two bytes at least: a count beyond that is a lie that would cost memory.
  if (count > reader.remaining / 2) throw reader.corrupt(`${count} operations`)
  const operations = Array.from({ length: count }, () => decodeOperation(reader.lengthPrefixed(limits.operationBytesMax)))
  reader.end()
  return { lamport, sec, nsec, deps, operations }
}

/** No body is shorter. */
export const paddedBodyBytesMin = 512

/** 512·2^n or 724·2^n. */
export function paddedBodyLength(length: number): number {
  let even = paddedBodyBytesMin
  let odd = 724
  for (;;) {
    if (length <= even) return even
    if (length <= odd) return odd
    even *= 2
    odd *= 2
  }
}
