// Valid things of the formats, random: what the targets encode.
import { paddedLength, sealedLengthOf, frameBytes } from '../../../lib/format/blob-envelope.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import type { Operation } from '../../../lib/format/operations.js'
import { limits } from '../../../lib/terms/limits.js'
import { encodeContent, allocatedBytes, type ContentReference, type Run } from '../../../lib/content/content-reference.js'
import type { BlobId, ChunkId, DeviceId, EntryId } from '../../../lib/terms/bytes.js'
import { newEntry, type Entry } from '../../../lib/tree/entry.js'
import { encodeAttributes, encodedAttributesBytes, encodeXattrs } from '../../../lib/tree/entry-codec.js'
import type { Random } from '../../model/random.js'

/** Lengths of all magnitudes. */
export function magnitude(random: Random, bits: number): number {
  return random.below(2 ** random.below(bits + 1))
}

export function entryId(random: Random): EntryId {
  return random.bytes(16) as Uint8Array as EntryId
}

export function deviceId(random: Random): DeviceId {
  return random.bytes(16) as Uint8Array as DeviceId
}

export function nameBytes(random: Random): Uint8Array {
  return random.bytes(random.chance(0.1) ? limits.nameBytesMax : 1 + random.below(12))
}

export function textOf(random: Random, lengthMax: number): string {
  const letters = ['a', 'Z', '7', ' ', '-', 'ä', 'ß', '€', '\u{1f600}', 'e\u0301']
  let text = ''
  for (let left = random.below(lengthMax / 4); left > 0; left--) text += random.pick(letters)
  return text
}

export function blobReference(random: Random, kind: BlobReference['kind'] = random.pick(['chunk', 'page'])): BlobReference {
  const framing = random.pick(['raw', 'zstd'] as const)
  const plainLength = magnitude(random, 23)
  const framed = framing === 'raw' ? plainLength : Math.ceil(plainLength / frameBytes) * 2 + random.below(plainLength + 1)
  return {
    chunkId: random.bytes(32) as Uint8Array as ChunkId, blobId: random.bytes(32) as Uint8Array as BlobId, tableHash: random.bytes(32),
    plainLength, sealedLength: sealedLengthOf(paddedLength(framed)), epoch: 1 + random.below(64), suite: 1, kind, framing,
  }
}

/** A run of a chunk with bytes in it, or a hole. */
export function run(random: Random): Run {
  if (random.chance(0.3)) return { kind: 'hole', length: 1 + magnitude(random, 40) }
  const reference = { ...blobReference(random, 'chunk') }
  if (reference.plainLength === 0) return { kind: 'hole', length: 1 }
  const skip = random.chance(0.6) ? 0 : random.below(reference.plainLength)
  const length = random.chance(0.6) ? reference.plainLength - skip : 1 + random.below(reference.plainLength - skip)
  return { kind: 'chunk', length, skip, reference }
}

export function runs(random: Random, countMax: number): Run[] {
  return Array.from({ length: 1 + random.below(countMax) }, () => run(random))
}

export function contentReference(random: Random): ContentReference {
  const form = random.pick(['inline', 'runs', 'tree'] as const)
  if (form === 'inline') {
    const bytes = random.bytes(1 + random.below(300))
    return { length: bytes.byteLength, allocated: bytes.byteLength, body: { form, bytes } }
  }
  if (form === 'tree') {
    const length = 1 + magnitude(random, 44)
    return { length, allocated: random.below(length + 1), body: { form, depth: 1 + random.below(4), root: blobReference(random, 'page') } }
  }
  const body = { form, runs: runs(random, limits.inlineRunsMax) }
  return { length: body.runs.reduce((sum, { length }) => sum + length, 0), allocated: allocatedBytes(body.runs), body }
}

const kinds = [0o100644, 0o040755, 0o120777, 0o010644, 0o020600, 0o104755]

export function entry(random: Random): Entry {
  const mode = random.pick(kinds)
  const ino = 1 + magnitude(random, 40)
  const made = newEntry({ ino, id: entryId(random), mode, uid: random.below(70_000), gid: random.below(70_000), rdev: random.below(2 ** 32), now: { sec: random.below(2 ** 33) - 2 ** 31, nsec: random.below(1e9) } })
  made.size = magnitude(random, 44)
  made.blocks = magnitude(random, 40)
  made.nlink = random.below(100)
  made.children = random.below(1000)
  made.parent = magnitude(random, 40)
  made.target = mode === 0o120777 ? random.bytes(1 + random.below(100)) : null
  made.xattrs = random.chance(0.5) ? null : xattrs(random)
  return made
}

function xattrs(random: Random): ReadonlyMap<string, Uint8Array> {
  return new Map(Array.from({ length: 1 + random.below(4) }, (_, index) => [`user.${index}`, random.bytes(random.below(60))]))
}

/** As a manifest operation carries it. */
export function attributesRecord(made: Entry): Buffer {
  const out = Buffer.alloc(encodedAttributesBytes(made))
  encodeAttributes(made, out, 0)
  return Buffer.concat([out, encodeXattrs(made.xattrs)])
}

export function operation(random: Random): Operation {
  const id = entryId(random)
  const count = random.below(4)
  switch (random.below(11)) {
    case 0: return { kind: 'create', id, ino: 1 + magnitude(random, 40), attributes: attributesRecord(entry(random)) }
    case 1: return { kind: 'link', id, parent: entryId(random), name: nameBytes(random) }
    case 2: return { kind: 'unlink', id, parent: entryId(random), name: nameBytes(random) }
    case 3: return { kind: 'move', id, fromParent: entryId(random), fromName: nameBytes(random), parent: entryId(random), name: nameBytes(random) }
    case 4: return { kind: 'attributes', id, attributes: attributesRecord(entry(random)) }
    case 5: return { kind: 'content', id, size: magnitude(random, 44), content: encodeContent(contentReference(random)), bases: Array.from({ length: count }, () => random.bytes(32)) }
    case 6: return { kind: 'trash', id }
    case 7: return { kind: 'snapshot', name: Buffer.from(textOf(random, 60)), sec: magnitude(random, 33), nsec: random.below(1e9) }
    case 8: return { kind: 'member', record: random.bytes(random.below(limits.memberRecordBytesMax)) }
    case 9: {
      const policy = { withinSec: magnitude(random, 30), hourly: count, daily: magnitude(random, 16), weekly: 0, monthly: 12, offsetMin: random.below(2881) - 1440 }
      return { kind: 'forget', nowSec: magnitude(random, 33), policy, drop: Array.from({ length: count }, () => Buffer.from(textOf(random, 40))) }
    }
    default: {
      const cut = Array.from({ length: count }, () => ({ deviceId: deviceId(random), sequence: 1 + magnitude(random, 30), hash: random.bytes(32) }))
      return { kind: 'state', root: random.bytes(32), entries: magnitude(random, 30), cut, index: random.bytes(110) }
    }
  }
}
