// A cache with its three sides open, and blobs to put into it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { SegmentAppender } from '../../../lib/cache/appender.js'
import { CacheKeeper } from '../../../lib/cache/keeper.js'
import { CacheReader } from '../../../lib/cache/reader.js'
import type { BlobId, Sealed } from '../../../lib/terms/bytes.js'
import { silent } from '../../../lib/terms/log.js'
import { sha256 } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'

const parent = mkdtempSync(join(tmpdir(), 'vaultfs-cache-'))
t.teardown(() => { rmSync(parent, { recursive: true }) })
let folders = 0

/** A name for a new folder, removed with all others when the tests have ended. */
export function folder(): string {
  return join(parent, String(folders++))
}

export interface Blob {
  readonly blobId: BlobId
  readonly sealed: Sealed
}

export function blob(seed: number, length = 1000 + seed * 37): Blob {
  const bytes = randomBytes(seed, length)
  return { blobId: sha256(bytes) as Uint8Array as BlobId, sealed: bytes as Uint8Array as Sealed }
}

export function blobs(from: number, count: number): Blob[] {
  return Array.from({ length: count }, (_, index) => blob(from + index))
}

export interface Opened {
  readonly keeper: CacheKeeper
  readonly appender: SegmentAppender
  readonly reader: CacheReader
  close(): void
}

export function open(directory: string, segmentBytesMax = 1 << 20): Opened {
  const keeper = new CacheKeeper({ directory, logger: silent, segmentBytesMax })
  const nextSegment = new Int32Array(new SharedArrayBuffer(4)).fill(keeper.nextSegment())
  const appender = new SegmentAppender({ directory, nextSegment, partial: keeper.takePartial(), segmentBytesMax })
  const reader = new CacheReader(directory)
  return {
    keeper, appender, reader,
    close: () => {
      reader.close()
      appender.close()
      keeper.close()
    },
  }
}

export function read(reader: CacheReader, { blobId, sealed }: Blob): Uint8Array | undefined {
  const location = reader.locate(blobId)
  if (location === undefined) return undefined
  const into = new Uint8Array(sealed.byteLength)
  reader.read(blobId, location, 0, into)
  return into
}

export function holds(cache: Opened, wanted: readonly Blob[]): boolean {
  return wanted.every((each) => Buffer.compare(read(cache.reader, each) ?? new Uint8Array(0), each.sealed) === 0)
}
