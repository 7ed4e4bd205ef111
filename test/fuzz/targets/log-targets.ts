// The write-ahead log: its files as a disk gives them back, and what is sealed in their records. LOG.md, FORMAT §10.
import { signKeyPair } from '../../../native-deps/sodium.js'
import { decodePublished, encodePublished, type PublishedRecord } from '../../../lib/content/published-record.js'
import { decodeChange, decodeGroupEnd, decodeSplice, encodeChange, encodeGroupEnd, encodeSplice, type ContentChange, type GroupEnd, type SplicePart } from '../../../lib/content/records.js'
import {
  decodeHead, extentAssociatedData, extentHeadBytes, extentOverheadBytes, headPosition, HeadCodec, plainHeadBytes, putExtentHead, putFraming, putHead, recordBytes, sealExtentInto, viewOf,
} from '../../../lib/format/log-record.js'
import { encodeSegmentHeader, headerTag, segmentHeaderBytes } from '../../../lib/format/log-segment.js'
import { segmentName, type LogDisk } from '../../../lib/log/disk.js'
import { Replay } from '../../../lib/log/replay.js'
import { survey } from '../../../lib/log/survey.js'
import { openLog } from '../../../lib/log/write-ahead-log.js'
import { recordKind, type LogExtent, type LogRecord } from '../../../lib/store/log-port.js'
import { encodeContent } from '../../../lib/content/content-reference.js'
import { concatBytes } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { silent } from '../../../lib/terms/log.js'
import { decodeImages, encodeImages, type Images } from '../../../lib/tree/images.js'
import type { Random } from '../../model/random.js'
import { codecTarget, require, same, type Field, type Target } from '../target.js'
import { MemoryDisk } from './memory-disk.js'
import { blobReference, contentReference, entry, entryId, magnitude, nameBytes } from './samples.js'

const owner = { vault: new Uint8Array(32).fill(1), device: new Uint8Array(16).fill(2) }
const key = signKeyPair(new Uint8Array(32).fill(3)).publicKey
const refusals = ['corrupt', 'format-unknown'] as const

/** Each segment file behind its length. */
function packed(disk: MemoryDisk): Uint8Array {
  const parts: Uint8Array[] = []
  for (const name of [...disk.files.keys()].filter((each) => /^\d+\.log$/.test(each)).sort()) {
    const file = disk.files.get(name) ?? new Uint8Array(0)
    const end = file.findLastIndex((byte) => byte !== 0) + 1
    const length = Buffer.alloc(4)
    length.writeUInt32BE(end)
    parts.push(length, file.subarray(0, end))
  }
  return concatBytes(...parts)
}

function unpacked(input: Uint8Array): MemoryDisk {
  const disk = new MemoryDisk()
  let segment = 1
  for (let at = 0; at + 4 <= input.byteLength; segment++) {
    const length = Math.min(Buffer.from(input.buffer, input.byteOffset).readUInt32BE(at), input.byteLength - at - 4)
    // As a file is: of whole sectors, with zeros where nothing was written.
    const file = new Uint8Array(Math.ceil(length / 512) * 512 + 512)
    file.set(input.subarray(at + 4, at + 4 + length))
    disk.files.set(segmentName(segment), file)
    at += 4 + length
  }
  return disk
}

function replayed(disk: LogDisk): readonly LogRecord[] {
  const records: LogRecord[] = []
  new Replay({ disk, owner, key }, survey(disk, owner, key), (record) => records.push({ ...record, body: record.body.slice() })).run()
  return records
}

const kinds = Object.values(recordKind).filter((kind) => kind !== recordKind.extent)

