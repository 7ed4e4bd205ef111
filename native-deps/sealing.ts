// Segments of a blob of suite 1 (FORMAT §4.4), a run of them in one call: by the addon (sealing/) with the OpenSSL that
// Node brings, or where this Node does not show it by libsodium and node:crypto, segment by segment: the same bytes.

import { equalBytes } from '../lib/terms/bytes.js'
import { VaultError, invariant } from '../lib/terms/errors.js'
import { loadAddon } from './addon.js'
import { aeadOpen, aeadSeal, aeadTagBytes, sha256 } from './sodium.js'

/** `packages` is for the cross-check. */
export type SealingEngine = 'addon' | 'packages'

/** Number of the segment within the run, and whether its hash is another than the table's or the AEAD refused it. */
export interface Damage {
  readonly segment: number
  readonly what: 'hash' | 'seal'
}

/** All views may be of shared memory, but for what is opened: it could change between the hash and the opening. */
export interface Sealing {
  /**
   * `plain` into `out` (16 bytes more for each segment) and the segments' hashes into `table`. `first`: number of the
   * first segment; `isEnd`: the last one is the blob's last, and may be short.
   */
  seal(out: Uint8Array, plain: Uint8Array, table: Uint8Array, header: Uint8Array, key: Uint8Array, first: number, isEnd: boolean): void
  /** `sealed` into `out`, after each segment's hash was compared with `table`. What was damaged, and what follows it, is zeros. */
  open(out: Uint8Array, sealed: Uint8Array, table: Uint8Array, header: Uint8Array, key: Uint8Array, first: number, isEnd: boolean): Damage | undefined
}

type Call = (out: Uint8Array, bytes: Uint8Array, table: Uint8Array, header: Uint8Array, key: Uint8Array, first: number, isEnd: boolean) => number

interface SealingAddon {
  readonly seal?: Call
  readonly open?: Call
}

const segmentBytes = 65536
const hashBytes = 32
const well = -1

export function openSealing(engine?: SealingEngine): Sealing {
  const { seal, open } = engine === 'packages' ? {} : addon(engine)
  if (seal === undefined || open === undefined) {
    if (engine === 'addon') throw new VaultError('missing-dependency', 'this Node does not show its OpenSSL to others')
    return packages
  }
  return {
    seal: (out, plain, table, header, key, first, isEnd) => {
      invariant(seal(out, plain, table, header, key, first, isEnd) === well, 'segments that could not be sealed')
    },
    open: (out, sealed, table, header, key, first, isEnd) => {
      const result = open(out, sealed, table, header, key, first, isEnd)
      if (result === well) return undefined
      invariant(result >= 0, 'segments that could not be opened')
      return { segment: Math.floor(result / 2), what: result % 2 === 0 ? 'hash' : 'seal' }
    },
  }
}

function addon(engine: SealingEngine | undefined): SealingAddon {
  try {
    return loadAddon('sealing') as SealingAddon
  } catch (error) {
    if (engine === 'addon') throw error
    return {}
  }
}

const nonce = new Uint8Array(24)

const packages: Sealing = {
  seal: (out, plain, table, header, key, first, isEnd) => {
    const count = requireRun(plain, out, table, isEnd)
    for (let number = 0; number < count; number++) {
      const sealed = sealedSegment(out, number)
      fillNonce(first + number, isEnd && number === count - 1)
      aeadSeal(sealed, plainSegment(plain, number), header, nonce, key)
      table.set(sha256(sealed), number * hashBytes)
    }
  },
  open: (out, sealed, table, header, key, first, isEnd) => {
    const count = requireRun(out, sealed, table, isEnd)
    for (let number = 0; number < count; number++) {
      const cipher = sealedSegment(sealed, number)
      fillNonce(first + number, isEnd && number === count - 1)
      const isWhole = equalBytes(sha256(cipher), table.subarray(number * hashBytes, (number + 1) * hashBytes))
      if (isWhole && aeadOpen(plainSegment(out, number), cipher, header, nonce, key)) continue
      out.fill(0, number * segmentBytes)
      return { segment: number, what: isWhole ? 'seal' : 'hash' }
    }
    return undefined
  },
}

function requireRun(plain: Uint8Array, sealed: Uint8Array, table: Uint8Array, isEnd: boolean): number {
  const count = Math.ceil(plain.byteLength / segmentBytes)
  const fits = count > 0 && table.byteLength === count * hashBytes && sealed.byteLength === plain.byteLength + count * aeadTagBytes
  invariant(fits && (isEnd || plain.byteLength % segmentBytes === 0), 'a run of segments and its room')
  return count
}

function plainSegment(plain: Uint8Array, number: number): Uint8Array {
  return plain.subarray(number * segmentBytes, (number + 1) * segmentBytes)
}

function sealedSegment(sealed: Uint8Array, number: number): Uint8Array {
  return sealed.subarray(number * (segmentBytes + aeadTagBytes), (number + 1) * (segmentBytes + aeadTagBytes))
}

/** FORMAT §4.4: nineteen zeros, the segment's number, one for the last. */
function fillNonce(number: number, isLast: boolean): void {
  nonce[19] = number >>> 24
  nonce[20] = (number >>> 16) & 0xff
  nonce[21] = (number >>> 8) & 0xff
  nonce[22] = number & 0xff
  nonce[23] = isLast ? 1 : 0
}
