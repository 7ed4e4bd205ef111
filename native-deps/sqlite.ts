// SQLite twice: better-sqlite3 for the index of the blob cache (holds nothing secret) and its encrypting sibling for the
// sealed catalog. Every connection keeps temporary data in memory, or large sorts would write plaintext rows to files;
// automatic checkpoints are off, `checkpoint` is called by whoever may wait for it. SqliteError comes out as VaultError.
// Blobs of a row are memory of their own; parameters may be any Uint8Array, also of shared memory.

import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { ErrorCode } from '../lib/terms/errors.js'
import { invariant, VaultError } from '../lib/terms/errors.js'

/** Each engine is loaded by the thread that opens the first database of its kind: most need one of them, or none. */
const require = createRequire(import.meta.url)

export type SqliteValue = null | number | bigint | string | Uint8Array
export interface RunResult {
  readonly changes: number
  readonly lastInsertRowid: number | bigint
}

export interface DatabaseOptions {
  /** Fails when the file is missing; every write is refused. */
  readonly readOnly?: boolean
  /** FULL: a commit is on the disk when it returns. NORMAL: it may be lost at a power cut, never torn. */
  readonly synchronous?: 'FULL' | 'NORMAL' | 'OFF'
  /** Only of a new database; a power of two from 512 to 65536. */
  readonly pageBytes?: number
  /** Page cache of this connection. */
  readonly cacheBytes?: number
  /** How long a lock of another connection is waited for. The thread sleeps meanwhile. */
  readonly busyMs?: number
}

interface NativeStatement {
  run(...parameters: unknown[]): RunResult
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
  iterate(...parameters: unknown[]): IterableIterator<unknown>
  raw(on?: boolean): unknown
  pluck(on?: boolean): unknown
}
interface NativeDatabase {
  readonly inTransaction: boolean
  prepare(source: string): NativeStatement
  exec(source: string): unknown
  pragma(source: string, options?: { simple?: boolean }): unknown
  close(): unknown
}

/** Frames in the log, and of these the copied ones. */
interface CheckpointRow {
  readonly busy: number
  readonly log: number
  readonly checkpointed: number
}

/** How a row comes back: as an object by column name, as an array, or as the first column alone. */
export type RowShape = 'object' | 'array' | 'first'

export class Statement<Parameters extends readonly SqliteValue[], Row> {
  readonly #native: NativeStatement
  readonly #path: string

  constructor(native: NativeStatement, path: string) {
    this.#native = native
    this.#path = path
  }

