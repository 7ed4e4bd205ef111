// Files of the store that are read before anything of them is believed: a device's chain and its mark, and the segment
// files of the blob cache. FORMAT §7.4, §7.5, CACHE.md §1.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, signKeyPair } from '../../../native-deps/sodium.js'
import { deadMark, frameBytes, putFrame } from '../../../lib/cache/frame.js'
import { scanSegment, type Scan } from '../../../lib/cache/segment-scan.js'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import type { ChainFile } from '../../../lib/manifest/chain-file.js'
import { ChainFollower } from '../../../lib/manifest/chain-follower.js'
import { ManifestChain } from '../../../lib/manifest/chain.js'
import { pageAuthor } from '../../../lib/manifest/entry-author.js'
import { concatBytes, type DeviceId, type VaultId } from '../../../lib/terms/bytes.js'
import { Random } from '../../model/random.js'
import { testPage } from '../../support/test-keys.js'
import { isOneOf, require, same, type Field, type Target } from '../target.js'
import { entryBody } from './manifest-targets.js'

class MemoryFile implements ChainFile {
  bytes: Uint8Array

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes
  }

  size(): Promise<number> {
    return Promise.resolve(this.bytes.byteLength)
  }

  /** As the real one asks for memory. */
  read(offset: number, length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length)
    const part = this.bytes.subarray(offset, offset + length)
    out.set(part)
    return Promise.resolve(out.subarray(0, part.byteLength))
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    const grown = new Uint8Array(Math.max(this.bytes.byteLength, offset + bytes.byteLength))
    grown.set(this.bytes)
    grown.set(bytes, offset)
    this.bytes = grown
    return Promise.resolve()
  }

  truncate(length: number): Promise<void> {
    this.bytes = this.bytes.slice(0, length)
    return Promise.resolve()
  }

  sync(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

const page = testPage(41)
const device = signKeyPair(new Random(8).bytes(32))
page.set('device-sign', device.secretKey)
const identity = { vaultId: new Random(9).bytes(32) as Uint8Array as VaultId, deviceId: new Random(10).bytes(16) as Uint8Array as DeviceId, signPublicKey: device.publicKey }
const markBytes = 4096 + 76

/** The mark, then the entries; answers what a reader then has of them. */
async function readChain(input: Uint8Array, depth: 'full' | 'tail'): Promise<readonly Uint8Array[]> {
  const chain = await ManifestChain.open({ ...identity, depth, mark: new MemoryFile(input.slice(0, markBytes)), entries: new MemoryFile(input.slice(markBytes)) })
  const entries: Uint8Array[] = []
  for (let sequence = 1; sequence <= chain.head.sequence; sequence++) entries.push(await chain.read(sequence))
  await chain.close()
  return entries
}

async function writtenChain(random: Random): Promise<{ readonly marks: Uint8Array; readonly entries: Uint8Array }> {
  const [mark, entries] = [new MemoryFile(), new MemoryFile()]
  const author = pageAuthor(page, { bytes: (length) => random.bytes(length) })
  const chain = await ManifestChain.open({ ...identity, depth: 'full', mark, entries })
  for (let left = 1 + random.below(5); left > 0; left--) await chain.append(entryBody(random), author)
  await chain.close()
  const marks = new Uint8Array(markBytes)
  marks.set(mark.bytes)
  return { marks, entries: entries.bytes }
}

function fieldsOfChain(valid: Uint8Array): readonly Field[] {
  const view = new DataView(valid.buffer, valid.byteOffset, valid.byteLength)
  const fields: Field[] = [0, 4096].flatMap((at): Field[] => [
    { at, length: 4, kind: 'big' }, ...[4, 12, 20].map((each): Field => ({ at: at + each, length: 8, kind: 'big' })), { at: at + 28, length: 32, kind: 'bytes' },
  ])
  for (let at = markBytes; at + 100 <= valid.byteLength; at += 100 + view.getUint32(at + 96) + 64) {
    fields.push({ at, length: 4, kind: 'big' }, { at: at + 52, length: 8, kind: 'big' }, { at: at + 60, length: 32, kind: 'bytes' }, { at: at + 92, length: 4, kind: 'big' }, { at: at + 96, length: 4, kind: 'big' })
  }
  return fields
}

/** The checksums of both places of the mark. */
function remarked(input: Uint8Array): Uint8Array {
  const out = input.slice()
  for (const at of [0, 4096]) if (at + 76 <= out.byteLength && out.subarray(at, at + 60).some((byte) => byte !== 0)) out.set(sha256(out.subarray(at, at + 60)).subarray(0, 16), at + 60)
  return out
}

function chainTarget(depth: 'full' | 'tail'): Target<readonly Uint8Array[]> {
  return {
    name: `chain-${depth}`, says: `a device's chain and its mark, opened ${depth === 'full' ? 'from the first entry' : 'at the last one'}, FORMAT §7.4 and §7.5`, canonical: false, pace: 0.3,
    refusals: ['chain-broken', 'format-unknown', 'corrupt'], memoryBytes: 1024 * 1024, repair: remarked, fields: fieldsOfChain,
    make: async (random) => {
      const { marks, entries } = await writtenChain(random)
      return concatBytes(marks, entries)
    },
    decode: (input) => readChain(input, depth),
    judge: (entries, _, known) => {
      const all = concatBytes(...entries)
      require(known.some((each) => same(all, each.subarray(markBytes, markBytes + all.byteLength))), 'entries that were not written so')
    },
  }
}

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuzz-'))
const segment = openSync(join(folder, 'segment'), 'w+')
process.on('exit', () => {
  closeSync(segment)
  rmSync(folder, { recursive: true, force: true })
})

/** As the past is folded from it: whoever only reads goes by signatures alone. */
const followed: Target<readonly Uint8Array[]> = {
  name: 'chain-followed', says: 'a chain read behind whoever writes it, FORMAT §7.4', canonical: false, pace: 0.3, refusals: ['chain-broken', 'format-unknown'],
  // It reads in pieces of this size.
  memoryBytes: 2 * 1024 * 1024,
  make: async (random) => (await writtenChain(random)).entries,
  decode: (input) => {
    ftruncateSync(segment, 0)
    writeSync(segment, input, 0, input.byteLength, 0)
    const follower = new ChainFollower(join(folder, 'segment'), identity)
    try {
      const entries: Uint8Array[] = []
      for (let entry = follower.next(); entry !== undefined; entry = follower.next()) entries.push(concatBytes(entry.signed, entry.signature))
      return entries
    } finally {
      follower.close()
    }
  },
  judge: (entries, input, known) => {
    const all = concatBytes(...entries)
    require(known.some((each) => same(all, each.subarray(0, all.byteLength))), 'entries that were not written so')
    if (isOneOf(input, known)) require(all.byteLength === input.byteLength, 'an entry of a whole chain is passed over')
  },
  fields: (valid) => fieldsOfChain(concatBytes(new Uint8Array(markBytes), valid)).filter(({ at }) => at >= markBytes).map((field) => ({ ...field, at: field.at - markBytes })),
}

const segmentFile: Target<Scan> = {
  name: 'cache-segment', says: 'a segment file of the blob cache, CACHE.md §1', canonical: false, refusals: [], pace: 0.5,
  make: (random) => concatBytes(...Array.from({ length: 1 + random.below(6) }, () => {
    const blob = random.bytes(1 + random.below(600))
    const out = new Uint8Array(frameBytes + blob.byteLength)
    putFrame(out, blobIdOf(blob), blob.byteLength)
    out.set(blob, frameBytes)
    if (random.chance(0.2)) out.set(deadMark())
    return out
  })),
  decode: (input) => {
    ftruncateSync(segment, 0)
    writeSync(segment, input, 0, input.byteLength, 0)
    return scanSegment(segment, 0, input.byteLength)
  },
  judge: ({ rows, end, frames }, input, known) => {
    let after = 0
    for (const { blobId, offset, length } of rows) {
      require(offset >= after + frameBytes && offset + length <= end && end <= input.byteLength, 'blobs that overlap, or lie outside of the file')
      require(same(sha256(input.subarray(offset, offset + length)), blobId), 'a blob that is not what its id says')
      after = offset + length
    }
    require(rows.length <= frames, 'more blobs than frames')
    if (isOneOf(input, known)) require(rows.length === liveFrames(input) && end === input.byteLength, 'a blob of a whole file is passed over')
  },
  fields: (valid) => {
    const fields: Field[] = []
    for (let at = 0; at + frameBytes <= valid.byteLength; at += frameBytes + new DataView(valid.buffer, valid.byteOffset).getUint32(at + 4)) {
      fields.push({ at, length: 4, kind: 'big' }, { at: at + 4, length: 4, kind: 'big' }, { at: at + 8, length: 32, kind: 'bytes' })
    }
    return fields
  },
}

function liveFrames(bytes: Uint8Array): number {
  let count = 0
  for (let at = 0; at < bytes.byteLength; at += frameBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 4)) if (bytes[at + 3] === 0x31) count++
  return count
}

export const storeTargets: readonly Target[] = [chainTarget('full'), chainTarget('tail'), followed, segmentFile]
