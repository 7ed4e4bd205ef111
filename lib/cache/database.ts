// The cache's index: a row for each blob in the order in which they came, the id beside it, and what is alive in each
// segment file. Only an index: it holds no blob, and deleting it loses nothing (the keeper scans the segments).
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { Logger } from '../terms/log.js'
import { databaseName } from './segment-files.js'

const version = 1
const schema = `
  CREATE TABLE blobs (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX blobs_by_id ON blobs (id);
  CREATE TABLE segments (
    segment INTEGER PRIMARY KEY,
    end INTEGER NOT NULL,
    blobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  PRAGMA user_version = ${version};
`

export interface SegmentRow {
  readonly segment: number
  /** Everything before it was indexed once. */
  readonly end: number
  readonly blobs: number
  readonly bytes: number
}

export interface CacheDatabase {
  readonly database: Database
  readonly insert: Statement<[Uint8Array, number, number, number], never>
  readonly find: Statement<[Uint8Array], { readonly segment: number; readonly offset: number; readonly length: number }>
  readonly remove: Statement<[Uint8Array], { readonly segment: number; readonly offset: number; readonly length: number }>
  readonly segments: Statement<[], SegmentRow>
  readonly saveSegment: Statement<[number, number, number, number], never>
  readonly removeSegment: Statement<[number], never>
}

/** Opens the index, or makes a new one when there is none or it is damaged. */
export function openCacheDatabase(directory: string, logger: Logger, cacheBytes: number = limits.indexCacheBytes): CacheDatabase {
  const path = join(directory, databaseName)
  try {
    return prepared(opened(path, cacheBytes))
  } catch (error) {
    // Tables or columns that are called otherwise are damage as well: nobody but us has written them.
    if (!(error instanceof VaultError) || (error.code !== 'corrupt' && error.code !== 'broken-invariant')) throw error
    logger.log('warn', 'the index of the cache is damaged: it is made anew from the segments', { path, reason: error.message })
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
    return prepared(opened(path, cacheBytes))
  }
}

/** With another write version in its first page than is known SQLite reads, and only says so when something is stored. */
function requireWritable(path: string): void {
  const fd = openSync(path, 'r')
  try {
    const head = new Uint8Array(20)
    const isLong = readSync(fd, head, 0, head.byteLength, 0) === head.byteLength
    if (isLong && (head[18] ?? 0) > 2) throw new VaultError('corrupt', `${path}: its first page is damaged`, { subject: path })
  } finally {
    closeSync(fd)
  }
}

function opened(path: string, cacheBytes: number): Database {
  const database = openPlain(path, { synchronous: 'FULL', pageBytes: 4096, cacheBytes })
  try {
    requireWritable(path)
  } catch (error) {
    database.close()
    throw error
  }
  const found = database.pragma('user_version')
  if (found === 0) database.transaction(() => { database.exec(schema) })
  else if (found !== version) {
    database.close()
    throw new VaultError('format-unknown', `${path}: written by a newer VaultFS (cache version ${String(found)})`, {
      subject: path, next: "Update VaultFS and try again; or 'vaultfs rebuild' makes it anew for this one.",
    })
  }
  return database
}

function prepared(database: Database): CacheDatabase {
  try {
    // Asked in this way by whoever goes through all of it.
    database.prepare('SELECT position, id, segment, offset, length FROM blobs WHERE position > 0 ORDER BY position')
    return statementsOf(database)
  } catch (error) {
    database.close()
    throw error
  }
}

function statementsOf(database: Database): CacheDatabase {
  return {
    database,
    insert: database.prepare('INSERT INTO blobs (id, segment, offset, length) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING'),
    find: database.prepare('SELECT segment, offset, length FROM blobs WHERE id = ?'),
    remove: database.prepare('DELETE FROM blobs WHERE id = ? RETURNING segment, offset, length'),
    segments: database.prepare('SELECT segment, end, blobs, bytes FROM segments ORDER BY segment'),
    saveSegment: database.prepare(
      'INSERT INTO segments (segment, end, blobs, bytes) VALUES (?, ?, ?, ?) '
      + 'ON CONFLICT (segment) DO UPDATE SET end = excluded.end, blobs = excluded.blobs, bytes = excluded.bytes',
    ),
    removeSegment: database.prepare('DELETE FROM segments WHERE segment = ?'),
  }
}
