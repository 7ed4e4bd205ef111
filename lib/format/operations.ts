// What a manifest entry says happened: operations that name entries by their random ids, never by path. FORMAT §7.3.
// Attributes and content are opaque here (lib/tree and lib/content encode them). A code that is not known stops the
// reader: skipping an operation would make two devices see two trees.

import type { DeviceId, EntryId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { RetentionPolicy } from '../terms/retention.js'
import { blobReferenceBytes } from './blob-reference.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

export type Operation =
  /** A new entry; it has no name until a link gives it one. `ino`: the number that it has in the vault. */
  | { readonly kind: 'create'; readonly id: EntryId; readonly ino: number; readonly attributes: Uint8Array }
  | { readonly kind: 'link'; readonly id: EntryId; readonly parent: EntryId; readonly name: Uint8Array }
  | { readonly kind: 'unlink'; readonly id: EntryId; readonly parent: EntryId; readonly name: Uint8Array }
  | {
    readonly kind: 'move'; readonly id: EntryId; readonly fromParent: EntryId; readonly fromName: Uint8Array
    readonly parent: EntryId; readonly name: Uint8Array
  }
  | { readonly kind: 'attributes'; readonly id: EntryId; readonly attributes: Uint8Array }
  /** `bases`: the hashes (32 bytes) of the content references that it replaces. */
  | { readonly kind: 'content'; readonly id: EntryId; readonly size: number; readonly content: Uint8Array; readonly bases: readonly Uint8Array[] }
  /** The entry is gone from every name. */
  | { readonly kind: 'trash'; readonly id: EntryId }
  | { readonly kind: 'snapshot'; readonly name: Uint8Array; readonly sec: number; readonly nsec: number }
  /** A member record with its owner's signature. */
  | { readonly kind: 'member'; readonly record: Uint8Array }
  /** Retention as it was applied: what of the past is let go of follows from this and the state before. */
  | { readonly kind: 'forget'; readonly nowSec: number; readonly policy: RetentionPolicy; readonly drop: readonly Uint8Array[] }
  /** The whole state that the entries up to `cut` make, as pages of a Merkle tree. `index`: the encoded reference of its top page. */
  | { readonly kind: 'state'; readonly root: Uint8Array; readonly entries: number; readonly cut: readonly CutPoint[]; readonly index: Uint8Array }

/** The newest entry of a device that a state holds. */
export interface CutPoint {
  readonly deviceId: DeviceId
  readonly sequence: number
  readonly hash: Uint8Array
}

const codes = {
  create: 1, link: 2, unlink: 3, move: 4, attributes: 5, content: 6, trash: 7, snapshot: 8, member: 9, forget: 10, state: 11,
} as const satisfies Record<Operation['kind'], number>

const offsetMinMax = 1440

/** One operation, without the length that frames it in an entry. */
export function encodeOperation(operation: Operation): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(128).u8(codes[operation.kind])
  switch (operation.kind) {
    case 'create':
      return writer.bytes(operation.id).varint(operation.ino).lengthPrefixed(operation.attributes).take()
    case 'link':
    case 'unlink':
      return writeName(writer.bytes(operation.id), operation.parent, operation.name).take()
    case 'move':
      writeName(writer.bytes(operation.id), operation.fromParent, operation.fromName)
      return writeName(writer, operation.parent, operation.name).take()
    case 'attributes':
      return writer.bytes(operation.id).lengthPrefixed(operation.attributes).take()
    case 'content':
      invariant(operation.bases.length <= limits.contentBasesMax, 'bases of a content that fit')
      writer.bytes(operation.id).varint(operation.size).lengthPrefixed(operation.content).varint(operation.bases.length)
      for (const base of operation.bases) writer.bytes(base)
      return writer.take()
    case 'trash':
      return writer.bytes(operation.id).take()
    case 'snapshot':
      return writer.lengthPrefixed(operation.name).u64(operation.sec).u32(operation.nsec).take()
    case 'member':
      return writer.lengthPrefixed(operation.record).take()
    case 'forget':
      return writeForget(writer, operation).take()
    case 'state':
      return writeState(writer, operation).take()
  }
}

/** Copies what it keeps. Throws 'corrupt', or 'format-unknown' for an operation of a newer VaultFS. */
export function decodeOperation(bytes: Uint8Array): Operation {
  const reader = new ByteReader(bytes, 'manifest operation')
  const operation = readOperation(reader)
  reader.end()
  return operation
}

