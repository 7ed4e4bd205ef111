// Sealed blobs: the clear envelope, the reference, a whole blob, and what is sealed in one. FORMAT §4.
import { zstdDecompressSync } from 'node:zlib'
import { chunkIdOf } from '../../../lib/crypto/chunk-id.js'
import { frame } from '../../../lib/crypto/frames.js'
import { KeyRing } from '../../../lib/crypto/key-ring.js'
import { openBlob } from '../../../lib/crypto/open.js'
import { sealChunk } from '../../../lib/crypto/seal.js'
import { blobHeaderBytes, decodeBlobHeader, encodeBlobHeader, frameBytes, framesOf, paddedLength } from '../../../lib/format/blob-envelope.js'
import { blobReferenceBytes, decodeBlobReference, encodeBlobReference, formByte, type BlobReference } from '../../../lib/format/blob-reference.js'
import { concatBytes } from '../../../lib/terms/bytes.js'
import type { Random } from '../../model/random.js'
import { sealPadded, type Padded } from '../../support/sealed-padding.js'
import { testPage } from '../../support/test-keys.js'
import { codecTarget, require, same, type Field, type Target } from '../target.js'
import { blobReference } from './samples.js'

const MiB = 1024 * 1024
const ring = new KeyRing(testPage(9, 3))
const unknowns = ['corrupt', 'format-unknown'] as const

const envelope = codecTarget({
  name: 'blob-envelope', says: 'the clear header of a blob, FORMAT §4.1', refusals: unknowns,
  make: (random) => encodeBlobHeader({ suite: 1, epoch: random.below(2 ** 32), segments: 1 + random.below(256), salt: random.bytes(32) }),
  // What follows is the table's business.
  decode: (input) => ({ header: decodeBlobHeader(input, 'blob'), rest: input.subarray(blobHeaderBytes) }),
  encode: ({ header, rest }) => concatBytes(encodeBlobHeader(header), rest),
})

const reference = codecTarget<BlobReference>({
  name: 'blob-reference', says: 'what refers to a blob, FORMAT §4.6', refusals: unknowns,
  make: (random) => encodeBlobReference(blobReference(random)),
  decode: (input) => decodeBlobReference(input),
  encode: encodeBlobReference,
})

function plain(random: Random): Uint8Array {
  const length = random.pick([0, 1, random.below(4097), random.below(9000), random.below(9000), random.below(140_000)])
  if (random.chance(0.4)) return random.bytes(length)
  const out = new Uint8Array(length)
  for (let at = 0; at < length; at++) out[at] = 97 + ((at * at) % 23)
  return out
}

const fieldsOfBlob = (valid: Uint8Array): readonly Field[] => {
  const at = blobReferenceBytes
  const words: readonly Field[] = [96, 100, 104, at, at + 8, at + 12].map((each) => ({ at: each, length: 4, kind: 'big' }))
  const blocks: readonly Field[] = [[0, 32], [32, 32], [64, 32], [at + 16, 32], [at + blobHeaderBytes, 32], [at + 80, 32], [valid.byteLength - 16, 16]].map(([from = 0, length = 0]) => ({ at: from, length, kind: 'bytes' }))
  const bytes: readonly Field[] = [108, 109, at + 3, at + 4, at + 5].map((each) => ({ at: each, length: 1, kind: 'big' }))
  return [...words, ...blocks, ...bytes]
}

/** A reference and its blob, of which either may have been changed. */
const sealedBlob: Target<Uint8Array> = {
  name: 'blob', says: 'a sealed blob and what refers to it, FORMAT §4.7', canonical: false, refusals: unknowns, pace: 0.4,
  // A small blob may be of a plaintext that is as large as any.
  memoryBytes: 17 * MiB,
  make: (random) => {
    const bytes = plain(random)
    const kind = random.pick(['chunk', 'page'] as const)
    const made = sealChunk(bytes, chunkIdOf(bytes, ring.idHasher(kind)), ring.sealing, kind)
    return concatBytes(encodeBlobReference(made), made.sealed)
  },
  decode: openWhole,
  judge: (opened, input, known) => {
    // Of a reference to nothing nothing is opened: whoever signed it could as well have referred to an empty blob.
    if (opened.byteLength === 0) return
    const whole = known.find((each) => same(input.subarray(96, blobReferenceBytes), each.subarray(96, blobReferenceBytes)) && same(opened, openWhole(each)))
    require(whole !== undefined, 'a blob that was changed opens to another content, or with a reference of other lengths')
  },
  fields: fieldsOfBlob,
}

