// Damage as disks and people do it, to the store of a test's vault that nobody has open.
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { CacheInventory } from '../../../lib/cache/inventory.js'
import { segmentPath } from '../../../lib/cache/segment-files.js'
import { entryLengthAt } from '../../../lib/format/manifest-entry.js'
import { hex, type BlobId } from '../../../lib/terms/bytes.js'
import type { BlobLocation } from '../../../lib/store/blob-cache-port.js'

export function flipBit(path: string, at: number): void {
  const fd = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 0x10
  writeSync(fd, byte, 0, 1, at)
  closeSync(fd)
}

export function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.byteLength, at)
  closeSync(fd)
}

export class StoreDamage {
  readonly #store: string

  constructor(store: string) {
    this.#store = store
  }

  path(name: string): string {
    return join(this.#store, name)
  }

  exists(name: string): boolean {
    return existsSync(this.path(name))
  }

  /** `at`: the middle when left out. */
  flipInBlob(blobId: BlobId, at?: number): void {
    const { segment, offset, length } = this.#locate(blobId)
    flipBit(this.#segment(segment), offset + (at ?? Math.floor(length / 2)))
  }

  /** The bytes of one (of the same length) where another should be. */
  putBlobInPlaceOf(from: BlobId, to: BlobId): void {
    const [source, target] = [this.#locate(from), this.#locate(to)]
    if (source.length !== target.length) throw new Error('blobs of different lengths')
    overwrite(this.#segment(target.segment), target.offset, readFileSync(this.#segment(source.segment)).subarray(source.offset, source.offset + source.length))
  }

  removeSegmentOf(blobId: BlobId): void {
    rmSync(this.#segment(this.#locate(blobId).segment))
  }

  /** Where each entry of the one chain begins and ends. */
  entries(): { readonly path: string; readonly places: readonly { readonly start: number; readonly end: number }[] } {
    const [name = ''] = filesEnding(this.path('manifest'), '.chain')
    const path = join(this.path('manifest'), name)
    const bytes = readFileSync(path)
    const places: { start: number; end: number }[] = []
    for (let start = 0; start < bytes.byteLength;) {
      const end = start + (entryLengthAt(bytes.subarray(start)) ?? Infinity)
      places.push({ start, end })
      start = end
    }
    return { path, places }
  }

  newestLog(): string {
    return join(this.path('log'), filesEnding(this.path('log'), '.log').sort().at(-1) ?? '')
  }

  /** The file as it is now, to be put back later. */
  copyOf(name: string): string {
    const copy = this.path(`${name}.old`)
    copyFileSync(this.path(name), copy)
    return copy
  }

  #segment(segment: number): string {
    return segmentPath(this.path('cache'), segment)
  }

  #locate(blobId: BlobId): BlobLocation {
    const inventory = new CacheInventory(this.path('cache'))
    const found = inventory.reader.locate(blobId)
    inventory.close()
    if (found === undefined) throw new Error(`no blob ${hex(blobId)}`)
    return found
  }
}

/** Numbers of the pages in which two files differ. */
export function differingPages(one: string, other: string, pageBytes = 4096): number[] {
  const [a, b] = [readFileSync(one), readFileSync(other)]
  const pages = Math.min(statSync(one).size, statSync(other).size) / pageBytes
  return Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const at = page * pageBytes
    return a.compare(b, at, at + pageBytes, at, at + pageBytes) !== 0
  })
}

function filesEnding(folder: string, end: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(end))
}
