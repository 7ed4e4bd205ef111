// What each node has acknowledged, in the store's sync.db. Derived: whoever loses it asks the nodes again. A crash keeps a
// prefix of what was noted, and everything in it was true; a note that is missing costs a question.
import { rmSync } from 'node:fs'
import { openPlain, type Database, type Statement } from '../../native-deps/sqlite.js'
import { noPrevious } from '../format/manifest-entry.js'
import type { BlobId, DeviceId, ManifestHash } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'

const version = 3
const schema = `
  CREATE TABLE peers (
    -- Never given again: what was under way for a node that is gone must not count for another one.
    peer INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, met INTEGER NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0, start INTEGER NOT NULL DEFAULT 0, end INTEGER NOT NULL DEFAULT 0, hash BLOB,
    header BLOB, member BLOB, distrust TEXT, contact INTEGER, lost INTEGER NOT NULL DEFAULT 0,
    swept_through BLOB, swept_day INTEGER, fault TEXT, fault_sec INTEGER
  );
  CREATE TABLE held (blob BLOB NOT NULL, peer INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (blob, peer)) WITHOUT ROWID;
  CREATE TABLE heads (peer INTEGER NOT NULL, device BLOB NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (peer, device)) WITHOUT ROWID;
  PRAGMA user_version = ${version};
`

/** A day on which no node said anything. */
const longAgo = -1_000_000

/** Where our chain's newest entry lies that the node has. */
export interface Acknowledged {
  readonly sequence: number
  readonly start: number
  readonly end: number
  readonly hash: ManifestHash
}

export interface Held {
  readonly peer: number
  readonly day: number
}

export interface SeenHead {
  readonly sequence: number
  readonly hash: ManifestHash
}

interface PeerRow {
  readonly sequence: number
  readonly start: number
  readonly end: number
  readonly hash: Buffer | null
  readonly header: Buffer | null
  readonly member: Buffer | null
  readonly distrust: string | null
  readonly contact: number | null
  readonly lost: number
  readonly swept_through: Buffer | null
  readonly swept_day: number | null
  readonly fault: string | null
  readonly fault_sec: number | null
}

export interface StateEvents {
  /** What was found when it was opened is begun anew. */
  readonly anew: (reason: string) => void
  /** It was found damaged later: its files are gone, what is open is good for nothing, and the next who opens begins anew. */
  readonly damaged: (error: VaultError) => void
}

export class SyncState {
  readonly #database: Database
  readonly #events: Partial<StateEvents>
  readonly #row: Statement<[number], PeerRow>
  readonly #held: Statement<[Uint8Array], Held>
  readonly #confirm: Statement<[Uint8Array, number, number], never>
  readonly #lose: Statement<[Uint8Array, number], never>
  readonly #between: Statement<[Uint8Array, Uint8Array, number], { readonly blob: Buffer }>
  readonly #head: Statement<[number, Uint8Array], { readonly sequence: number; readonly hash: Buffer }>
  #commits = 0
  #isDamaged = false

  private constructor(database: Database, events: Partial<StateEvents>) {
    this.#database = database
    this.#events = events
    this.#row = database.prepare('SELECT * FROM peers WHERE peer = ?')
    this.#held = database.prepare('SELECT peer, day FROM held WHERE blob = ?')
    this.#confirm = database.prepare('INSERT INTO held (blob, peer, day) VALUES (?, ?, ?) ON CONFLICT (blob, peer) DO UPDATE SET day = excluded.day')
    this.#lose = database.prepare('DELETE FROM held WHERE blob = ? AND peer = ?')
    this.#between = database.prepare('SELECT blob FROM held WHERE blob > ? AND blob <= ? AND peer = ? ORDER BY blob')
    this.#head = database.prepare('SELECT sequence, hash FROM heads WHERE peer = ? AND device = ?')
  }

  /** One that is damaged, or of another version, is begun anew. Reads all of it: what is damaged would be met at every contact. */
  static open(path: string, events: Partial<StateEvents> = {}): SyncState {
    try {
      return SyncState.#opened(path, events)
    } catch (error) {
      if (!(error instanceof VaultError) || !['corrupt', 'broken-invariant', 'format-unknown'].includes(error.code)) throw error
      events.anew?.(error.message)
      remove(path)
      return SyncState.#opened(path, events)
    }
  }