const files: Target<readonly LogRecord[]> = {
  name: 'log-files', says: 'the segment files of the log, LOG.md §2 to §5', canonical: false, refusals, pace: 0.5,
  // Four bytes of input make a file of two sectors here.
  memoryBytes: 4 * 1024 * 1024,
  make: async (random) => {
    const disk = new MemoryDisk()
    const log = await openLog({ disk, ...owner, key, segmentBytes: 16 * 1024, entropy: { bytes: (length) => random.bytes(length) }, logger: silent }, () => undefined)
    for (let left = random.below(24); left > 0; left--) {
      if (random.chance(0.4)) log.appendExtent(recordKind.extent, random.bytes(random.below(60)), 1 + random.below(9), magnitude(random, 30), random.bytes(1 + random.below(3000)))
      else log.append(random.pick(kinds), random.bytes(random.below(300)))
      if (random.chance(0.3)) log.flush()
      if (random.chance(0.2)) await log.sync()
    }
    await log.close()
    return packed(disk)
  },
  decode: (input) => replayed(unpacked(input)),
  judge: (records, _, known) => {
    const [head] = records
    if (head === undefined) return
    const written = known.map((each) => replayed(unpacked(each)).map(line)).find((lines) => lines.includes(line(head)))
    require(written !== undefined, 'a record that was never written')
    const first = written?.indexOf(line(head)) ?? 0
    require(records.map(line).join('\n') === written?.slice(first, first + records.length).join('\n'), 'records that were not written so, one after the other')
  },
  fields: fieldsOfFiles,
}

function line({ lsn, kind, body, extent }: LogRecord): string {
  return `${lsn} ${kind} ${Buffer.from(body).toString('hex')} ${JSON.stringify(extent)}`
}

function fieldsOfFiles(valid: Uint8Array): readonly Field[] {
  const fields: Field[] = []
  const view = viewOf(valid)
  for (let start = 0; start + 4 <= valid.byteLength; ) {
    const end = start + 4 + view.getUint32(start)
    fields.push({ at: start, length: 4, kind: 'big' })
    for (const at of [8, 10]) fields.push({ at: start + 4 + at, length: 2, kind: 'little' })
    for (const at of [64, 72, 80, 88, 96, 104]) fields.push({ at: start + 4 + at, length: 8, kind: 'little' })
    for (let at = start + 4 + segmentHeaderBytes; at + headPosition <= end; ) {
      const [headBytes, payloadBytes] = [view.getUint32(at + 4, true), view.getUint32(at + 8, true)]
      for (const word of [0, 4, 8, 12]) fields.push({ at: at + word, length: 4, kind: 'little' })
      for (const long of [16, 24, 32]) fields.push({ at: at + long, length: 8, kind: 'little' })
      fields.push({ at: at + 40, length: 16, kind: 'bytes' })
      at += recordBytes({ headBytes, payloadBytes })
    }
    start = end
  }
  return fields
}

/** A plain head as a device of another version might seal it; the first byte says whether data follows it. */
const head: Target<readonly LogRecord[]> = {
  name: 'log-head', says: 'what is sealed in the head of a log record, LOG.md §3', canonical: false, refusals, memoryBytes: 512 * 1024,
  make: (random) => {
    const data = random.chance(0.5) ? 1 : 0
    const body = random.bytes(random.below(100))
    const out = new Uint8Array((data === 1 ? extentHeadBytes : plainHeadBytes) + body.byteLength)
    putHead(viewOf(out), 0, random.pick(Object.values(recordKind)), random.below(2))
    if (data === 1) putExtentHead(viewOf(out), 0, { ino: 1 + random.below(9), offset: magnitude(random, 40), length: payloadPlainBytes })
    out.set(body, out.byteLength - body.byteLength)
    return concatBytes(Uint8Array.of(data), out)
  },
  decode: (input) => {
    const records = replayed(sealedHead(input[0] === 1, input.subarray(1)))
    if (records.length === 0) throw new VaultError('corrupt', 'the log ends before it')
    return records
  },
  judge: (records, input) => {
    const plain = input.subarray(1)
    const { kind, body, extent } = decodeHead(plain, input[0] === 1)
    const [record] = records
    require(records.length === 1 && record?.kind === kind && same(record.body, body), 'another record than was sealed')
    require((record?.extent === undefined) === (extent === undefined), 'data where there is none, or none where there is')
    if (record?.extent !== undefined) require(record.extent.length === payloadPlainBytes, 'data of another length than there is')
  },
  fields: (valid) => [
    { at: 0, length: 1, kind: 'little' }, { at: 1, length: 4, kind: 'little' }, { at: 5, length: 4, kind: 'little' }, { at: 9, length: 8, kind: 'little' },
    ...(valid[0] === 1 ? [17, 25, 33].map((at): Field => ({ at, length: 8, kind: 'little' })) : []),
  ],
}

