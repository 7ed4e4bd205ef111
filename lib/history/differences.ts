// What differs between two states: only entries of which something began or ended between them are looked at.
import type { Database } from '../../native-deps/sqlite.js'
import type { HistoryDifference, PastEntry, Position } from '../store/history-port.js'
import type { Lookups } from './lookups.js'
import type { Moments } from './moments.js'
import { looksDifferent } from './version-attributes.js'

export const differencesBatch = 256
/** Entries looked at in one step. */
const stepEntries = 500

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
    const stayed = youngPaths.filter((path) => oldPaths.includes(path))
    const found: HistoryDifference[] = []
    const both = { ...(old === undefined ? {} : { before: old }), ...(young === undefined ? {} : { after: young }) }
    for (const path of come) {
      const source = gone.shift()
      if (source === undefined) found.push({ kind: 'added', path, ...both })
      else found.push({ kind: 'renamed', path, from: source, ...both })
    }
    for (const path of gone) found.push({ kind: 'removed', path, ...both })
    const kind = old === undefined || young === undefined ? undefined : changeOf(old, young)
    const at = stayed[0] ?? (gone.length + come.length > 0 ? youngPaths[0] : undefined)
    if (kind !== undefined && at !== undefined) found.push({ kind, path: at, ...both })
    return found
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
  if (Buffer.compare(old.content ?? new Uint8Array(0), young.content ?? new Uint8Array(0)) !== 0) return 'content'
  const xattrs = Buffer.compare(old.xattrs ?? new Uint8Array(0), young.xattrs ?? new Uint8Array(0)) !== 0
  return xattrs || looksDifferent(Buffer.from(old.attributes), young.attributes) ? 'attributes' : undefined
}
