// What a file's content is after an operation, and which contents stand beside it because nobody has merged them yet.
import { sha256 } from '../../native-deps/sodium.js'
import { concatBytes, equalBytes } from '../terms/bytes.js'
import type { Causality } from './causality.js'
import type { Names } from './names.js'
import type { ContentRow, HistoryRows } from './rows.js'
import { withCopyOf } from './version-attributes.js'

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
    const [only] = heads
    if (heads.length === 1 && only?.began === this.#position) {
      this.#rows.changeContent(only.content, size, content, known)
      return
    }
    for (const head of heads) if (this.#replaces(head, heads.length, bases, known)) this.#rows.endContent(head.content, this.#position)
    const put = this.#rows.putContent(ino, size, content, known, this.#position)
    const version = this.#rows.version(ino)
    if (version !== undefined) this.#rows.putVersion(ino, version.attributes, put, this.#position)
  }

  /** Whether a content was written that the author of a removal did not know. */
  hasUnknownHead(ino: number): boolean {
    return this.#rows.heads(ino).some((head) => !this.#causality.covers(head.began))
  }

  /** Contents beside the newest are shown as files beside it, for as long as the file has a name. */
  showCopies(ino: number): void {
    const wanted = this.#wantedCopies(ino)
    for (const copy of this.#rows.copiesOf(ino)) {
      const id = this.#rows.idOf(copy)
      if (id !== undefined && wanted.delete(id.toString('latin1'))) continue
      this.#endCopy(copy)
    }
    const origin = this.#rows.version(ino)
    const [beside] = this.#rows.direntsOf(ino)
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

  #endCopy(copy: number): void {
    for (const row of this.#rows.direntsOf(copy)) this.#rows.endDirent(row, this.#position)
    this.#rows.endVersion(copy, this.#position)
  }

  #replaces(head: ContentRow, count: number, bases: readonly Uint8Array[], known: Uint8Array): boolean {
    if (!this.#causality.covers(head.began)) return false
    // The author saw one content only, so it is this one that was written over.
    if (count === 1) return true
    const hash = sha256(head.bytes)
    if (bases.some((base) => equalBytes(base, hash))) return true
    // Told, and told again after a crash, before its device knew that it had been.
    return this.#causality.origin(head.began)?.device === this.#causality.author && equalBytes(head.bases, known)
  }
}

/** The same on every device. */
function copyId(id: Uint8Array, content: Uint8Array): string {
  return Buffer.from(sha256(concatBytes(Buffer.from('conflict/v1\0'), id, sha256(content))).subarray(0, 16)).toString('latin1')
}