const payloadPlainBytes = 40

function sealedHead(hasData: boolean, plain: Uint8Array): MemoryDisk {
  const nonce = new Uint8Array(24).fill(9)
  const page = encodeSegmentHeader({ segment: 1, generation: 1, firstLsn: 1, previousSegment: 0, previousEnd: 0, synced: 0, previousTag: new Uint8Array(16) }, owner, { nonce, key })
  const payload = new Uint8Array(hasData ? payloadPlainBytes + extentOverheadBytes : 0)
  const framing = { headBytes: plain.byteLength, payloadBytes: payload.byteLength, segment: 1, generation: 1, lsn: 1 }
  const record = new Uint8Array(recordBytes(framing))
  putFraming(viewOf(record), 0, framing)
  record.set(plain, headPosition)
  if (hasData && plain.byteLength >= extentHeadBytes) {
    const extent = decodeHead(plain, true).extent
    sealExtentInto(payload, new Uint8Array(payloadPlainBytes), extentAssociatedData(owner, { generation: 1, ino: extent?.ino ?? 0, offset: extent?.offset ?? 0, length: extent?.length ?? 0 }), nonce, key)
    record.set(payload.subarray(-16), headPosition + 40)
  }
  new HeadCodec(owner, key).seal(record, 0, plain.byteLength, nonce, headerTag(page))
  record.set(payload, headPosition + plain.byteLength + 16)
  const disk = new MemoryDisk()
  disk.files.set(segmentName(1), concatBytes(page, record, new Uint8Array(512)))
  return disk
}

const images: Target<Images> = {
  name: 'log-images', says: 'after-images of a change of the tree, FORMAT §10.2', canonical: false, refusals,
  make: (random) => Uint8Array.from(encodeImages(imagesOf(random))),
  decode: (input) => decodeImages(Buffer.from(input)),
  judge: (decoded, input) => {
    const inos = decoded.entries.map(({ ino }) => ino)
    // Told twice, an entry has its flags from both.
    if (new Set(inos).size < inos.length) return
    const again = encodeImages(decoded)
    // Their order is free, so the bytes are looked at without it.
    require(again.byteLength === input.byteLength && same(again.sort(), Uint8Array.from(input).sort()), 'what decodes encodes to other bytes')
  },
  fields: (valid) => fieldsOfImages(Buffer.from(valid)),
}

function imagesOf(random: Random): Images {
  const entries = Array.from({ length: random.below(3) }, () => entry(random))
  const born = new Set(entries.filter(() => random.chance(0.4)).map(({ ino }) => ino))
  const dirents = Array.from({ length: random.below(3) }, () => {
    const was = random.chance(0.5) ? 0 : 1 + magnitude(random, 30)
    return {
      parent: 1 + magnitude(random, 30), name: Buffer.from(nameBytes(random)).toString('latin1'), ino: magnitude(random, 30), cookie: magnitude(random, 40), was,
      parentId: entryId(random), wasId: was === 0 ? undefined : entryId(random), displaced: random.chance(0.3),
    }
  })
  return {
    entries, born, xattrsOf: new Set(entries.filter(({ xattrs }) => xattrs !== null).map(({ ino }) => ino)),
    gone: Array.from({ length: random.below(3) }, () => ({ ino: 1 + magnitude(random, 40), id: entryId(random) })), dirents,
  }
}

