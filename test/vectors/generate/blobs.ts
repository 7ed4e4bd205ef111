// Vectors of derived keys and of sealed blobs, good and bad. FORMAT §2 to §4.

import { chunkIdOf } from '../../../lib/crypto/chunk-id.js'
import { KeyRing } from '../../../lib/crypto/key-ring.js'
import { sealChunk, type SealedBlob } from '../../../lib/crypto/seal.js'
import { blobHeaderBytes, sealedLengthOf } from '../../../lib/format/blob-envelope.js'
import { encodeBlobReference, type BlobKind, type BlobReference } from '../../../lib/format/blob-reference.js'
import { hex } from '../../../lib/terms/bytes.js'
import { sealPadded } from '../../support/sealed-padding.js'
import { randomBytes } from '../../support/random-bytes.js'
import { pageOf, plainOf, type Expectation, type Plain, type RootKeys, type Vector } from '../vector.js'

export const roots: RootKeys = { master: hex(randomBytes(1, 32)), idRoot: hex(randomBytes(2, 32)), epochs: [hex(randomBytes(3, 32)), hex(randomBytes(4, 32))] }
const page = pageOf(roots)
const ring = new KeyRing(page)
const noise: Plain = { length: 3000, step: 97 }
const text: Plain = { lines: 700 }

const derivedNames = ['header-mac', 'local', 'wrap', 'catalog', 'log', 'history', 'id', 'page-id', 'chunker', 'data', 'siv', 'manifest'] as const

function seal(plain: Plain, kind: BlobKind = 'chunk', level: 1 | 3 = 1): SealedBlob {
  const bytes = plainOf(plain)
  return sealChunk(bytes, chunkIdOf(bytes, ring.idHasher(kind)), ring.sealing, kind, level)
}

function vector(expect: Expectation, section: string, says: string, plain: Plain, blob: SealedBlob, change: { readonly sealed?: Uint8Array; readonly reference?: Partial<BlobReference>; readonly roots?: RootKeys } = {}): Vector {
  const sealed = change.sealed ?? blob.sealed
  return {
    kind: 'blob', section, says, expect, roots: change.roots ?? roots, plain, reference: hex(encodeBlobReference({ ...blob, ...change.reference })),
    ...(sealed.byteLength > 20_000 ? {} : { sealed: hex(sealed) }),
  }
}

function flipped(bytes: Uint8Array, at: number, bits = 1): Uint8Array {
  const out = bytes.slice()
  out[at] = (out[at] ?? 0) ^ bits
  return out
}

/** As no writer seals it. */
function unruly({ at, framing = 'raw', padded = 4096 }: { readonly at?: number; readonly framing?: 'raw' | 'zstd'; readonly padded?: number }): SealedBlob {
  const plain = plainOf(noise)
  const bytes = new Uint8Array(padded)
  bytes.set(plain)
  if (at !== undefined) bytes[at] = 1
  const made = sealPadded({ framing, plainLength: plain.byteLength, padded: bytes, chunkId: chunkIdOf(plain, ring.idHasher('chunk')) }, ring)
  return { ...made.reference, sealed: made.sealed as SealedBlob['sealed'], table: made.sealed.subarray(blobHeaderBytes, blobHeaderBytes + 32) }
}

/** Vectors that do not depend on the version of zstd. */
export function blobVectors(): Readonly<Record<string, Vector>> {
  const small = seal(noise)
  const large: Plain = { length: 70_000, step: 31 }
  const largeBlob = seal(large)
  const otherRoots: RootKeys = { ...roots, epochs: [...roots.epochs].reverse() }
  return {
    'keys-derived': {
      kind: 'keys', section: '2', says: 'all keys from the three roots, in epoch 2', expect: 'ok', roots,
      derived: Object.fromEntries(derivedNames.map((name) => [name, hex(page.key(name))])),
    },
    'blob-raw': vector('ok', '4', 'one raw segment, padded to the smallest bucket', noise, small),
    'blob-raw-two-segments': vector('ok', '4', '70 000 bytes: padded to 92 672, in two segments', large, largeBlob),
    'blob-empty': vector('ok', '4.3', 'no plaintext is a bucket of zeros', { length: 0, step: 1 }, seal({ length: 0, step: 1 })),
    'blob-page': vector('ok', '4.5', 'a page has its own id key and form', noise, seal(noise, 'page')),
    'blob-page-as-chunk': vector('corrupt', '4.5', 'a page passed off as a chunk has another key', noise, seal(noise, 'page'), { reference: { kind: 'chunk' } }),
    'blob-segment-flipped': vector('corrupt', '4.7', 'one bit of the segment', noise, small, { sealed: flipped(small.sealed, 200) }),
    'blob-salt-flipped': vector('corrupt', '4.5', 'one bit of the salt: another key', noise, small, { sealed: flipped(small.sealed, 20) }),
    'blob-table-flipped': vector('corrupt', '4.7', 'one bit of the table', noise, small, { sealed: flipped(small.sealed, blobHeaderBytes + 3) }),
    'blob-reserved-set': vector('corrupt', '4.1', 'a reserved byte that is not zero', noise, small, { sealed: flipped(small.sealed, 6) }),
    'blob-cut': vector('corrupt', '4.7', 'the last byte is missing', noise, small, { sealed: small.sealed.subarray(0, -1) }),
    'blob-suite-unknown': vector('format-unknown', '4.1', 'cipher suite 2', noise, small, { sealed: flipped(small.sealed, 4, 3) }),
    'blob-envelope-newer': vector('format-unknown', '4.1', 'envelope version 2', noise, small, { sealed: flipped(small.sealed, 3, 3) }),
    'blob-length-changed': vector('corrupt', '4.5', 'a true length that is one less', noise, small, { reference: { plainLength: 2999 } }),
    'blob-reference-length': vector('corrupt', '4.6', 'a sealed length that no blob has', noise, small, { reference: { sealedLength: sealedLengthOf(4096) + 1 } }),
    'blob-other-epoch': vector('corrupt', '4.6', 'the reference says epoch 1, the header 2', noise, small, { reference: { epoch: 1 } }),
    'blob-padding-dirty': vector('corrupt', '4.2', 'a byte of the padding that is not zero', noise, unruly({ at: 3500 })),
    'blob-padding-dirty-zstd': vector('corrupt', '4.2', 'a byte between the frames and the directory', noise, unruly({ at: 3500, framing: 'zstd' })),
    'blob-bucket-larger': vector('corrupt', '4.3', '3000 bytes in the bucket of 5792', noise, unruly({ padded: 5792 })),
    'blob-stored-frames': vector('ok', '4.2', 'a frame that is stored as it is', noise, unruly({ framing: 'zstd' })),
    'blob-other-vault': vector('corrupt', '4.5', 'the right blob under the wrong keys', noise, small, { roots: otherRoots }),
  }
}

/** The same plaintext at two levels: other frames, another salt, another key, the same ChunkId. */
export function compressedVectors(): Readonly<Record<string, Vector>> {
  return {
    'blob-zstd-level-1': vector('ok', '4.2', 'compressed at level 1', text, seal(text, 'chunk', 1)),
    'blob-zstd-level-3': vector('ok', '4.2', 'the same at level 3: no key in common', text, seal(text, 'chunk', 3)),
  }
}