  run(...parameters: Parameters): RunResult {
    try {
      return this.#native.run(...parameters)
    } catch (error) {
      throw fromSqlite(error, this.#path)
    }
  }

  get(...parameters: Parameters): Row | undefined {
    try {
      return this.#native.get(...parameters) as Row | undefined
    } catch (error) {
      throw fromSqlite(error, this.#path)
    }
  }

  all(...parameters: Parameters): Row[] {
    try {
      return this.#native.all(...parameters) as Row[]
    } catch (error) {
      throw fromSqlite(error, this.#path)
    }
  }

  /** Row by row; the connection takes no write until the iteration has ended. */
  *iterate(...parameters: Parameters): Generator<Row, void, undefined> {
    try {
      for (const row of this.#native.iterate(...parameters)) yield row as Row
    } catch (error) {
      throw fromSqlite(error, this.#path)
    }
  }
}

/**
 * SQLite plans by the value of a LIMIT that is a parameter, and so anew at every call: twice the time of a short listing.
 * It does not look behind a sign.
 */
function planned(source: string): string {
  return source.replace(/\b(LIMIT|OFFSET) \?/g, '$1 +?')
}

export class Database {
  readonly path: string
  readonly #native: NativeDatabase
  readonly #begin: NativeStatement
  readonly #commit: NativeStatement

  constructor(native: NativeDatabase, path: string) {
    this.#native = native
    this.path = path
    this.#begin = native.prepare('BEGIN IMMEDIATE')
    this.#commit = native.prepare('COMMIT')
  }

  get inTransaction(): boolean {
    return this.#native.inTransaction
  }

  /** The row's type is what the caller says that the columns are: SQLite checks nothing. */
  prepare<Parameters extends readonly SqliteValue[], Row = never>(
    source: string, shape: RowShape = 'object',
  ): Statement<Parameters, Row> {
    return this.#translated(() => {
      const native = this.#native.prepare(planned(source))
      if (shape === 'array') native.raw(true)
      if (shape === 'first') native.pluck(true)
      return new Statement<Parameters, Row>(native, this.path)
    })
  }

  exec(source: string): void {
    this.#translated(() => this.#native.exec(source))
  }

  /** The first column of the pragma's first row. */
  pragma(source: string): unknown {
    return this.#translated(() => this.#native.pragma(source, { simple: true }))
  }

  begin(): void {
    this.#translated(() => this.#begin.run())
  }

  commit(): void {
    this.#translated(() => this.#commit.run())
  }

  /** Nothing happens when SQLite has rolled back by itself, as it does on a full disk. */
  rollback(): void {
    if (this.#native.inTransaction) this.exec('ROLLBACK')
  }

  /** `work` in one transaction, synchronously: an `await` inside would let others in. Rolls back when it throws. */
  transaction<Result>(work: () => Result): Result {
    this.begin()
    try {
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Answers false when readers or a writer kept it from copying the whole log: then not even a sync is certain. */
  checkpoint(mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE'): boolean {
    const [row] = this.#translated(() => this.#native.pragma(`wal_checkpoint(${mode})`)) as readonly CheckpointRow[]
    // A passive one is never "busy", however little it copied.
    return row !== undefined && row.busy === 0 && row.log === row.checkpointed
  }

  close(): void {
    this.#translated(() => this.#native.close())
  }

  #translated<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw fromSqlite(error, this.path)
    }
  }
}

export function openPlain(path: string, options: DatabaseOptions = {}): Database {
  return open(require('better-sqlite3') as Native, path, options, undefined)
}

/** Every page is sealed under `key` (32 bytes, may be shared memory). Another key's database is 'corrupt'. */
export function openSealed(path: string, key: Uint8Array, options: DatabaseOptions = {}): Database {
  invariant(key.byteLength === 32, 'the key of a sealed database is 32 bytes')
  return open(require('better-sqlite3-multiple-ciphers') as Native, path, options, key)
}

interface NativeOptions { readonly: boolean; fileMustExist: boolean; timeout: number }
type Native = new (path: string, options: NativeOptions) => NativeDatabase
interface Keyable extends NativeDatabase { key(key: Buffer): number }

function open(
  Engine: Native,
  path: string, options: DatabaseOptions, key: Uint8Array | undefined,
): Database {
  const readOnly = options.readOnly ?? false
  let native: NativeDatabase | undefined
  try {
    native = new Engine(path, { readonly: readOnly, fileMustExist: readOnly, timeout: options.busyMs ?? 5000 })
    if (key !== undefined) applyKey(native as Keyable, key)
    native.pragma('temp_store = MEMORY')
    if (!readOnly) {
      if (options.pageBytes !== undefined) native.pragma(`page_size = ${options.pageBytes}`)
      // The first access to the file: a wrong key or a foreign file shows here.
      const mode = native.pragma('journal_mode = WAL', { simple: true })
      invariant(mode === 'wal' || path === ':memory:', `${path}: no write-ahead mode, got ${String(mode)}`)
      native.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`)
      native.pragma('wal_autocheckpoint = 0')
    }
    native.pragma(`cache_size = ${-Math.ceil((options.cacheBytes ?? 2 * 1024 * 1024) / 1024)}`)
    native.pragma('schema_version', { simple: true })
    return new Database(native, path)
  } catch (error) {
    native?.close()
    throw fromSqlite(error, path)
  }
}

function applyKey(native: Keyable, key: Uint8Array): void {
  // `raw:` takes the key as it is; a plain 32-byte key would be stretched as if it were a passphrase. Never by PRAGMA:
  // its text would stay in SQLite's memory.
  const raw = Buffer.concat([Buffer.from('raw:'), key])
  try {
    native.key(raw)
  } finally {
    raw.fill(0)
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  SQLITE_CORRUPT: 'corrupt', SQLITE_NOTADB: 'corrupt', SQLITE_FORMAT: 'corrupt', SQLITE_FULL: 'no-space', SQLITE_IOERR: 'io',
  SQLITE_CANTOPEN: 'io', SQLITE_BUSY: 'busy', SQLITE_LOCKED: 'locked', SQLITE_READONLY: 'read-only', SQLITE_PERM: 'denied',
  SQLITE_NOMEM: 'out-of-memory', SQLITE_CONSTRAINT: 'exists', SQLITE_TOOBIG: 'too-large', SQLITE_PROTOCOL: 'busy',
}

/** Extended codes (SQLITE_IOERR_WRITE) answer like their family. What SQLite calls misuse is a fault of ours. */
function fromSqlite(error: unknown, path: string): VaultError {
  if (error instanceof VaultError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const family = /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? ''
  const message = error instanceof Error ? error.message : String(error)
  if (message.includes('directory does not exist')) {
    return new VaultError('not-found', `${dirname(path)}: no such folder`, { subject: path, cause: error })
  }
  return new VaultError(codes[family] ?? 'broken-invariant', `${path}: ${message}${code === '' ? '' : ` (${code})`}`, {
    subject: path, cause: error,
  })
}
