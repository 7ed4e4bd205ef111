// Decoded pages of content trees, a bounded number of them, over the pool that opens and stores them.
import type { BlobReference } from '../format/blob-reference.js'
import type { PoolPort } from '../store/pool-port.js'
import { hex } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import { decodePage, encodePage, type Page } from './content-reference.js'

export class PageStore {
  readonly #pool: PoolPort
  readonly #countMax: number
  readonly #pages = new Map<string, Page>()

  constructor(pool: PoolPort, countMax: number = limits.pagesCachedMax) {
    this.#pool = pool
    this.#countMax = countMax
  }

  /** The page if it is at hand. */
  peek(reference: BlobReference): Page | undefined {
    const key = hex(reference.blobId)
    const page = this.#pages.get(key)
    if (page === undefined) return undefined
    this.#pages.delete(key)
    this.#pages.set(key, page)
    return page
  }

  async load(reference: BlobReference): Promise<Page> {
    const known = this.peek(reference)
    if (known !== undefined) return known
    const page = decodePage(await this.#pool.readPage(reference), `content page ${hex(reference.blobId)}`)
    this.#keep(reference, page)
    return page
  }

  /** Durable when it resolves. */
  async store(pages: readonly Page[]): Promise<readonly BlobReference[]> {
    const references = await this.#pool.storePages(pages.map(encodePage))
    references.forEach((reference, index) => {
      const page = pages[index]
      if (page !== undefined) this.#keep(reference, page)
    })
    return references
  }

  #keep(reference: BlobReference, page: Page): void {
    this.#pages.set(hex(reference.blobId), page)
    if (this.#pages.size <= this.#countMax) return
    for (const oldest of this.#pages.keys()) {
      this.#pages.delete(oldest)
      break
    }
  }
}
