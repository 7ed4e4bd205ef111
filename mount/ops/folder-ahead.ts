// Whoever reads the files of a folder one after another (grep -r, cp -a, tar) waits for a reader thread at each. So the
// next ones, in the order in which they were listed, are opened while he looks at this one, many in one message, and their
// content goes to the kernel's pages. It begins when reads were asked for one after another, so never for what the kernel
// has; it goes only to files that nobody may change (native-deps/fuse/page-stores.ts).
import type { Contents } from '../../lib/content/contents.js'
import type { Reading } from '../../lib/content/reading.js'
import { isFile, type Entry } from '../../lib/tree/entry.js'
import type { PagePort } from '../../native-deps/fuse/handler.js'

/** Larger ones are read ahead by the kernel. */
const fileBytesMax = 128 * 1024
/** Files that are opened at once, and of how many left ahead the next ones are. */
const batchFiles = 12
const leftMin = 6
/** Files read one after another before it begins. */
const runMin = 2
/** Listed files whose successor is known, and readers at once. */
const listedMax = 16_384
const readersMax = 16

export interface FolderAheadParts {
  entry(ino: number): Entry | undefined
  readonly contents: Pick<Contents, 'of'>
  readonly reading: Pick<Reading, 'read'>
  /** Undefined while there is no mount, and where the driver has no such thing. */
  pages(): PagePort | undefined
}

/** Somebody who goes through a folder. */
interface Reader {
  /** Files that he read one after another. */
  run: number
  /** The one that he has opened last. */
  current: number
  /** The last one whose content is under way, and how many those are that he has not come to. */
  frontier: number
  ahead: number
}

export class FolderAhead {
  readonly #parts: FolderAheadParts
  readonly #next = new Map<number, number>()
  readonly #firsts = new Set<number>()
  #listed = { folder: 0, ino: 0 }
  /** By the file that he is expected to open. */
  readonly #expecting = new Map<number, Reader>()
  /** By the file that he has open. */
  readonly #reading = new Map<number, Reader>()
  /** The last one who came to a folder's end went through it file by file: so he will in the next. */
  #endedInARun = false

  constructor(parts: FolderAheadParts) {
    this.#parts = parts
  }

  /** A listing begins, or goes on. */
  lists(folder: number, isBeginning: boolean): void {
    if (isBeginning || this.#listed.folder !== folder) this.#listed = { folder, ino: 0 }
  }

  /** It shows this file. */
  shows(ino: number): void {
    const { ino: before } = this.#listed
    this.#listed.ino = ino
    if (before === 0) bounded(this.#firsts, ino)
    else if (this.#next.get(before) !== ino) {
      this.#next.delete(before)
      this.#next.set(before, ino)
      if (this.#next.size > listedMax) for (const oldest of this.#next.keys()) { this.#next.delete(oldest); break }
    }
  }

  /** Somebody opens it to read. */
  opened(ino: number): void {
    const reader = this.#expecting.get(ino) ?? { run: this.#endedInARun && this.#firsts.has(ino) ? runMin : 0, current: 0, frontier: 0, ahead: 0 }
    this.#expecting.delete(ino)
    this.#reading.delete(reader.current)
    reader.current = ino
    const next = this.#next.get(ino)
    if (next === undefined) {
      this.#endedInARun = reader.run >= runMin
      return
    }
    keep(this.#expecting, next, reader)
    keep(this.#reading, ino, reader)
    if (reader.ahead === 0) return
    reader.ahead--
    if (reader.ahead < leftMin) this.#extend(reader)
  }

  /** The kernel asks for its content. */
  read(ino: number): void {
    const reader = this.#reading.get(ino)
    if (reader === undefined) return
    this.#reading.delete(ino)
    reader.run++
    if (reader.run > runMin && reader.ahead === 0) this.#extend(reader)
  }

  #extend(reader: Reader): void {
    let at = reader.ahead > 0 ? reader.frontier : reader.current
    for (let count = 0; count < batchFiles; count++) {
      const next = this.#next.get(at)
      if (next === undefined) return
      at = next
      reader.frontier = at
      reader.ahead++
      this.#fetch(at)
    }
  }

  #fetch(ino: number): void {
    const { entry: entryOf, contents, reading, pages: pagesOf } = this.#parts
    const pages = pagesOf()
    const entry = entryOf(ino)
    if (pages === undefined || entry === undefined || !isFile(entry) || entry.size === 0 || entry.size > fileBytesMax) return
    const around = pages.begin(ino)
    if (around === undefined) return
    const store = (bytes: Uint8Array): void => {
      pages.store(around, 0, bytes)
      pages.end(around)
    }
    const content = contents.of(entry)
    const bytes = reading.read(content, 0, content.size)
    // Damage is met, and told, by who reads it.
    if (bytes instanceof Promise) bytes.then(store, () => { pages.end(around) })
    else store(bytes)
  }
}

function keep(readers: Map<number, Reader>, ino: number, reader: Reader): void {
  readers.set(ino, reader)
  if (readers.size > readersMax) for (const oldest of readers.keys()) { readers.delete(oldest); break }
}

function bounded(inos: Set<number>, ino: number): void {
  inos.add(ino)
  if (inos.size > listedMax / 16) for (const oldest of inos) { inos.delete(oldest); break }
}