function openWhole(input: Uint8Array): Uint8Array {
  return openBlob(decodeBlobReference(input.subarray(0, blobReferenceBytes)), input.subarray(blobReferenceBytes), ring)
}

const headBytes = 5

/** Form, true length, and what is sealed: frames, padding, directory. Sealed here as a device of another version might. */
const frames: Target<Uint8Array> = {
  name: 'blob-frames', says: 'what is sealed in a blob: frames and their directory, FORMAT §4.2', canonical: false, refusals: unknowns, pace: 0.4,
  memoryBytes: 17 * MiB,
  make: (random) => {
    const bytes = plain(random)
    const framed = frame(bytes)
    const padded = new Uint8Array(framed.padded)
    padded.set(framed.framing === 'raw' ? bytes : framed.bytes)
    const head = new Uint8Array(headBytes)
    head[0] = formByte('chunk', framed.framing)
    new DataView(head.buffer).setUint32(1, bytes.byteLength)
    return concatBytes(head, padded)
  },
  decode: (input) => {
    const made = sealPadded(padTo(input), ring)
    return openBlob(decodeBlobReference(encodeBlobReference(made.reference)), made.sealed, ring)
  },
  judge: (opened, input) => {
    const { framing, plainLength, padded } = padTo(input)
    require(opened.byteLength === plainLength, 'a plaintext of another length than the reference says')
    require(framing === 'zstd' || padded.subarray(plainLength).every((byte) => byte === 0), 'padding that is not zeros')
    require(same(opened, framing === 'raw' ? padded.subarray(0, plainLength) : unframed(padded, plainLength)), 'other bytes than the frames hold')
  },
  fields: (valid) => {
    const count = framesOf(new DataView(valid.buffer, valid.byteOffset).getUint32(1))
    const directory: readonly Field[] = Array.from({ length: count }, (_, index) => ({ at: valid.byteLength - 2 * (count - index), length: 2, kind: 'big' }))
    return [{ at: 0, length: 1, kind: 'big' }, { at: 1, length: 4, kind: 'big' }, ...directory, ...directory]
  },
}

/** Whatever the input is, made to lengths that a reference can have. */
function padTo(input: Uint8Array): Padded {
  const framing = ((input[0] ?? 0) & 2) === 0 ? 'raw' as const : 'zstd' as const
  const body = input.subarray(headBytes)
  const length = input.byteLength < headBytes ? 0 : new DataView(input.buffer, input.byteOffset).getUint32(1)
  // The directory is at the end, so what is missing or too much is at the front.
  const padded = new Uint8Array(paddedLength(Math.min(body.byteLength, 16 * MiB)))
  padded.set(framing === 'raw' ? body.subarray(0, padded.byteLength) : body.subarray(-padded.byteLength), framing === 'raw' ? 0 : padded.byteLength - Math.min(body.byteLength, padded.byteLength))
  return { framing, plainLength: length, padded }
}

/** FORMAT §4.2 read once more, in the plainest way. */
function unframed(padded: Uint8Array, plainLength: number): Uint8Array {
  const count = framesOf(plainLength)
  const parts: Uint8Array[] = []
  let at = 0
  for (let index = 0; index < count; index++) {
    const length = Buffer.from(padded).readUInt16BE(padded.byteLength - 2 * (count - index))
    const whole = Math.min(frameBytes, plainLength - index * frameBytes)
    const bytes = padded.subarray(at, at + (length === 0 ? whole : length))
    parts.push(length === 0 ? bytes : zstdDecompressSync(bytes))
    at += bytes.byteLength
  }
  return concatBytes(...parts)
}

export const blobTargets: readonly Target[] = [envelope, reference, sealedBlob, frames]
