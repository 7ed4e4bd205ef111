// Names over all of history that match a glob: every row is looked at, step by step, so that others are answered between.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { FoundName } from '../store/history-port.js'
import type { Lookups } from './lookups.js'
import type { Moments } from './moments.js'

interface NameRow {
  readonly cookie: number
  readonly parent: number
  readonly name: string
  readonly ino: number
  readonly began: number
  readonly ended: number
}

/** Rows that one step looks at. */
const stepRows = 50_000

export class NameSearch {
  readonly #moments: Moments
  readonly #lookups: Lookups
  readonly #current: Statement<[number, number, string], NameRow>
  readonly #past: Statement<[number, number, string], NameRow>
  readonly #last: Statement<[], number | null>

  constructor(database: Database, moments: Moments, lookups: Lookups) {
    this.#moments = moments
    this.#lookups = lookups
    const columns = 'cookie, parent, name, ino, began'
    this.#current = database.prepare(`SELECT ${columns}, 0 AS ended FROM dirent WHERE cookie >= ? AND cookie < ? AND name GLOB ? ORDER BY cookie DESC`)
    this.#past = database.prepare(`SELECT ${columns}, ended FROM past_dirent WHERE cookie >= ? AND cookie < ? AND name GLOB ? ORDER BY cookie DESC`)
    this.#last = database.prepare('SELECT max(cookies) FROM moment', 'first')
  }

  /** Live names first, then the newest of the others; each place and name once for each entry that it meant. */
  *find(pattern: string, limit: number): Generator<void, FoundName[]> {
    const glob = Buffer.from(pattern, 'utf8').toString('latin1')
    const found = new Map<string, { row: NameRow; began: number }>()
    for (const rows of [this.#current, this.#past]) {
      for (let to = this.#last.get() ?? 0; to > 0 && found.size < limit; to -= stepRows) {
        for (const row of rows.iterate(to - stepRows, to, glob)) {
          const key = `${row.parent}/${row.ino}/${row.name}`
          const known = found.get(key)
          if (known === undefined) found.set(key, { row, began: row.began })
          else known.began = Math.min(known.began, row.began)
          if (found.size >= limit) break
        }
        yield
      }
    }
    return [...found.values()].flatMap(({ row, began }) => this.#found(row, began) ?? [])
  }

  #found(row: NameRow, began: number): FoundName | undefined {
    const last = this.#moments.keptBefore(row.ended === 0 ? Number.MAX_SAFE_INTEGER : row.ended - 1)
    if (last === undefined || last.position < row.began) return undefined
    const folder = this.#lookups.pathOf(last.position, row.parent)
    // In a folder that had no name itself.
    if (folder === undefined) return undefined
    return {
      path: folder === '' ? row.name : `${folder}/${row.name}`, ino: row.ino, first: this.#moments.moment(began), last, live: row.ended === 0,
    }
  }
}
