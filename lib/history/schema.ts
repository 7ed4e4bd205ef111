// Tables of the sealed database of the past. Current rows and past ones lie apart, so neither the present nor a listing
// of the past walks over what is dead. A past row held from `began` up to, not including, `ended`. Cookies and version
// numbers only grow, so "began at or before a position" is a range of them: see `moment`.
// `fork` (interval.ts) finds the rows that held at a position without scanning the others.
import { rmSync } from 'node:fs'
import { openSealed, type Database } from '../../native-deps/sqlite.js'
import { VaultError } from '../terms/errors.js'

const schemaVersion = 2

const tables = `
CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE device (
  device INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE TABLE device_name (began INTEGER PRIMARY KEY, device INTEGER NOT NULL, name TEXT NOT NULL);
-- One a manifest entry. Start and end: its bytes in the chain's file. Cookies and versions: the first ones not given out
-- when it was folded. Seen: what its author had read of other devices. Kept: 0 when let go of; 2 when it is, but its rows
-- stay because the operation of position 'forgotten' may yet be folded again (retention.ts).
CREATE TABLE moment (
  position INTEGER PRIMARY KEY, sec INTEGER NOT NULL, nsec INTEGER NOT NULL, device INTEGER NOT NULL, sequence INTEGER NOT NULL,
  lamport INTEGER NOT NULL, hash BLOB NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, cookies INTEGER NOT NULL, versions INTEGER NOT NULL,
  kept INTEGER NOT NULL DEFAULT 1, forgotten INTEGER NOT NULL DEFAULT 0, seen TEXT);
CREATE UNIQUE INDEX moment_entry ON moment (device, sequence);
CREATE INDEX moment_kept ON moment (position, sec) WHERE kept = 1;
CREATE INDEX moment_leaving ON moment (position) WHERE kept = 2;
CREATE TABLE snapshot (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE past_snapshot (name TEXT NOT NULL, position INTEGER NOT NULL, ended INTEGER NOT NULL);
-- Origin: of a copy that a conflict needs, the entry whose content it shows.
CREATE TABLE node (ino INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, began INTEGER NOT NULL, origin INTEGER);
CREATE INDEX node_origin ON node (origin) WHERE origin IS NOT NULL;
CREATE TABLE content (
  content INTEGER PRIMARY KEY, ino INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL, bytes BLOB NOT NULL, bases BLOB NOT NULL);
CREATE INDEX content_ino ON content (ino, began);
CREATE TABLE version (
  version INTEGER PRIMARY KEY, ino INTEGER NOT NULL UNIQUE, began INTEGER NOT NULL, attributes BLOB NOT NULL, content INTEGER);
CREATE TABLE past_version (
  version INTEGER PRIMARY KEY, ino INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, attributes BLOB NOT NULL, content INTEGER);
CREATE INDEX past_version_ino ON past_version (ino, began);
CREATE INDEX past_version_ended ON past_version (ended);
-- Told: the name that the manifest gives, where another is shown because two claim it; '' of a conflict's copy. Claimed:
-- position of the link or move that gave it. Line: the same for a name and for what it is moved to.
CREATE TABLE dirent (
  cookie INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name TEXT NOT NULL, ino INTEGER NOT NULL, began INTEGER NOT NULL,
  claimed INTEGER NOT NULL, line INTEGER NOT NULL, told TEXT);
CREATE UNIQUE INDEX dirent_name ON dirent (parent, name);
CREATE INDEX dirent_place ON dirent (parent, cookie);
CREATE INDEX dirent_ino ON dirent (ino);
CREATE INDEX dirent_told ON dirent (parent, told) WHERE told IS NOT NULL;
CREATE TABLE past_dirent (
  cookie INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name TEXT NOT NULL, ino INTEGER NOT NULL, began INTEGER NOT NULL,
  ended INTEGER NOT NULL, fork INTEGER NOT NULL, claimed INTEGER NOT NULL, line INTEGER NOT NULL, told TEXT);
CREATE INDEX past_dirent_name ON past_dirent (parent, name, began);
CREATE INDEX past_dirent_began ON past_dirent (parent, fork, began);
CREATE INDEX past_dirent_ended ON past_dirent (parent, fork, ended);
CREATE INDEX past_dirent_end ON past_dirent (ended);
CREATE INDEX past_dirent_ino ON past_dirent (ino, began);
`

export interface OpenHistoryDatabase {
  readonly path: string
  readonly key: Uint8Array
  readonly cacheBytes: number
}

/** Everything in it can be folded again: one that is damaged, or of another version, is begun anew. `fresh`: it was. */
export function openHistoryDatabase(options: OpenHistoryDatabase): { readonly database: Database; readonly fresh: boolean } {
  try {
    return open(options)
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'corrupt') throw error
    removeHistoryDatabase(options.path)
    return { ...open(options), fresh: true }
  }
}

export function removeHistoryDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
}

function open(options: OpenHistoryDatabase): { database: Database; fresh: boolean } {
  const { path, key, cacheBytes } = options
  const database = openSealed(path, key, { synchronous: 'NORMAL', pageBytes: 4096, cacheBytes })
  const version = Number(database.pragma('user_version'))
  if (version === schemaVersion) return { database, fresh: false }
  if (version !== 0) {
    database.close()
    removeHistoryDatabase(path)
    return { ...open(options), fresh: true }
  }
  createHistoryTables(database)
  return { database, fresh: true }
}

/** In a database without any. */
export function createHistoryTables(database: Database): void {
  database.transaction(() => {
    database.exec(tables)
    database.exec(`PRAGMA user_version = ${schemaVersion}`)
  })
}
