// What the log says of content: FORMAT §10.3. Each carries the size and the times that hold
// after it, so that replaying it needs nothing else.
import { readBlobReference, writeBlobReference } from '../format/blob-reference.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { LogExtent } from '../store/log-port.js'
import type { Moment } from '../tree/entry.js'
import type { Source } from './extent.js'

export interface ContentChange {
  readonly ino: number
  readonly start: number
  readonly end: number
  /** Of the file after it, bytes. */
  readonly size: number
  /** Modification and change time after it. */
  readonly modified: Moment
  readonly changed: Moment
}

/** One stretch of a splice; a source of kind memory never gets there. `lsn` of the sources is the record's own. */
export interface SplicePart {
  readonly length: number
  readonly skip: number
  readonly source: { readonly kind: 'hole' } | Extract<Source, { kind: 'blob' }> | Extract<Source, { kind: 'log' }>
}

/** What was held of a file from a record on holds together from here on: it is one content that the file had. */
export interface GroupEnd {
  /** LSN of the group's first record. */
  readonly first: number
  /** Of an empty stretch: the size and times are what counts. */
  readonly change: ContentChange
}

/** Seconds may be negative: stored above this. */
const secondsBias = 2 ** 40

export function encodeChange(change: ContentChange): Uint8Array {
  return writeChange(new ByteWriter(64), change).take()
}

export function decodeChange(body: Uint8Array): ContentChange {
  const reader = new ByteReader(body, 'extent record')
  const change = readChange(reader)
  reader.end()
  return change
}

export function encodeGroupEnd({ first, change }: GroupEnd): Uint8Array {
  return writeChange(new ByteWriter(64).varint(first), change).take()
}

export function decodeGroupEnd(body: Uint8Array): GroupEnd {
  const reader = new ByteReader(body, 'group end')
  const first = reader.varint()
  const change = readChange(reader)
  reader.end()
  return { first, change }
}

export function encodeSplice(change: ContentChange, parts: readonly SplicePart[]): Uint8Array {
  const writer = writeChange(new ByteWriter(256), change).varint(parts.length)
  for (const { length, skip, source } of parts) {
    writer.varint(length).varint(skip)
    if (source.kind === 'hole') writer.u8(0)
    else if (source.kind === 'blob') writeBlobReference(writer.u8(1), source.reference)
    else writeLogExtent(writer.u8(2), source.extent)
  }
  return writer.take()
}

export function decodeSplice(body: Uint8Array, lsn: number): { change: ContentChange; parts: readonly SplicePart[] } {
  const reader = new ByteReader(body, 'splice record')
  const change = readChange(reader)
  const parts: SplicePart[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const length = reader.varint()
    const skip = reader.varint()
    const kind = reader.u8()
    if (kind === 0) parts.push({ length, skip, source: { kind: 'hole' } })
    else if (kind === 1) parts.push({ length, skip, source: { kind: 'blob', reference: readBlobReference(reader), lsn } })
    else if (kind === 2) parts.push({ length, skip, source: { kind: 'log', extent: readLogExtent(reader), lsn } })
    else throw reader.corrupt(`a part of the unknown kind ${kind}`)
  }
  reader.end()
  return { change, parts }
}

function writeChange(writer: ByteWriter, { ino, start, end, size, modified, changed }: ContentChange): ByteWriter {
  writer.varint(ino).varint(start).varint(end - start).varint(size)
  for (const { sec, nsec } of [modified, changed]) writer.varint(sec + secondsBias).varint(nsec)
  return writer
}

function readChange(reader: ByteReader): ContentChange {
  const ino = reader.varint()
  const start = reader.varint()
  const end = start + reader.varint()
  if (!Number.isSafeInteger(end)) throw reader.corrupt('a change past the end of all files')
  const size = reader.varint()
  const moment = (): Moment => ({ sec: reader.varint() - secondsBias, nsec: reader.varint() })
  const modified = moment()
  return { ino, start, end, size, modified, changed: moment() }
}

function writeLogExtent(writer: ByteWriter, extent: LogExtent): void {
  const { segment, position, length, lsn, generation, ino, offset } = extent
  for (const value of [segment, position, length, lsn, generation, ino, offset]) writer.varint(value)
}

function readLogExtent(reader: ByteReader): LogExtent {
  const segment = reader.varint(), position = reader.varint(), length = reader.varint(), lsn = reader.varint()
  return { segment, position, length, lsn, generation: reader.varint(), ino: reader.varint(), offset: reader.varint() }
}
