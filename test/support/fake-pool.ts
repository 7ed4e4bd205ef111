// The worker threads without threads, keys and disk: blobs are plain bytes in a map. Chunks are small (a byte of value 7
// ends one, from 256 bytes on), so that a few KiB make many.
import { createHash } from 'node:crypto'
import type { BlobKind, BlobReference } from '../../lib/format/blob-reference.js'
import { paddedLength, sealedLengthOf } from '../../lib/format/blob-envelope.js'
import type { Arena } from '../../lib/store/arena.js'
import type { Piece } from '../../lib/store/content-piece.js'
import type { SealedExtent } from '../../lib/store/log-port.js'
import type { Cut, CutRequest, CutRun, Lease, PoolPort, PoolStatistics } from '../../lib/store/pool-port.js'
import { hex, type BlobId, type ChunkId } from '../../lib/terms/bytes.js'
import type { FakeLog } from './fake-log.js'

const chunkBytesMin = 256
const chunkBytesMax = 4096
const holeBytesMin = 64 * 1024

export class FakePool implements PoolPort {
  readonly blobs = new Map<string, Uint8Array>()
  storedBytes = 0
  pagesRead = 0
  readonly #arena: Arena
  readonly #log: FakeLog
  readonly #calls: string[]
  readonly #pause: () => Promise<void>

  constructor(arena: Arena, log: FakeLog, calls: string[] = [], pause: () => Promise<void> = () => Promise.resolve()) {
    this.#arena = arena
    this.#log = log
    this.#calls = calls
    this.#pause = pause
  }

  async read(pieces: readonly Piece[]): Promise<Lease> {
    await this.#pause()
    return { bytes: this.#bytesOf(pieces), release: () => undefined }
  }

  async cut(requests: readonly CutRequest[]): Promise<readonly Cut[]> {
    await this.#pause()
    return requests.map((request) => this.#cut(request))
  }

  async sealExtents(extents: readonly { readonly ino: number; readonly offset: number; readonly position: number; readonly length: number }[]): Promise<{ extents: readonly SealedExtent[]; release(): void }> {
    await this.#pause()
    return {
      extents: extents.map(({ ino, offset, position, length }) => ({ ino, offset, length, sealed: this.#arena.bytes.slice(position, position + length) })),
      release: () => undefined,
    }
  }

  async storePages(pages: readonly Uint8Array[]): Promise<readonly BlobReference[]> {
    await this.#pause()
    return pages.map((page) => this.#store(page, 'page'))
  }

  async readPage(reference: BlobReference): Promise<Uint8Array> {
    this.pagesRead++
    await this.#pause()
    return this.#blob(reference).slice()
  }

  statistics(): PoolStatistics {
    return { queuedJobs: 0, blobs: this.blobs.size, blobBytes: this.storedBytes, storedBytes: this.storedBytes }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #cut({ pieces, length, final, boundaries, resumeAfter }: CutRequest): Cut {
    const bytes = this.#bytesOf(pieces)
    const holes = holesOf(pieces)
    const runs: CutRun[] = []
    const chunks: Uint8Array[] = []
    const goals = new Set(boundaries.filter((boundary) => boundary > resumeAfter))
    let at = 0
    let met = false
    while (at < length && !met) {
      const hole = holes.find(({ start }) => start === at)
      const end = hole?.end ?? chunkEnd(bytes, at, holes.find(({ start }) => start > at)?.start ?? length)
      if (hole === undefined && end === length && !final && at > 0) break
      const chunk = bytes.slice(at, end)
      chunks.push(chunk)
      runs.push(hole === undefined ? { kind: 'chunk', length: end - at, chunkId: digest('id', chunk) as Uint8Array as ChunkId } : { kind: 'hole', length: end - at })
      at = end
      met = goals.has(at)
    }
    const store = async (indexes: readonly number[]): Promise<readonly BlobReference[]> => {
      await this.#pause()
      const references = indexes.map((index) => this.#store(chunks[index] ?? new Uint8Array(0), 'chunk'))
      if (references.length > 0) this.#calls.push(`blobs durable ${references.map(({ blobId }) => hex(blobId).slice(0, 8)).join()}`)
      return references
    }
    return { runs, consumed: at, met, store }
  }

  #store(bytes: Uint8Array, kind: BlobKind): BlobReference {
    const blobId = digest(`blob ${kind}`, bytes) as Uint8Array as BlobId
    if (!this.blobs.has(hex(blobId))) this.storedBytes += bytes.byteLength
    this.blobs.set(hex(blobId), bytes.slice())
    const chunkId = digest('id', bytes) as Uint8Array as ChunkId
    return { chunkId, blobId, tableHash: new Uint8Array(32), plainLength: bytes.byteLength, sealedLength: sealedLengthOf(paddedLength(Math.max(bytes.byteLength, 1))), epoch: 1, suite: 1, kind, framing: 'raw' }
  }

  #blob({ blobId }: BlobReference): Uint8Array {
    const bytes = this.blobs.get(hex(blobId))
    if (bytes === undefined) throw new Error(`blob ${hex(blobId)} is not stored`)
    return bytes
  }

  #bytesOf(pieces: readonly Piece[]): Uint8Array {
    return new Uint8Array(Buffer.concat(pieces.map((piece) => this.#piece(piece))))
  }

  #piece(piece: Piece): Uint8Array {
    if (piece.kind === 'hole') return new Uint8Array(piece.length)
    if (piece.kind === 'inline') return piece.bytes.subarray(0, piece.length)
    if (piece.kind === 'memory') return this.#arena.bytes.slice(piece.position, piece.position + piece.length)
    const from = piece.kind === 'blob' ? this.#blob(piece.reference) : this.#log.data.get(piece.extent.lsn)
    if (piece.kind === 'log' && piece.extent.lsn < this.#log.firstLsn) throw new Error(`log record ${String(piece.extent.lsn)} is trimmed`)
    if (from === undefined || from.byteLength < piece.skip + piece.length) throw new Error('a piece that is not there')
    return from.subarray(piece.skip, piece.skip + piece.length)
  }
}

function chunkEnd(bytes: Uint8Array, start: number, limit: number): number {
  for (let at = start + chunkBytesMin; at < Math.min(limit, start + chunkBytesMax); at++) if (bytes[at - 1] === 7) return at
  return Math.min(limit, start + chunkBytesMax)
}

/** Stretches of hole that force a cut. */
function holesOf(pieces: readonly Piece[]): { readonly start: number; readonly end: number }[] {
  const holes: { start: number; end: number }[] = []
  let at = 0
  for (const { kind, length } of pieces) {
    const last = holes.at(-1)
    if (kind === 'hole' && last?.end === at) last.end += length
    else if (kind === 'hole') holes.push({ start: at, end: at + length })
    at += length
  }
  return holes.filter(({ start, end }) => end - start >= holeBytesMin)
}

function digest(domain: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(domain).update(bytes).digest())
}
