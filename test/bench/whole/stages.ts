// Each stage of the store path alone, on this one thread: chunk, name, compress, seal, blob id, insert, and back: read,
// open. Speeds are megabytes of plaintext a second of processor time, so that a busy machine says about the same as a
// quiet one; those of wall time stand beside them.
import { cpuUsage } from 'node:process'
import { CacheKeeper } from '../../../lib/cache/keeper.js'
import { CacheReader } from '../../../lib/cache/reader.js'
import { SegmentAppender } from '../../../lib/cache/appender.js'
import { Chunker } from '../../../lib/chunk/chunker.js'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import { chunkIdOf } from '../../../lib/crypto/chunk-id.js'
import { frame } from '../../../lib/crypto/frames.js'
import { KeyRing } from '../../../lib/crypto/key-ring.js'
import { openWhole } from '../../../lib/crypto/open.js'
import { sealChunk, type SealedBlob } from '../../../lib/crypto/seal.js'
import { chunkerDefault } from '../../../lib/format/vault-header.js'
import { limits } from '../../../lib/terms/limits.js'
import { silent } from '../../../lib/terms/log.js'
import { MiB, poolFolder } from '../../support/pool.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'

export const storing = ['chunk', 'name', 'compress', 'seal', 'blob id', 'insert'] as const
export const reading = ['read', 'open'] as const
export type Stage = (typeof storing)[number] | (typeof reading)[number]
export type Kind = 'incompressible' | 'text-like'

export interface Speed {
  /** Megabytes of plaintext a second. */
  readonly perProcessor: number
  readonly perWall: number
}

interface Spent {
  readonly wallMs: number
  readonly cpuMs: number
}

interface Parts {
  readonly keys: KeyRing
  readonly chunker: Chunker
  readonly appender: SegmentAppender
  readonly keeper: CacheKeeper
  readonly reader: CacheReader
  /** For what is sealed, for what is read back, and for what is opened. */
  readonly room: Uint8Array
  readonly back: Uint8Array
  readonly plain: Uint8Array
}

/** Touched and used again and again, as the pool's own memory is. */
export const windowBytes = 32 * MiB

export class Stages {
  readonly #spent = new Map<Stage, Spent>()
  #bytes = 0

  /** Every stage over so many MiB. */
  static measure(kind: Kind, mebibytes: number): Stages {
    const stages = new Stages()
    const folder = poolFolder()
    const keeper = new CacheKeeper({ directory: `${folder.directory}/cache`, logger: silent })
    const nextSegment = new Int32Array(new SharedArrayBuffer(4)).fill(keeper.nextSegment())
    const appender = new SegmentAppender({ directory: `${folder.directory}/cache`, nextSegment, partial: undefined })
    const reader = new CacheReader(`${folder.directory}/cache`)
    const keys = new KeyRing(folder.page)
    const chunker = new Chunker(folder.page.key('chunker'), chunkerDefault)
    const [room, back, plain] = [windowBytes * 1.25, windowBytes * 1.25, limits.blobPlainBytesMax].map((bytes) => new Uint8Array(bytes).fill(1))
    if (room === undefined || back === undefined || plain === undefined) throw new Error('three rooms')
    try {
      for (let at = 0; at < mebibytes * MiB; at += windowBytes) stages.#window(bytesOf(kind, at), { keys, chunker, appender, keeper, reader, room, back, plain })
    } finally {
      reader.close()
      appender.close()
      keeper.close()
      folder.remove()
    }
    return stages
  }

  speed(stage: Stage): Speed {
    const { wallMs, cpuMs } = this.#of(stage)
    return { perProcessor: this.#bytes / 1000 / cpuMs, perWall: this.#bytes / 1000 / wallMs }
  }

  /** Of the stages that storing takes, together: megabytes a second of one processor. */
  get ceiling(): number {
    return 1 / storing.reduce((sum, stage) => sum + 1 / this.speed(stage).perProcessor, 0)
  }

  #window(bytes: Uint8Array, { keys, chunker, appender, keeper, reader, room, back, plain }: Parts): void {
    this.#bytes += bytes.byteLength
    const { lengths } = this.#time('chunk', () => chunker.cut(bytes, { from: 0, until: bytes.byteLength, final: true, boundaries: [], resumeAfter: 0 }))
    let from = 0
    const chunks = lengths.map((length) => bytes.subarray(from, from += length))
    const hasher = keys.idHasher('chunk')
    const ids = this.#time('name', () => chunks.map((chunk) => chunkIdOf(chunk, hasher)))
    this.#time('compress', () => { for (const chunk of chunks) frame(chunk, 1) })
    let used = 0
    const blobs = this.#time('seal', () => chunks.map((chunk, index): SealedBlob => {
      const blob = sealChunk(chunk, ids[index] ?? chunkIdOf(chunk, hasher), keys.sealing, 'chunk', 1, room.subarray(used))
      used += blob.sealedLength
      return blob
    }))
    this.#time('blob id', () => { for (const { sealed } of blobs) blobIdOf(sealed) })
    this.#time('insert', () => { keeper.commit(appender.append(blobs)) })
    let place = 0
    this.#time('read', () => {
      for (const { blobId, sealedLength } of blobs) {
        const location = reader.locate(blobId)
        if (location === undefined) throw new Error('a blob that was inserted is not there')
        reader.read(blobId, location, 0, back.subarray(place, place += sealedLength))
      }
    })
    place = 0
    this.#time('open', () => {
      for (const blob of blobs) {
        const sealed = back.subarray(place, place += blob.sealedLength)
        openWhole({ reference: blob, keys, read: (offset, length) => sealed.subarray(offset, offset + length) }, plain)
      }
    })
  }

  #time<Result>(stage: Stage, work: () => Result): Result {
    const wall = performance.now()
    const cpu = cpuUsage()
    const result = work()
    const { user, system } = cpuUsage(cpu)
    const { wallMs, cpuMs } = this.#spent.get(stage) ?? { wallMs: 0, cpuMs: 0 }
    this.#spent.set(stage, { wallMs: wallMs + performance.now() - wall, cpuMs: cpuMs + (user + system) / 1000 })
    return result
  }

  /** Sealing compresses and names the blob, too: what these take alone is taken off. */
  #of(stage: Stage): Spent {
    const none: Spent = { wallMs: NaN, cpuMs: NaN }
    const all = this.#spent.get(stage) ?? none
    if (stage !== 'seal') return all
    const [compress = none, blobId = none] = [this.#spent.get('compress'), this.#spent.get('blob id')]
    return { wallMs: all.wallMs - compress.wallMs - blobId.wallMs, cpuMs: all.cpuMs - compress.cpuMs - blobId.cpuMs }
  }
}

const words = 'the vault keeps what was written and shows it as it was on any day before while nobody else can read it'.split(' ')

/** Other bytes at each place, or the cache would know them. */
export function bytesOf(kind: Kind, at: number): Uint8Array<ArrayBuffer> {
  if (kind === 'incompressible') return randomBytes(1 + at / windowBytes, windowBytes)
  const random = numbers(1 + at / windowBytes)
  const out = Buffer.alloc(windowBytes)
  for (let place = 0; place < windowBytes;) {
    const word = random() < 0.1 ? Math.floor(random() * 1e9).toString(36) : words[Math.floor(random() * words.length)] ?? ''
    place += out.write(`${word}${random() < 0.1 ? '\n' : ' '}`, place, 'latin1')
  }
  return out
}
