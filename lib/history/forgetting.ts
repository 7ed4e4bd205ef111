// Lets go of moments, and of the rows that only those needed. With several devices the rows stay until nobody's entry can
// come before the forgetting or need them any more (MERGE.md): what is folded again finds everything as it was.
import type { Operation } from '../format/operations.js'
import type { Database, Statement } from '../../native-deps/sqlite.js'
import { Horizon } from './horizon.js'
import { keptMoments } from './retention.js'

/** Rows that one step looks at. */
const stepRows = 20_000

interface Statements {
  readonly dropSnapshot: Statement<[number, string], never>
  readonly removeSnapshot: Statement<[string], never>
  readonly kept: Statement<[], number>
  readonly letGo: Statement<[number, number], never>
  readonly leaving: Statement<[], number | null>
  readonly left: Statement<[number], never>
  readonly mark: Statement<[string, number], never>
}

export class Forgetting {
  readonly #database: Database
  readonly #horizon: Horizon
  readonly #statements: Statements
  /** The oldest operation that let go of moments whose rows are still there; Infinity: none. */
  #oldest = Infinity

  constructor(database: Database) {
    this.#database = database
    this.#horizon = new Horizon(database)
    this.#statements = prepareStatements(database)
    this.reload()
  }

  /** After a rewind. */
  reload(): void {
    this.#oldest = this.#statements.leaving.get() ?? Infinity
  }

  letGo({ nowSec, policy, drop }: Extract<Operation, { kind: 'forget' }>, position: number): void {
    const { dropSnapshot, removeSnapshot, kept, letGo } = this.#statements
    for (const bytes of drop) {
      const name = Buffer.from(bytes).toString('utf8')
      dropSnapshot.run(position, name)
      removeSnapshot.run(name)
    }
    const stay = keptMoments(this.#database, policy, nowSec)
    for (const each of kept.all()) if (!stay.has(each)) letGo.run(position, each)
    this.reload()
  }

  /** Removes rows, step by step: between two the thread may do something else. */
  *prune(position: number): IterableIterator<void> {
    if (this.#oldest > position) return
    const { through, known } = this.#reach(position)
    if (this.#oldest > known || this.#statements.left.run(known).changes === 0) return
    this.reload()
    this.#statements.mark.run('pruned', through)
    yield
    const needed = (kept: number): string => `EXISTS (SELECT 1 FROM moment WHERE kept = ${kept} AND position >= began AND position < ended)`
    const over = `ended <= ${Math.min(known, position - 1)} AND NOT ${needed(1)} AND NOT ${needed(2)}`
    yield* this.#remove('past_dirent', 'cookie', over)
    yield* this.#remove('past_version', 'version', over)
    yield* this.#remove('content', 'content', `ended > 0 AND ${over}`)
    // Entries of which nothing is left.
    const gone = (table: string): string => `NOT EXISTS (SELECT 1 FROM version WHERE version.ino = ${table}.ino)
      AND NOT EXISTS (SELECT 1 FROM past_version WHERE past_version.ino = ${table}.ino)`
    yield* this.#remove('content', 'content', gone('content'))
    yield* this.#remove('node', 'ino', gone('node'))
  }

  /**
   * An entry that comes late belongs behind `through`, and so does all that is folded again then. All entries behind
   * `through` know what ended by `known`: none of them brings it back. One of a device that nobody knew, and that does
   * not know it, belongs before `through` (MERGE.md).
   */
  #reach(position: number): { readonly through: number; readonly known: number } {
    if (this.#horizon.isAlone) return { through: position, known: position }
    const through = this.#horizon.before(position)
    return { through, known: this.#oldest > through ? 0 : this.#horizon.before(this.#horizon.settled(through)) }
  }

  *#remove(table: string, key: string, condition: string): IterableIterator<void> {
    const edge = this.#database.prepare<[number, number], number>(`SELECT ${key} FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT 1 OFFSET ?`, 'first')
    const remove = this.#database.prepare<[number, number]>(`DELETE FROM ${table} WHERE ${key} > ? AND ${key} <= ? AND ${condition}`)
    for (let from: number = -1; ;) {
      const to = edge.get(from, stepRows)
      remove.run(from, to ?? Number.MAX_SAFE_INTEGER)
      if (to === undefined) return
      from = to
      yield
    }
  }
}

function prepareStatements(database: Database): Statements {
  return {
    dropSnapshot: database.prepare('INSERT INTO past_snapshot (name, position, ended) SELECT name, position, ? FROM snapshot WHERE name = ?'),
    removeSnapshot: database.prepare('DELETE FROM snapshot WHERE name = ?'),
    kept: database.prepare('SELECT position FROM moment WHERE kept = 1', 'first'),
    letGo: database.prepare('UPDATE moment SET kept = 2, forgotten = ? WHERE position = ?'),
    leaving: database.prepare('SELECT min(forgotten) FROM moment WHERE kept = 2', 'first'),
    left: database.prepare('UPDATE moment SET kept = 0 WHERE kept = 2 AND forgotten <= ?'),
    mark: database.prepare('INSERT OR REPLACE INTO mark (name, value) VALUES (?, ?)'),
  }
}
