// The node's one database: documents with versions, and the head of every chain. A chain's bytes lie in a file; what the
// head here says is what was acknowledged of it.
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../../native-deps/sqlite.js'
import { VaultError } from '../../terms/errors.js'
import { nodeLimits } from '../node-limits.js'

const version = 1
export const databaseName = 'node.db'
const schema = `
  CREATE TABLE records (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (scope, name)
  ) WITHOUT ROWID;
  CREATE TABLE heads (
    vault TEXT NOT NULL,
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (vault, device)
  ) WITHOUT ROWID;
  CREATE TABLE chain_places (
    vault TEXT NOT NULL,
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (vault, device, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE arrivals (
    vault TEXT NOT NULL,
    position INTEGER NOT NULL,
    sec INTEGER NOT NULL,
    PRIMARY KEY (vault, position)
  ) WITHOUT ROWID;
  PRAGMA user_version = ${version};
`

export interface HeadRow {
  readonly sequence: number
  readonly hash: Uint8Array
  /** Of the chain's file that count. */
  readonly bytes: number
}

export interface NodeDatabase {
  readonly database: Database
  /** Scope: a vault's id in hexadecimal, or empty for the node's own. */
  readonly record: Statement<[string, string], { readonly version: number; readonly bytes: Uint8Array }>
  readonly recordNames: Statement<[string, string, string], string>
  readonly insertRecord: Statement<[string, string, Uint8Array], never>
  readonly updateRecord: Statement<[Uint8Array, string, string, number], never>
  readonly removeRecord: Statement<[string, string], never>
  readonly head: Statement<[string, string], HeadRow>
  readonly heads: Statement<[string], HeadRow & { readonly device: string }>
  readonly saveHead: Statement<[string, string, number, Uint8Array, number], never>
  /** Where an entry begins, of about every 64th. */
  readonly savePlace: Statement<[string, string, number, number], never>
  readonly cutPlaces: Statement<[string, string, number], never>
  readonly removeHead: Statement<[string, string], never>
  readonly place: Statement<[string, string, number], { readonly sequence: number; readonly offset: number }>
  /** Blobs at a position up to this one were all there at that second. */
  readonly newestArrival: Statement<[string], { readonly position: number; readonly sec: number }>
  readonly arrival: Statement<[string, number], { readonly sec: number }>
  readonly saveArrival: Statement<[string, number, number], never>
  readonly removeArrivals: Statement<[string], never>
}

export function openNodeDatabase(directory: string): NodeDatabase {
  const path = join(directory, databaseName)
  // Secrets of open invitations are in it, wherever the folder lies; SQLite's other files take its mode.
  closeSync(openSync(path, 'a', 0o600))
  const database = openPlain(path, { synchronous: 'FULL', cacheBytes: nodeLimits.databaseCacheBytes, busyMs: nodeLimits.databaseBusyMs })
  const found = database.pragma('user_version')
  if (found === 0) {
    database.transaction(() => {
      // Another process may have made it meanwhile.
      if (database.pragma('user_version') === 0) database.exec(schema)
    })
  } else if (found !== version) {
    database.close()
    throw new VaultError('format-unknown', `${path}: written by a newer VaultFS (version ${String(found)})`, { subject: path, next: 'Update VaultFS and try again.' })
  }
  return statementsOf(database)
}

function statementsOf(database: Database): NodeDatabase {
  return {
    database,
    record: database.prepare('SELECT version, bytes FROM records WHERE scope = ? AND name = ?'),
    recordNames: database.prepare('SELECT name FROM records WHERE scope = ? AND name >= ? AND name < ? ORDER BY name', 'first'),
    insertRecord: database.prepare('INSERT INTO records (scope, name, version, bytes) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING'),
    updateRecord: database.prepare('UPDATE records SET version = version + 1, bytes = ? WHERE scope = ? AND name = ? AND version = ?'),
    removeRecord: database.prepare('DELETE FROM records WHERE scope = ? AND name = ?'),
    head: database.prepare('SELECT sequence, hash, bytes FROM heads WHERE vault = ? AND device = ?'),
    heads: database.prepare('SELECT device, sequence, hash, bytes FROM heads WHERE vault = ? ORDER BY device'),
    saveHead: database.prepare(
      'INSERT INTO heads (vault, device, sequence, hash, bytes) VALUES (?, ?, ?, ?, ?) '
      + 'ON CONFLICT (vault, device) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, bytes = excluded.bytes',
    ),
    savePlace: database.prepare('INSERT INTO chain_places (vault, device, sequence, offset) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING'),
    cutPlaces: database.prepare('DELETE FROM chain_places WHERE vault = ? AND device = ? AND sequence > ?'),
    removeHead: database.prepare('DELETE FROM heads WHERE vault = ? AND device = ?'),
    place: database.prepare('SELECT sequence, offset FROM chain_places WHERE vault = ? AND device = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1'),
    newestArrival: database.prepare('SELECT position, sec FROM arrivals WHERE vault = ? ORDER BY position DESC LIMIT 1'),
    arrival: database.prepare('SELECT sec FROM arrivals WHERE vault = ? AND position >= ? ORDER BY position LIMIT 1'),
    saveArrival: database.prepare('INSERT INTO arrivals (vault, position, sec) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    removeArrivals: database.prepare('DELETE FROM arrivals WHERE vault = ?'),
  }
}
