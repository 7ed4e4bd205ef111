// A vault's blobs in a bucket, each an object named by its id. The store is told the id as the SHA-256 of what comes, so
// it refuses what a line or a fault of ours has changed.
import { hex, type BlobId } from '../../terms/bytes.js'
import { VaultError } from '../../terms/errors.js'
import { blobBytesMax, type SealedBlob } from '../../wire/blob-frames.js'
import type { S3Engine } from './engine.js'
import { inParallel } from './gate.js'
import type { ListedObject } from './listing.js'

export interface BlobSize {
  readonly blobId: BlobId
  readonly length: number
}

/** The engine's gate is what bounds; more than that would only wait there. */
const atOnce = 32
/** Single questions that take about as long as a page of a listing does, which is asked for one after another. */
const asMuchAsPage = 64

export class S3Blobs {
  readonly #engine: S3Engine
  readonly #prefix: string

  /** `prefix` ends with a slash. */
  constructor(engine: S3Engine, prefix: string) {
    this.#engine = engine
    this.#prefix = prefix
  }

  /** `count`: of all blobs, about. Where it takes fewer requests, all of them are listed. */
  async lengths(blobIds: readonly BlobId[], count: number): Promise<readonly (number | undefined)[]> {
    if (count / 1000 + 1 > blobIds.length / asMuchAsPage) return await inParallel(blobIds, atOnce, (blobId) => this.#engine.size(this.#key(blobId)))
    const wanted = new Map<string, number | undefined>(blobIds.map((blobId) => [hex(blobId), undefined]))
    const sorted = [...wanted.keys()].sort()
    const [first, last] = [sorted[0] ?? '', sorted.at(-1) ?? '']
    for (let after = `${this.#prefix}${first.slice(0, 2)}/${first.slice(0, -1)}`; ;) {
      const { objects, isTruncated } = await this.#engine.list({ prefix: this.#prefix, after })
      for (const { key, size } of objects) {
        const name = key.slice(key.lastIndexOf('/') + 1)
        if (wanted.has(name)) wanted.set(name, size)
      }
      const end = objects.at(-1)?.key
      if (!isTruncated || end === undefined || end.slice(end.lastIndexOf('/') + 1) > last) return blobIds.map((blobId) => wanted.get(hex(blobId)))
      after = end
    }
  }

  async storedSec(blobIds: readonly BlobId[]): Promise<readonly (number | undefined)[]> {
    return await inParallel(blobIds, atOnce, async (blobId) => {
      const found = await this.#engine.look(this.#key(blobId))
      if (found !== undefined && !Number.isFinite(found.modifiedSec)) throw new VaultError('io', 'the object store does not say when an object came')
      return found?.modifiedSec
    })
  }

  /** What got no answer at first and is there later counts as new: rather counted twice than not at all. */
  async put(blobs: readonly SealedBlob[]): Promise<readonly boolean[]> {
    return await inParallel(blobs, atOnce, async ({ blobId, sealed }) => {
      const { isNew, isUnsure } = await this.#engine.putNew(this.#key(blobId), sealed, hex(blobId))
      return isNew || isUnsure
    })
  }

  async read(blobId: BlobId, range?: { readonly start: number; readonly length: number }): Promise<Uint8Array> {
    const name = hex(blobId)
    if (range?.length === 0) return new Uint8Array(0)
    const found = await this.#engine.get(this.#key(blobId), range?.length ?? blobBytesMax, range)
    if (found === undefined) throw new VaultError('not-found', `no blob ${name}`, { subject: name })
    const expected = range === undefined ? found.size : Math.max(Math.min(range.length, found.size - range.start), 0)
    if (found.bytes.byteLength !== expected) throw new VaultError('corrupt', `blob ${name} is shorter than it should be`, { subject: name })
    return found.bytes
  }

  async remove(blobIds: readonly BlobId[]): Promise<void> {
    await inParallel(blobIds, atOnce, (blobId) => this.#engine.delete(this.#key(blobId)))
  }

  async inventory(after: Uint8Array, limit: number): Promise<{ readonly isLast: boolean; readonly blobs: readonly BlobSize[] }> {
    const blobs: BlobSize[] = []
    for (let behind = this.#key(after); ;) {
      const { objects, isTruncated } = await this.#engine.list({ prefix: this.#prefix, after: behind, limit: Math.min(limit - blobs.length, 1000) })
      for (const object of objects) {
        const blobId = this.#idOf(object)
        if (blobId !== undefined) blobs.push({ blobId, length: object.size })
      }
      const last = objects.at(-1)
      if (!isTruncated || last === undefined) return { isLast: true, blobs }
      if (blobs.length >= limit) return { isLast: false, blobs }
      behind = last.key
    }
  }

  /** Counted in one go where one page tells all, else in many at once. */
  async count(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    const first = await this.#engine.list({ prefix: this.#prefix })
    if (!first.isTruncated) return sumOf([this.#totalOf(first.objects)])
    const shards = Array.from({ length: 256 }, (_, at) => `${this.#prefix}${at.toString(16).padStart(2, '0')}/`)
    return sumOf(await inParallel(shards, atOnce / 2, async (prefix) => {
      let total = { blobs: 0, bytes: 0 }
      for (let after: string | undefined; ;) {
        const { objects, isTruncated } = await this.#engine.list({ prefix, ...(after === undefined ? {} : { after }) })
        total = sumOf([total, this.#totalOf(objects)])
        after = objects.at(-1)?.key
        if (!isTruncated || after === undefined) return total
      }
    }))
  }

  #totalOf(objects: readonly ListedObject[]): { readonly blobs: number; readonly bytes: number } {
    const ours = objects.filter((object) => this.#idOf(object) !== undefined)
    return { blobs: ours.length, bytes: ours.reduce((sum, { size }) => sum + size, 0) }
  }

  /** Undefined: somebody put it there who is not us. */
  #idOf({ key }: ListedObject): BlobId | undefined {
    const name = key.slice(this.#prefix.length)
    return /^[0-9a-f]{2}\/[0-9a-f]{64}$/.test(name) ? new Uint8Array(Buffer.from(name.slice(3), 'hex')) as Uint8Array as BlobId : undefined
  }

  #key(blobId: Uint8Array): string {
    const name = hex(blobId)
    return `${this.#prefix}${name.slice(0, 2)}/${name}`
  }
}

function sumOf(totals: readonly { readonly blobs: number; readonly bytes: number }[]): { blobs: number; bytes: number } {
  return totals.reduce((sum, { blobs, bytes }) => ({ blobs: sum.blobs + blobs, bytes: sum.bytes + bytes }), { blobs: 0, bytes: 0 })
}
