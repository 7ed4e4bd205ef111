// What differs between two states: only entries of which something began or ended between them are looked at.
import type { Database } from '../../native-deps/sqlite.js'
import type { HistoryDifference, PastEntry, Position } from '../store/history-port.js'
import type { Lookups } from './lookups.js'
import type { Moments } from './moments.js'
import { rootIno } from './names.js'
import { isDirectoryRecord, looksDifferent } from './version-attributes.js'

export const differencesBatch = 256
/** Entries looked at in one step. */
const stepEntries = 500
const foldersKept = 4096

interface Span {
  readonly from: Position
  readonly to: Position
  /** The folder below which differences count: its path in each state; undefined: it is not there. */
  readonly before: string | undefined
  readonly after: string | undefined
}

export class Differences {
  readonly #database: Database
  readonly #moments: Moments
  readonly #lookups: Lookups
  /** Of one comparison, by position and path; undefined: it was not there. */
  readonly #folders = new Map<string, number | undefined>()

  constructor(database: Database, moments: Moments, lookups: Lookups) {
    this.#database = database
    this.#moments = moments
    this.#lookups = lookups
  }

  *between(from: Position, to: Position, directory: number): Generator<readonly HistoryDifference[], void> {
    const backwards = from > to
    const [early, late] = backwards ? [to, from] : [from, to]
    const span = { from, to, before: this.#lookups.pathOf(from, directory), after: this.#lookups.pathOf(to, directory) }
    let batch: HistoryDifference[] = []
    let looked = 0
    this.#folders.clear()
    for (const ino of this.#changed(early, late)) {
      batch.push(...this.#ofEntry(ino, span))
      if (++looked % stepEntries === 0 || batch.length >= differencesBatch) {
        yield batch
        batch = []
      }
    }
    yield batch
  }

  /** Entries of which a name or a version began or ended between. */
  #changed(from: Position, to: Position): ReadonlySet<number> {
    const early = this.#moments.watermarks(from)
    const late = this.#moments.watermarks(to)
    const changed = new Set<number>()
    const add = (source: string, low: number, high: number): void => {
      for (const ino of this.#database.prepare<[number, number], number>(source, 'first').iterate(low, high)) changed.add(ino)
    }
    for (const table of ['version', 'past_version']) add(`SELECT ino FROM ${table} WHERE version >= ? AND version < ?`, early.versions, late.versions)
    for (const table of ['dirent', 'past_dirent']) add(`SELECT ino FROM ${table} WHERE cookie >= ? AND cookie < ?`, early.cookies, late.cookies)
    for (const table of ['past_version', 'past_dirent']) add(`SELECT ino FROM ${table} WHERE ended > ? AND ended <= ?`, from, to)
    return changed
  }

  #ofEntry(ino: number, { from, to, before, after }: Span): HistoryDifference[] {
    const old = this.#lookups.entry(from, ino)
    const young = this.#lookups.entry(to, ino)
    const oldPaths = old === undefined ? [] : this.#paths(from, ino, before)
    const youngPaths = young === undefined ? [] : this.#paths(to, ino, after)
    const gone = oldPaths.filter((path) => !youngPaths.includes(path))
    const come = youngPaths.filter((path) => !oldPaths.includes(path))
    const found: HistoryDifference[] = []
    const both = { ...(old === undefined ? {} : { before: old }), ...(young === undefined ? {} : { after: young }) }
    const vacated: string[] = []
    for (const path of gone) {
      const heir = this.#at(to, path)
      // Programs that save by renaming a new file over the old one: the path stays, and that is what people look at.
      const kind = heir === undefined || old === undefined ? undefined : changeOf(old, heir)
      if (heir === undefined) vacated.push(path)
      else if (kind !== undefined) found.push({ kind, path, ...both, after: heir })
    }
    let at = youngPaths.find((path) => oldPaths.includes(path))
    for (const path of come) {
      // Told with the entry that had the path before.
      if (this.#at(from, path) !== undefined) continue
      const source = vacated.shift()
      if (source === undefined) found.push({ kind: 'added', path, ...both })
      else {
        found.push({ kind: 'renamed', path, from: source, ...both })
        at ??= path
      }
    }
    for (const path of vacated) found.push({ kind: 'removed', path, ...both })
    const kind = old === undefined || young === undefined ? undefined : changeOf(old, young)
    if (kind !== undefined && at !== undefined) found.push({ kind, path: at, ...both })
    return found
  }

  /** What a path from the root meant. */
  #at(position: Position, path: string): PastEntry | undefined {
    const cut = path.lastIndexOf('/')
    const folder = this.#folderAt(position, path.slice(0, Math.max(cut, 0)))
    return folder === undefined ? undefined : this.#lookups.lookup(position, folder, path.slice(cut + 1))
  }

  #folderAt(position: Position, path: string): number | undefined {
    if (path === '') return rootIno
    const key = `${position} ${path}`
    if (this.#folders.has(key)) return this.#folders.get(key)
    const folder = this.#at(position, path)?.ino
    if (this.#folders.size >= foldersKept) this.#folders.clear()
    this.#folders.set(key, folder)
    return folder
  }

  /** Paths below the folder whose path is `within`. */
  #paths(position: Position, ino: number, within: string | undefined): string[] {
    if (within === undefined) return []
    const paths: string[] = []
    for (const { parent, name } of this.#lookups.namesOf(position, ino)) {
      const folder = this.#lookups.pathOf(position, parent)
      if (folder === undefined) continue
      const path = folder === '' ? name : `${folder}/${name}`
      if (within === '' || path.startsWith(`${within}/`)) paths.push(path)
    }
    return paths
  }
}

function changeOf(old: PastEntry, young: PastEntry): 'content' | 'attributes' | undefined {
  if (isDirectoryRecord(old.attributes) !== isDirectoryRecord(young.attributes)) return 'content'
  if (Buffer.compare(old.content ?? new Uint8Array(0), young.content ?? new Uint8Array(0)) !== 0) return 'content'
  const xattrs = Buffer.compare(old.xattrs ?? new Uint8Array(0), young.xattrs ?? new Uint8Array(0)) !== 0
  return xattrs || looksDifferent(Buffer.from(old.attributes), young.attributes) ? 'attributes' : undefined
}
