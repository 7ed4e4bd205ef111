// Back to an earlier position: an entry that came late belongs before what is folded already. Everything that began
// later is taken out, what ended later goes on; then the entries are folded again in their right order (undo and redo,
// Kleppmann et al., "A highly-available move operation for replicated trees", 2022).
import type { Database } from '../../native-deps/sqlite.js'

interface Watermarks {
  readonly cookies: number
  readonly versions: number
}

/**
 * In a transaction of the caller's. Exact for kept positions only (retention has thinned out what lies between): answers
 * the one it went back to, the newest kept one at or before `position`.
 */
export function rewind(database: Database, position: number): number {
  const kept = database.prepare<[number], number | null>('SELECT max(position) FROM moment WHERE kept = 1 AND position <= ?', 'first').get(position) ?? 0
  const { cookies, versions } = database.prepare<[number], Watermarks>('SELECT cookies, versions FROM moment WHERE position = ?').get(kept) ?? { cookies: 0, versions: 0 }
  const run = (source: string, ...values: number[]): void => { database.prepare<number[]>(source).run(...values) }
  run('DELETE FROM dirent WHERE cookie >= ?', cookies)
  run('DELETE FROM past_dirent WHERE cookie >= ?', cookies)
  run(`INSERT INTO dirent (cookie, parent, name, ino, began, moved, told)
    SELECT cookie, parent, name, ino, began, moved, told FROM past_dirent WHERE ended > ?`, kept)
  run('DELETE FROM past_dirent WHERE ended > ?', kept)
  run('DELETE FROM version WHERE version >= ?', versions)
  run('DELETE FROM past_version WHERE version >= ?', versions)
  run(`INSERT INTO version (version, ino, began, attributes, content)
    SELECT version, ino, began, attributes, content FROM past_version WHERE ended > ?`, kept)
  run('DELETE FROM past_version WHERE ended > ?', kept)
  run('DELETE FROM content WHERE began > ?', kept)
  run('UPDATE content SET ended = 0 WHERE ended > ?', kept)
  run('DELETE FROM node WHERE began > ?', kept)
  run('DELETE FROM snapshot WHERE position > ?', kept)
  run('DELETE FROM moment WHERE position > ?', kept)
  run(`UPDATE device SET sequence = coalesce((SELECT max(sequence) FROM moment WHERE moment.device = device.device), 0), hash = x''`)
  return kept
}
