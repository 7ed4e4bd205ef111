// A catalog in memory, with copies of itself for tests of what an older one may forget.
import { encodeBlobReference, decodeBlobReference, type BlobReference } from '../../lib/format/blob-reference.js'
import type { CatalogBatch, CatalogDirent, CatalogEntry, CatalogListed, CatalogMarks, CatalogPort, CatalogWriter } from '../../lib/store/catalog-port.js'
import { hex } from '../../lib/terms/bytes.js'

export class FakeCatalog implements CatalogPort, CatalogWriter {
  readonly entries = new Map<number, CatalogEntry & { readonly orphan: boolean }>()
  readonly dirents = new Map<number, Map<string, CatalogDirent>>()
  readonly chunks = new Map<string, Uint8Array>()
  #marks: CatalogMarks = { appliedLsn: 0, nextIno: 1, nextCookie: 16 }
  readonly #calls: string[]
  readonly #pause: () => Promise<void>

  constructor(calls: string[] = [], pause: () => Promise<void> = () => Promise.resolve()) {
    this.#calls = calls
    this.#pause = pause
  }

  copy(calls: string[], pause: () => Promise<void>): FakeCatalog {
    const copy = new FakeCatalog(calls, pause)
    for (const [ino, entry] of this.entries) copy.entries.set(ino, entry)
    for (const [parent, names] of this.dirents) copy.dirents.set(parent, new Map(names))
    for (const [id, reference] of this.chunks) copy.chunks.set(id, reference)
    copy.#marks = this.#marks
    return copy
  }

  entry(ino: number): CatalogEntry | undefined {
    return this.entries.get(ino)
  }

  lookup(parent: number, name: string): CatalogDirent | undefined {
    return this.dirents.get(parent)?.get(name)
  }

  list(parent: number, after: number, before: number, limit: number): readonly CatalogDirent[] {
    const rows = [...this.dirents.get(parent)?.values() ?? []].filter(({ cookie }) => cookie > after && cookie < before)
    return rows.sort((a, b) => a.cookie - b.cookie).slice(0, limit)
  }

  listWithEntries(parent: number, after: number, before: number, limit: number): readonly CatalogListed[] {
    return this.list(parent, after, before, limit).map((dirent) => this.#whole(dirent))
  }

  lookupFrom(parent: number, name: string, limit: number): readonly CatalogListed[] {
    const rows = [...this.dirents.get(parent)?.values() ?? []].filter((dirent) => dirent.name >= name)
    return rows.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit).map((dirent) => this.#whole(dirent))
  }

  #whole(dirent: CatalogDirent): CatalogListed {
    const { attributes = null, xattrs = null, content = null } = this.entries.get(dirent.ino) ?? {}
    return { ...dirent, attributes, xattrs, content }
  }

  chunk(chunkId: Uint8Array): BlobReference | undefined {
    const row = this.chunks.get(hex(chunkId))
    return row === undefined ? undefined : decodeBlobReference(row)
  }

  marks(): CatalogMarks {
    return this.#marks
  }

  orphans(): readonly number[] {
    return [...this.entries].filter(([, { orphan }]) => orphan).map(([ino]) => ino)
  }

  counts(): { entries: number; chunks: number } {
    return { entries: this.entries.size, chunks: this.chunks.size }
  }

  /** Row by row, with pauses: readers see a batch half applied, as they do with the real one. */
  async apply(batch: CatalogBatch): Promise<void> {
    this.#calls.push(`catalog applies ${String(batch.marks.appliedLsn)}`)
    await this.#pause()
    for (const ino of batch.gone) this.entries.delete(ino)
    for (const { ino, orphan, attributes, xattrs, content } of batch.entries) {
      this.entries.set(ino, { orphan, attributes: Buffer.from(attributes), xattrs: xattrs === null ? null : Buffer.from(xattrs), content: content === null ? null : Buffer.from(content) })
    }
    await this.#pause()
    for (const { parent, name, ino, cookie } of batch.dirents) {
      const names = this.dirents.get(parent) ?? new Map<string, CatalogDirent>()
      this.dirents.set(parent, names)
      if (ino === 0) names.delete(name)
      else names.set(name, { name, ino, cookie })
      await this.#pause()
    }
    for (const reference of batch.chunks) this.chunks.set(hex(reference.chunkId), encodeBlobReference(reference))
    this.#marks = batch.marks
    this.#calls.push(`catalog applied ${String(batch.marks.appliedLsn)}`)
  }
}