  static #opened(path: string, events: Partial<StateEvents>): SyncState {
    const database = openPlain(path, { synchronous: 'NORMAL', cacheBytes: limits.indexCacheBytes })
    try {
      const found = database.pragma('user_version')
      if (found === 0) database.transaction(() => { database.exec(schema) })
      else if (found !== version) throw new VaultError('format-unknown', `${path}: version ${String(found)}`, { subject: path })
      // The quick one does not compare the index of `peers`, the only one there is.
      for (const check of ['quick_check(1)', 'integrity_check(peers)']) {
        const told = database.pragma(check)
        if (told !== 'ok') throw new VaultError('corrupt', `${path}: ${String(told)}`, { subject: path })
      }
      return new SyncState(database, events)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Its number here. One that was met anew since (`metSec`) is asked everything anew: the user has looked. */
  peerOf(id: Uint8Array, metSec: number): number {
    this.#change('INSERT INTO peers (id, met) VALUES (?, ?) ON CONFLICT (id) DO NOTHING', id, metSec)
    const found = this.#guarded(() => this.#database.prepare<[Uint8Array], { readonly peer: number; readonly met: number }>('SELECT peer, met FROM peers WHERE id = ?').get(id))
    invariant(found !== undefined, 'a row that was just made')
    if (found.met !== metSec) {
      this.forget(found.peer)
      this.#change('UPDATE peers SET met = ? WHERE peer = ?', metSec, found.peer)
    }
    return found.peer
  }

  /** What is known of others is forgotten. */
  keepOnly(peers: readonly number[]): void {
    const gone = this.#guarded(() => this.#database.prepare<[], number>('SELECT peer FROM peers', 'first').all()).filter((peer) => !peers.includes(peer))
    for (const peer of gone) {
      this.forget(peer)
      this.#change('DELETE FROM peers WHERE peer = ?', peer)
    }
  }

  /** Everything that it acknowledged: it is asked again. */
  forget(peer: number): void {
    this.#change('DELETE FROM held WHERE peer = ?', peer)
    this.#change('DELETE FROM heads WHERE peer = ?', peer)
    this.#change('UPDATE peers SET sequence = 0, start = 0, end = 0, hash = NULL, header = NULL, member = NULL, distrust = NULL, swept_through = NULL, swept_day = NULL, fault = NULL, fault_sec = NULL WHERE peer = ?', peer)
  }

  /** It went back: its word counts no more, but is not forgotten, so that what it lost is seen to be lost when it is asked. */
  noteFault(peer: number, fault: string, sec: number): void {
    this.#change('UPDATE held SET day = ? WHERE peer = ?', longAgo, peer)
    this.#change('DELETE FROM heads WHERE peer = ?', peer)
    this.#change('UPDATE peers SET sequence = 0, start = 0, end = 0, hash = NULL, header = NULL, member = NULL, swept_through = NULL, swept_day = NULL, fault = ?, fault_sec = ? WHERE peer = ?', fault, sec, peer)
  }

  /** What it did that no node should, and what was made good since. */
  fault(peer: number): { readonly text: string; readonly sec: number } | undefined {
    const { fault = null, fault_sec: sec } = this.#rowOf(peer) ?? {}
    return fault === null ? undefined : { text: fault, sec: sec ?? 0 }
  }

  acknowledged(peer: number): Acknowledged {
    const { sequence = 0, start = 0, end = 0, hash = null } = this.#rowOf(peer) ?? {}
    return { sequence, start, end, hash: (hash ?? noPrevious) as Uint8Array as ManifestHash }
  }

  acknowledge(peer: number, { sequence, start, end, hash }: Acknowledged): void {
    this.#change('UPDATE peers SET sequence = ?, start = ?, end = ?, hash = ? WHERE peer = ?', sequence, start, end, hash, peer)
  }

  /** Nothing that it acknowledged lies in our chain as it is now. */
  restartChain(peer: number): void {
    this.acknowledge(peer, { sequence: 0, start: 0, end: 0, hash: noPrevious })
  }

  contact(peer: number): number | null {
    return this.#rowOf(peer)?.contact ?? null
  }

  noteContact(peer: number, sec: number): void {
    this.#change('UPDATE peers SET contact = ? WHERE peer = ?', sec, peer)
  }

  /** Why it is not believed. */
  distrust(peer: number): string | undefined {
    return this.#rowOf(peer)?.distrust ?? undefined
  }

  noteDistrust(peer: number, reason: string): void {
    this.#change('UPDATE peers SET distrust = ? WHERE peer = ?', reason, peer)
  }

  /** Hash of what was given to it last. */
  given(peer: number, what: 'header' | 'member'): Uint8Array | undefined {
    return this.#rowOf(peer)?.[what] ?? undefined
  }

  noteGiven(peer: number, what: 'header' | 'member', hash: Uint8Array): void {
    this.#change(`UPDATE peers SET ${what} = ? WHERE peer = ?`, hash, peer)
  }

  heldBy(blobId: BlobId): readonly Held[] {
    return this.#guarded(() => this.#held.all(blobId))
  }

  /** It said that day that it has them. */
  confirm(peer: number, blobIds: readonly BlobId[], day: number): void {
    this.#batch(() => { for (const blobId of blobIds) this.#confirm.run(blobId, peer, day) })
  }

  /** It had them, and has not any more: `lost` counts. */
  lose(peer: number, blobIds: readonly BlobId[]): void {
    this.#batch(() => {
      for (const blobId of blobIds) this.#lose.run(blobId, peer)
      this.#database.prepare<[number, number]>('UPDATE peers SET lost = lost + ? WHERE peer = ?').run(blobIds.length, peer)
    })
  }

  lost(peer: number): number {
    return this.#rowOf(peer)?.lost ?? 0
  }

  /** What it acknowledged of that stretch of ids, in their order. */
  heldBetween(peer: number, after: Uint8Array, through: Uint8Array): readonly BlobId[] {
    return this.#guarded(() => this.#between.all(after, through, peer)).map(({ blob }) => blob as Uint8Array as BlobId)
  }

  /** How far its inventory was gone through, and the day when that ended last. */
  sweep(peer: number): { readonly through: BlobId | undefined; readonly day: number } {
    const row = this.#rowOf(peer)
    return { through: (row?.swept_through ?? undefined) as Uint8Array | undefined as BlobId | undefined, day: row?.swept_day ?? -Infinity }
  }

  noteSweep(peer: number, through: BlobId | undefined, day: number | undefined): void {
    if (day === undefined) this.#change('UPDATE peers SET swept_through = ? WHERE peer = ?', through ?? null, peer)
    else this.#change('UPDATE peers SET swept_through = NULL, swept_day = ? WHERE peer = ?', day, peer)
  }

  head(peer: number, deviceId: DeviceId): SeenHead | undefined {
    const row = this.#guarded(() => this.#head.get(peer, deviceId))
    return row === undefined ? undefined : { sequence: row.sequence, hash: row.hash as Uint8Array as ManifestHash }
  }

  devicesSeen(peer: number): readonly DeviceId[] {
    return this.#guarded(() => this.#database.prepare<[number], Buffer>('SELECT device FROM heads WHERE peer = ?', 'first').all(peer)).map((device) => device as Uint8Array as DeviceId)
  }

  /** Another node that told another entry of that place; undefined: none. */
  contradicts(deviceId: DeviceId, { sequence, hash }: SeenHead): number | undefined {
    return this.#guarded(() => this.#database.prepare<[Uint8Array, number, Uint8Array], number>(
      'SELECT peer FROM heads WHERE device = ? AND sequence = ? AND hash <> ?', 'first').get(deviceId, sequence, hash))
  }

  noteHead(peer: number, deviceId: DeviceId, { sequence, hash }: SeenHead): void {
    this.#change('INSERT INTO heads (peer, device, sequence, hash) VALUES (?, ?, ?, ?) ON CONFLICT (peer, device) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash', peer, deviceId, sequence, hash)
  }

  close(): void {
    // Its files are gone: there is nothing to tidy up, and what lies there by now may be another's.
    if (!this.#isDamaged) this.#guarded(() => this.#database.checkpoint('TRUNCATE'))
    this.#database.close()
  }

  #rowOf(peer: number): PeerRow | undefined {
    return this.#guarded(() => this.#row.get(peer))
  }

  #change(source: string, ...parameters: readonly (number | string | null | Uint8Array)[]): void {
    this.#guarded(() => this.#database.prepare<typeof parameters>(source).run(...parameters))
    this.#committed()
  }

  #batch(work: () => void): void {
    this.#guarded(() => { this.#database.transaction(work) })
    this.#committed()
  }

  #committed(): void {
    if (++this.#commits % limits.syncCheckpointCommits === 0) this.#guarded(() => this.#database.checkpoint('PASSIVE'))
  }

  /** What is damaged does not get better, and what it says may be wrong: it must not be there for the next. */
  #guarded<Value>(work: () => Value): Value {
    try {
      return work()
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt' && !this.#isDamaged) {
        this.#isDamaged = true
        remove(this.#database.path)
        this.#events.damaged?.(error)
      }
      throw error
    }
  }
}

function remove(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}
