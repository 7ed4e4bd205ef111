// Back to an earlier position: an entry that came late belongs before what is folded already. Everything that began
// later is taken out, what ended later goes on; then the entries are folded again in their right order (undo and redo,
// Kleppmann et al., "A highly-available move operation for replicated trees", 2022).
import type { Database } from '../../native-deps/sqlite.js'

interface Watermarks {
  readonly cookies: number
  readonly versions: number
}

/**
 * In a transaction of the caller's. Answers where it went back to: `position`, or 0 when what it would need was let go
 * of. `isNewDevice`: nobody reckoned with the entry that is to be folded behind it.
 */
export function rewind(database: Database, position: number, isNewDevice: boolean): number {
  const mark = (name: string): number => database.prepare<[string], number>('SELECT value FROM mark WHERE name = ?', 'first').get(name) ?? 0
  const target = position < mark(isNewDevice ? 'pruned at' : 'pruned through') ? 0 : position
  const { cookies, versions } = database.prepare<[number], Watermarks>('SELECT cookies, versions FROM moment WHERE position = ?').get(target) ?? { cookies: 0, versions: 0 }
  const run = (source: string, ...values: number[]): void => { database.prepare<number[]>(source).run(...values) }
  run('DELETE FROM dirent WHERE cookie >= ?', cookies)
  run('DELETE FROM past_dirent WHERE cookie >= ?', cookies)
  run(`INSERT INTO dirent (cookie, parent, name, ino, began, claimed, line, told)
    SELECT cookie, parent, name, ino, began, claimed, line, told FROM past_dirent WHERE ended > ?`, target)
  run('DELETE FROM past_dirent WHERE ended > ?', target)
  run('DELETE FROM version WHERE version >= ?', versions)
  run('DELETE FROM past_version WHERE version >= ?', versions)
  run(`INSERT INTO version (version, ino, began, attributes, content)
    SELECT version, ino, began, attributes, content FROM past_version WHERE ended > ?`, target)
  run('DELETE FROM past_version WHERE ended > ?', target)
  run('DELETE FROM content WHERE began > ?', target)
  run('UPDATE content SET ended = 0 WHERE ended > ?', target)
  run('DELETE FROM node WHERE began > ?', target)
  run('DELETE FROM snapshot WHERE position > ?', target)
  run('INSERT INTO snapshot (name, position) SELECT name, position FROM past_snapshot WHERE ended > ? AND position <= ?', target, target)
  run('DELETE FROM past_snapshot WHERE ended > ?', target)
  run('DELETE FROM moment WHERE position > ?', target)
  run('UPDATE moment SET kept = 1, forgotten = 0 WHERE kept = 2 AND forgotten > ?', target)
  rewindDevices(database, target)
  if (target === 0) run("DELETE FROM mark WHERE name LIKE 'pruned %'")
  return target
}

function rewindDevices(database: Database, target: number): void {
  database.prepare<[number]>('DELETE FROM device_name WHERE began > ?').run(target)
  // How many devices there are is part of the state.
  database.exec('DELETE FROM device WHERE NOT EXISTS (SELECT 1 FROM moment WHERE moment.device = device.device)')
  database.exec(`UPDATE device SET hash = x'', sequence = (SELECT max(sequence) FROM moment WHERE moment.device = device.device),
    name = coalesce((SELECT name FROM device_name WHERE device_name.device = device.device ORDER BY began DESC LIMIT 1), '')`)
}
