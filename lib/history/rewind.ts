// Back to an earlier position: an entry that came late belongs before what is folded already. Everything that began
// later is taken out, what ended later goes on; then the entries are folded again in their right order (undo and redo,
// Kleppmann et al., "A highly-available move operation for replicated trees", 2022).
import type { Database, Statement } from '../../native-deps/sqlite.js'

interface Watermarks {
  readonly cookies: number
  readonly versions: number
}

/** What is taken out, and what goes on; each with the numbers that it takes. */
const steps: readonly (readonly [source: string, ...values: (keyof Target)[]])[] = [
  ['DELETE FROM dirent WHERE cookie >= ?', 'cookies'],
  ['DELETE FROM past_dirent WHERE cookie >= ?', 'cookies'],
  [`INSERT INTO dirent (cookie, parent, name, ino, began, claimed, line, told)
    SELECT cookie, parent, name, ino, began, claimed, line, told FROM past_dirent WHERE ended > ?`, 'position'],
  ['DELETE FROM past_dirent WHERE ended > ?', 'position'],
  ['DELETE FROM version WHERE version >= ?', 'versions'],
  ['DELETE FROM past_version WHERE version >= ?', 'versions'],
  [`INSERT INTO version (version, ino, began, attributes, content)
    SELECT version, ino, began, attributes, content FROM past_version WHERE ended > ?`, 'position'],
  ['DELETE FROM past_version WHERE ended > ?', 'position'],
  ['DELETE FROM content WHERE began > ?', 'position'],
  ['UPDATE content SET ended = 0 WHERE ended > ?', 'position'],
  ['DELETE FROM node WHERE began > ?', 'position'],
  ['DELETE FROM snapshot WHERE position > ?', 'position'],
  ['INSERT INTO snapshot (name, position) SELECT name, position FROM past_snapshot WHERE ended > ? AND position <= ?', 'position', 'position'],
  ['DELETE FROM past_snapshot WHERE ended > ?', 'position'],
  ['DELETE FROM moment WHERE position > ?', 'position'],
  ['UPDATE moment SET kept = 1, forgotten = 0 WHERE kept = 2 AND forgotten > ?', 'position'],
  ['DELETE FROM device_name WHERE began > ?', 'position'],
  // How many devices there are is part of the state.
  ['DELETE FROM device WHERE NOT EXISTS (SELECT 1 FROM moment WHERE moment.device = device.device)'],
  [`UPDATE device SET (sequence, hash) = (SELECT moment.sequence, moment.hash FROM moment WHERE moment.device = device.device ORDER BY moment.sequence DESC LIMIT 1),
    name = coalesce((SELECT name FROM device_name WHERE device_name.device = device.device ORDER BY began DESC LIMIT 1), '')`],
  // Behind nothing, nothing is pruned.
  ["DELETE FROM mark WHERE name = 'pruned' AND ? = 0", 'position'],
]

interface Target extends Watermarks {
  readonly position: number
}

export class Rewind {
  readonly #steps: readonly { readonly run: Statement<number[], never>; readonly values: readonly (keyof Target)[] }[]
  readonly #watermarks: Statement<[number], Watermarks>
  readonly #pruned: Statement<[], number>

  constructor(database: Database) {
    this.#steps = steps.map(([source, ...values]) => ({ run: database.prepare(source), values }))
    this.#watermarks = database.prepare('SELECT cookies, versions FROM moment WHERE position = ?')
    this.#pruned = database.prepare("SELECT value FROM mark WHERE name = 'pruned'", 'first')
  }

  /** In a transaction of the caller's. Answers where it went back to: `position`, or 0 when what that needs is pruned. */
  to(position: number): number {
    const reached = position < (this.#pruned.get() ?? 0) ? 0 : position
    const target: Target = { position: reached, ...this.#watermarks.get(reached) ?? { cookies: 0, versions: 0 } }
    for (const { run, values } of this.#steps) run.run(...values.map((value) => target[value]))
    return reached
  }
}