function readOperation(reader: ByteReader): Operation {
  const code = reader.u8()
  switch (code) {
    case codes.create:
      return { kind: 'create', id: readId(reader), ino: reader.varint(), attributes: copyPrefixed(reader, limits.attributesBytesMax) }
    case codes.link:
      return { kind: 'link', id: readId(reader), ...readName(reader) }
    case codes.unlink:
      return { kind: 'unlink', id: readId(reader), ...readName(reader) }
    case codes.move: {
      const id = readId(reader)
      const from = readName(reader)
      return { kind: 'move', id, fromParent: from.parent, fromName: from.name, ...readName(reader) }
    }
    case codes.attributes:
      return { kind: 'attributes', id: readId(reader), attributes: copyPrefixed(reader, limits.attributesBytesMax) }
    case codes.content:
      return readContent(reader)
    case codes.trash:
      return { kind: 'trash', id: readId(reader) }
    case codes.snapshot:
      return { kind: 'snapshot', name: copyPrefixed(reader, limits.snapshotNameBytesMax), sec: reader.u64(), nsec: reader.u32() }
    case codes.member:
      return { kind: 'member', record: copyPrefixed(reader, limits.memberRecordBytesMax) }
    case codes.forget:
      return readForget(reader)
    case codes.state:
      return readState(reader)
    default:
      throw new VaultError('format-unknown', `manifest operation: written by a newer VaultFS (operation ${code})`, {
        subject: 'manifest', next: 'Update VaultFS and try again.',
      })
  }
}

function readContent(reader: ByteReader): Operation {
  const id = readId(reader)
  const size = reader.varint()
  const content = copyPrefixed(reader, limits.contentReferenceBytesMax)
  const count = reader.varint()
  if (count > limits.contentBasesMax) throw reader.corrupt(`${count} bases of one content`)
  return { kind: 'content', id, size, content, bases: Array.from({ length: count }, () => reader.copy(32)) }
}

function writeState(writer: ByteWriter, { root, entries, cut, index }: Extract<Operation, { kind: 'state' }>): ByteWriter {
  writer.bytes(root).varint(entries).varint(cut.length)
  for (const { deviceId, sequence, hash } of cut) writer.bytes(deviceId).u64(sequence).bytes(hash)
  return writer.lengthPrefixed(index)
}

function readState(reader: ByteReader): Operation {
  const root = reader.copy(32)
  const entries = reader.varint()
  const count = reader.varint()
  if (count > limits.dependenciesMax) throw reader.corrupt(`a state of ${count} devices`)
  const cut = Array.from({ length: count }, () => ({ deviceId: reader.copy(16) as Uint8Array as DeviceId, sequence: reader.u64(), hash: reader.copy(32) }))
  return { kind: 'state', root, entries, cut, index: copyPrefixed(reader, blobReferenceBytes) }
}

function writeForget(writer: ByteWriter, { nowSec, policy, drop }: Extract<Operation, { kind: 'forget' }>): ByteWriter {
  const { withinSec, hourly, daily, weekly, monthly, offsetMin } = policy
  invariant(Math.abs(offsetMin) <= offsetMinMax && drop.length <= limits.snapshotsDroppedMax, 'a retention that can be written')
  writer.u64(nowSec).varint(withinSec).varint(hourly).varint(daily).varint(weekly).varint(monthly).varint(offsetMin + offsetMinMax).varint(drop.length)
  for (const name of drop) writer.lengthPrefixed(name)
  return writer
}

function readForget(reader: ByteReader): Operation {
  const nowSec = reader.u64()
  const policy = {
    withinSec: reader.varint(), hourly: reader.varint(), daily: reader.varint(), weekly: reader.varint(), monthly: reader.varint(),
    offsetMin: reader.varint() - offsetMinMax,
  }
  const count = reader.varint()
  if (policy.offsetMin > offsetMinMax || count > limits.snapshotsDroppedMax) throw reader.corrupt('a retention that cannot be')
  return { kind: 'forget', nowSec, policy, drop: Array.from({ length: count }, () => copyPrefixed(reader, limits.snapshotNameBytesMax)) }
}

function writeName(writer: ByteWriter, parent: EntryId, name: Uint8Array): ByteWriter {
  invariant(parent.byteLength === 16 && name.byteLength <= limits.nameBytesMax, 'a parent id and a name that fit')
  return writer.bytes(parent).lengthPrefixed(name)
}

function readName(reader: ByteReader): { readonly parent: EntryId; readonly name: Uint8Array } {
  return { parent: readId(reader), name: copyPrefixed(reader, limits.nameBytesMax) }
}

function readId(reader: ByteReader): EntryId {
  return reader.copy(16) as Uint8Array as EntryId
}

function copyPrefixed(reader: ByteReader, lengthMax: number): Uint8Array {
  return new Uint8Array(reader.lengthPrefixed(lengthMax))
}
