// What a file's content is after an operation, and which contents stand beside it because nobody has merged them yet.
import { sha256 } from '../../native-deps/sodium.js'
import { concatBytes, equalBytes } from '../terms/bytes.js'
import type { Causality } from './causality.js'
import type { Names } from './names.js'
import type { ContentRow, DirentRow, HistoryRows } from './rows.js'
import { withCopyOf, withSize } from './version-attributes.js'

export interface ContentChange {
  readonly ino: number
  readonly size: number
  readonly content: Uint8Array
  /** Hashes of the contents that it replaces. */
  readonly bases: readonly Uint8Array[]
}

export class Contents {
  readonly #rows: HistoryRows
  readonly #causality: Causality
  readonly #names: Names
  #position = 0

  constructor(rows: HistoryRows, causality: Causality, names: Names) {
    this.#rows = rows
    this.#causality = causality
    this.#names = names
  }

  begin(position: number): void {
    this.#position = position
  }

  change({ ino, size, content, bases }: ContentChange): void {
    const known = concatBytes(...bases)
    const heads = this.#rows.heads(ino)
    const own = heads.at(-1)
    if (own?.began === this.#position) {
      this.#rows.changeContent(own.content, size, content, known)
      return
    }
    for (const head of heads) if (this.#replaces({ ino, size, content, bases }, head, heads.length)) this.#rows.endContent(head.content, this.#position)
    const put = this.#rows.putContent(ino, size, content, known, this.#position)
    const version = this.#rows.version(ino)
    if (version !== undefined) this.#rows.putVersion(ino, this.sized(version.attributes, size), put, this.#position)
  }

  /** Attributes that one device told beside content of another keep the size of that. */
  fit(attributes: Uint8Array, content: number | null): Uint8Array {
    if (content === null || this.#causality.alone) return attributes
    const row = this.#rows.content(content)
    return row === undefined ? attributes : this.sized(attributes, row.size)
  }

  sized(attributes: Uint8Array, size: number): Uint8Array {
    return this.#causality.alone ? attributes : withSize(attributes, size)
  }

  /** Whether a content was written that the author of a removal did not know. */
  hasUnknownHead(ino: number): boolean {
    return this.#rows.heads(ino).some((head) => !this.#causality.covers(head.began))
  }

  /** Contents beside the newest are shown as files beside it, for as long as the file has a name. */
  showCopies(ino: number): void {
    const wanted = this.#wantedCopies(ino)
    const [beside] = this.#rows.direntsOf(ino)
    for (const copy of this.#rows.copiesOf(ino)) {
      const id = this.#rows.idOf(copy)?.toString('latin1') ?? ''
      const [shown] = this.#rows.direntsOf(copy)
      if (shown === undefined) continue
      // Where its origin went, it goes.
      if (wanted.has(id) && beside !== undefined && shown.parent === beside.parent && shown.began >= beside.began) wanted.delete(id)
      else this.#endCopy(copy, shown)
    }
    const origin = this.#rows.version(ino)
    if (origin === undefined || beside === undefined) return
    for (const [key, head] of wanted) {
      const id = Buffer.from(key, 'latin1')
      const copy = this.#rows.node(id)?.ino ?? this.#rows.putNode(id, 0, this.#position, ino)
      this.#rows.putVersion(copy, withCopyOf(origin.attributes, id, head.size), head.content, this.#position)
      this.#names.putCopy(copy, beside, head.began)
    }
  }

  #wantedCopies(ino: number): Map<string, ContentRow> {
    const heads = this.#rows.heads(ino)
    const id = this.#rows.idOf(ino)
    if (heads.length < 2 || id === undefined || this.#rows.direntsOf(ino).length === 0) return new Map()
    return new Map(heads.slice(0, -1).map((head) => [copyId(id, head.bytes), head]))
  }

  #endCopy(copy: number, shown: DirentRow): void {
    this.#names.endCopy(shown)
    this.#rows.endVersion(copy, this.#position)
  }

  #replaces({ content, bases }: ContentChange, head: ContentRow, count: number): boolean {
    // Two devices wrote the same.
    if (equalBytes(head.bytes, content)) return true
    const hash = sha256(head.bytes)
    if (bases.some((base) => equalBytes(base, hash))) return true
    if (!this.#causality.covers(head.began)) return false
    // The author saw one content only, so it is this one that was written over. No content has no hash.
    if (count === 1 || head.bytes.byteLength === 0) return true
    // Told, and told again after a crash, before its device knew that it had been: else it would name that one.
    return this.#causality.isOwnAndLatest(head.began) && equalBytes(head.bases, concatBytes(...bases))
  }
}

/** The same on every device. */
function copyId(id: Uint8Array, content: Uint8Array): string {
  return Buffer.from(sha256(concatBytes(Buffer.from('conflict/v1\0'), id, sha256(content))).subarray(0, 16)).toString('latin1')
}
