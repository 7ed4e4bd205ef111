// zstd by the addon (zstd/), which keeps its contexts, or where this Node does not show its own zstd by node:zlib, which
// makes one for each call: the same bytes come out.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { VaultError } from '../lib/terms/errors.js'
import { loadAddon } from './addon.js'

/** `zlib` is for the cross-check. */
export type ZstdEngine = 'addon' | 'zlib'

export interface Zstd {
  /** The length of one frame without its content's size and without a checksum, or undefined when `out` is too small. */
  compress(out: Uint8Array, bytes: Uint8Array, level: number): number | undefined
  /** The length of the content, or undefined when it is no frame or `out` is too small. */
  decompress(out: Uint8Array, bytes: Uint8Array): number | undefined
}

interface ZstdAddon {
  readonly compress?: (out: Uint8Array, bytes: Uint8Array, level: number) => number
  readonly decompress?: (out: Uint8Array, bytes: Uint8Array) => number
}

export function openZstd(engine?: ZstdEngine): Zstd {
  const { compress, decompress } = engine === 'zlib' ? {} : addon(engine)
  if (compress === undefined || decompress === undefined) {
    if (engine === 'addon') throw new VaultError('missing-dependency', 'this Node does not show its zstd to others')
    return { compress: compressByZlib, decompress: decompressByZlib }
  }
  return {
    compress: (out, bytes, level) => lengthOf(compress(out, bytes, level)),
    decompress: (out, bytes) => lengthOf(decompress(out, bytes)),
  }
}

function addon(engine: ZstdEngine | undefined): ZstdAddon {
  try {
    return loadAddon('zstd') as ZstdAddon
  } catch (error) {
    if (engine === 'addon') throw error
    return {}
  }
}

function lengthOf(result: number): number | undefined {
  return result < 0 ? undefined : result
}

function compressByZlib(out: Uint8Array, bytes: Uint8Array, level: number): number | undefined {
  const frame = zstdCompressSync(bytes, {
    // In one piece: several cost a third of the speed.
    chunkSize: bytes.byteLength + 4096,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_checksumFlag]: 0 },
  })
  if (frame.byteLength > out.byteLength) return undefined
  out.set(frame)
  return frame.byteLength
}

function decompressByZlib(out: Uint8Array, bytes: Uint8Array): number | undefined {
  try {
    const plain = zstdDecompressSync(bytes, { chunkSize: Math.max(out.byteLength, 64), maxOutputLength: Math.max(out.byteLength, 1) })
    if (plain.byteLength > out.byteLength) return undefined
    out.set(plain)
    return plain.byteLength
  } catch {
    return undefined
  }
}