function fieldsOfImages(valid: Buffer): readonly Field[] {
  const fields: Field[] = []
  const { entries, xattrsOf } = decodeImages(valid)
  let at = 0
  for (const { ino, target } of entries) {
    fields.push({ at, length: 1, kind: 'little' }, { at: at + 1, length: 8, kind: 'little' }, { at: at + 9, length: 1, kind: 'little' }, { at: at + 10, length: 1, kind: 'little' }, { at: at + 10 + 113, length: 2, kind: 'little' })
    for (const long of [37, 45, 53, 65, 101]) fields.push({ at: at + 10 + long, length: 8, kind: 'little' })
    at += 10 + 115 + (target?.byteLength ?? 0)
    if (!xattrsOf.has(ino)) continue
    fields.push({ at, length: 4, kind: 'little' }, { at: at + 4, length: 2, kind: 'little' }, { at: at + 6, length: 4, kind: 'little' })
    at += 4 + valid.readUInt32LE(at)
  }
  for (; at < valid.byteLength; ) {
    fields.push({ at, length: 1, kind: 'little' }, { at: at + 1, length: 8, kind: 'little' })
    if (valid[at] === 3) fields.push({ at: at + 25, length: 8, kind: 'little' }, { at: at + 65, length: 1, kind: 'little' }, { at: at + 66, length: 2, kind: 'little' })
    at += valid[at] === 3 ? 68 + valid.readUInt16LE(at + 66) : 25
  }
  return fields
}

const published = codecTarget<PublishedRecord>({
  name: 'log-published', says: 'the word that something is published, FORMAT §10.4',
  make: (random) => encodePublished({
    throughLsn: magnitude(random, 40),
    contents: Array.from({ length: random.below(4) }, () => ({ ino: 1 + magnitude(random, 40), throughLsn: magnitude(random, 40), content: encodeContent(contentReference(random)) })),
    inos: Array.from({ length: random.below(5) }, () => magnitude(random, 40)),
    names: Array.from({ length: random.below(5) }, () => ({ parent: magnitude(random, 40), name: Buffer.from(nameBytes(random)).toString('latin1') })),
  }),
  decode: decodePublished,
  encode: encodePublished,
})

function change(random: Random): ContentChange {
  const start = magnitude(random, 44)
  const moment = (): ContentChange['modified'] => ({ sec: random.below(2 ** 33) - 2 ** 31, nsec: random.below(1e9) })
  return { ino: 1 + magnitude(random, 40), start, end: start + magnitude(random, 30), size: magnitude(random, 44), modified: moment(), changed: moment() }
}

const extent = codecTarget<ContentChange>({
  name: 'log-extent', says: 'what an extent record says, FORMAT §10.3', pace: 2,
  make: (random) => encodeChange(change(random)),
  decode: decodeChange,
  encode: encodeChange,
})

function part(random: Random): SplicePart {
  const length = 1 + magnitude(random, 30)
  const draw = random.below(3)
  if (draw === 0) return { length, skip: magnitude(random, 20), source: { kind: 'hole' } as const }
  if (draw === 1) return { length, skip: magnitude(random, 20), source: { kind: 'blob', reference: blobReference(random), lsn: 5 } as const }
  const place: LogExtent = { segment: 1, position: magnitude(random, 26), length, lsn: magnitude(random, 40), generation: 1, ino: magnitude(random, 40), offset: magnitude(random, 44) }
  return { length, skip: 0, source: { kind: 'log', extent: place, lsn: 5 } as const }
}

const splice = codecTarget<{ readonly change: ContentChange; readonly parts: readonly SplicePart[] }>({
  name: 'log-splice', says: 'what a splice record says, FORMAT §10.3', refusals,
  make: (random) => encodeSplice(change(random), Array.from({ length: random.below(6) }, () => part(random))),
  decode: (input) => decodeSplice(input, 5),
  encode: ({ change: told, parts }) => encodeSplice(told, parts),
})

const groupEnd = codecTarget<GroupEnd>({
  name: 'log-group-end', says: 'what the end of a group of records says, FORMAT §10.3', pace: 2,
  make: (random) => encodeGroupEnd({ first: magnitude(random, 44), change: change(random) }),
  decode: decodeGroupEnd,
  encode: encodeGroupEnd,
})

export const logTargets: readonly Target[] = [files, head, images, published, extent, splice, groupEnd]
