// The log's word that something is published: what of it need not be replayed. FORMAT "Log: published".
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import type { Name } from '../tree/entry.js'

export interface PublishedRecord {
  /** Entries and names are published as they were at this record. */
  readonly throughLsn: number
  readonly contents: readonly { readonly ino: number; readonly throughLsn: number; readonly content: Uint8Array }[]
  readonly inos: readonly number[]
  readonly names: readonly { readonly parent: number; readonly name: Name }[]
}

const contentBytesMax = 64 * 1024

export function encodePublished({ throughLsn, contents, inos, names }: PublishedRecord): Uint8Array {
  const writer = new ByteWriter(1024).varint(throughLsn).varint(contents.length)
  for (const each of contents) writer.varint(each.ino).varint(each.throughLsn).lengthPrefixed(each.content)
  writer.varint(inos.length)
  for (const ino of inos) writer.varint(ino)
  writer.varint(names.length)
  for (const { parent, name } of names) writer.varint(parent).lengthPrefixed(Buffer.from(name, 'latin1'))
  return writer.take()
}

export function decodePublished(body: Uint8Array): PublishedRecord {
  const reader = new ByteReader(body, 'published record')
  const throughLsn = reader.varint()
  const list = <Item>(read: () => Item): Item[] => {
    const items: Item[] = []
    // As they come: room for a count that lies could not be had.
    for (let left = reader.varint(); left > 0; left--) items.push(read())
    return items
  }
  const contents = list(() => ({ ino: reader.varint(), throughLsn: reader.varint(), content: new Uint8Array(reader.lengthPrefixed(contentBytesMax)) }))
  const inos = list(() => reader.varint())
  const names = list(() => ({ parent: reader.varint(), name: Buffer.from(reader.lengthPrefixed(255)).toString('latin1') }))
  reader.end()
  return { throughLsn, contents, inos, names }
}
