// Brings generations of the tree into the catalog: the log is synced up to what a generation holds, then it is applied
// and committed, then forgotten. A failed apply leaves it frozen and is tried again.
import type { CatalogMarks, CatalogWriter } from '../store/catalog-port.js'
import type { LogPort } from '../store/log-port.js'
import type { Generation } from './generation.js'
import { catalogRows, goneRows, type Tree } from './tree.js'

export class CatalogFeed {
  readonly #tree: Tree
  readonly #writer: CatalogWriter
  readonly #log: LogPort
  #pending: { readonly generation: Generation; readonly marks: CatalogMarks } | undefined
  #running: Promise<void> | undefined
  /** Newest log record whose effect is in the catalog. */
  appliedLsn: number

  constructor(tree: Tree, writer: CatalogWriter, log: LogPort, appliedLsn: number) {
    this.#tree = tree
    this.#writer = writer
    this.#log = log
    this.appliedLsn = appliedLsn
  }

  /** Resolves when what had changed before the call is in the catalog (or joins the apply that is under way). */
  apply(): Promise<void> {
    this.#running ??= this.#apply().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #apply(): Promise<void> {
    if (this.#pending === undefined) {
      if (this.#tree.changes === 0) return
      const { nextIno, nextCookie } = this.#tree
      this.#pending = { generation: this.#tree.freeze(), marks: { appliedLsn: this.#log.lastLsn, nextIno, nextCookie } }
    }
    const { generation, marks } = this.#pending
    this.#log.flush()
    // The catalog never knows what a power cut could take out of the log.
    await this.#log.sync(marks.appliedLsn)
    await this.#writer.apply({
      entries: catalogRows(generation), gone: goneRows(generation), dirents: generation.dirents(), chunks: generation.chunks.values(), marks,
    })
    this.#pending = undefined
    this.#tree.thaw()
    this.appliedLsn = marks.appliedLsn
  }
}
