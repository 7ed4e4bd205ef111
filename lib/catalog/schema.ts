// Tables of the sealed catalog. WITHOUT ROWID puts a directory's names side by side. Nobody asks for an entry by its id:
// without an index of ids, what a new file costs does not grow with the vault (older catalogs have one, and keep it).
import type { Database } from '../../native-deps/sqlite.js'
import { VaultError } from '../terms/errors.js'

export const schemaVersion = 2

const tables = `
CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
  ino INTEGER PRIMARY KEY, id BLOB NOT NULL, orphan INTEGER NOT NULL DEFAULT 0,
  attributes BLOB NOT NULL, xattrs BLOB, content BLOB);
CREATE INDEX entry_orphan ON entry (ino) WHERE orphan = 1;
CREATE TABLE dirent (
  parent INTEGER NOT NULL, name TEXT NOT NULL, ino INTEGER NOT NULL, cookie INTEGER NOT NULL,
  PRIMARY KEY (parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX dirent_cookie ON dirent (parent, cookie);
CREATE TABLE chunk (chunk_id BLOB PRIMARY KEY, reference BLOB NOT NULL) WITHOUT ROWID;
`

export function prepareSchema(database: Database): void {
  const version = Number(database.pragma('user_version'))
  if (version === schemaVersion) return
  if (version !== 0) {
    throw new VaultError('format-unknown', `The catalog has version ${version}; this VaultFS reads ${schemaVersion}`, {
      subject: database.path, next: "Use the VaultFS that wrote it, or a newer one; or make it anew for this one with 'vaultfs rebuild'.",
    })
  }
  database.transaction(() => {
    database.exec(tables)
    database.exec(`PRAGMA user_version = ${schemaVersion}`)
  })
}
