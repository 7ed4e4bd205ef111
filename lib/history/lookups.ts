// What an entry, a name or a directory was at a position.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { PastDirent, PastEntry, Position } from '../store/history-port.js'
import type { EntryId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { forksAround } from './interval.js'
import type { Moments } from './moments.js'
import { splitRecord } from './version-attributes.js'

interface VersionRow {
  readonly version: number
  readonly ino: number
  readonly id: Buffer
  readonly began: number
  readonly ended: number
  readonly attributes: Buffer
  readonly bytes: Buffer | null
}

interface NameRow {
  readonly cookie: number
  readonly parent: number
  readonly name: string
  readonly ino: number
}

const versionColumns = (table: string, ended: string): string => `${table}.version AS version, ${table}.ino AS ino, node.id AS id,
  ${table}.began AS began, ${ended} AS ended, attributes, bytes FROM ${table} JOIN node USING (ino) LEFT JOIN content USING (content)`
const nameColumns = 'cookie, parent, name, ino'

/** Names of a directory's past that one answer went through: the next answers go on in it. */
interface Listing {
  readonly cookies: Float64Array
}

const listingsKept = 8
/** Levels of folders: no system opens longer paths. */
const depthMax = 4096

export class Lookups {
  readonly #moments: Moments
  readonly #current: Statement<[number, number], VersionRow>
  readonly #past: Statement<[number, number], VersionRow>
  readonly #byVersion: Statement<[number], VersionRow>
  readonly #byPastVersion: Statement<[number], VersionRow>
  readonly #name: Statement<[number, string, number], NameRow>
  readonly #pastName: Statement<[number, string, number], NameRow & { ended: number }>
  readonly #list: Statement<[number, number, number, number], NameRow>
  readonly #pastByCookie: Statement<[number], NameRow>
  readonly #endedAfter: Statement<[number, number, number], number>
  readonly #beganBefore: Statement<[number, number, number], number>
  readonly #nameOf: Statement<[number, number], NameRow>
  readonly #pastNamesOf: Statement<[number, number, number], NameRow>
  readonly #newest: Statement<[], number>
  readonly #ino: Statement<[Uint8Array], number>
  readonly #listings = new Map<string, Listing>()

  constructor(database: Database, moments: Moments) {
    this.#moments = moments
    this.#current = database.prepare(`SELECT ${versionColumns('version', '0')} WHERE version.ino = ? AND version.version < ?`)
    this.#past = database.prepare(`SELECT ${versionColumns('past_version', 'past_version.ended')}
      WHERE past_version.ino = ? AND past_version.began <= ? ORDER BY past_version.began DESC LIMIT 1`)
    this.#byVersion = database.prepare(`SELECT ${versionColumns('version', '0')} WHERE version.version = ?`)
    this.#byPastVersion = database.prepare(`SELECT ${versionColumns('past_version', 'past_version.ended')} WHERE past_version.version = ?`)
    this.#name = database.prepare(`SELECT ${nameColumns} FROM dirent WHERE parent = ? AND name = ? AND cookie < ?`)
    this.#pastName = database.prepare(`SELECT ${nameColumns}, ended FROM past_dirent WHERE parent = ? AND name = ? AND began <= ? ORDER BY began DESC LIMIT 1`)
    this.#list = database.prepare(`SELECT ${nameColumns} FROM dirent WHERE parent = ? AND cookie > ? AND cookie < ? ORDER BY cookie LIMIT ?`)
    this.#pastByCookie = database.prepare(`SELECT ${nameColumns} FROM past_dirent WHERE cookie = ?`)
    this.#endedAfter = database.prepare('SELECT cookie FROM past_dirent INDEXED BY past_dirent_ended WHERE parent = ? AND fork = ? AND ended > ?', 'first')
    this.#beganBefore = database.prepare('SELECT cookie FROM past_dirent INDEXED BY past_dirent_began WHERE parent = ? AND fork = ? AND began <= ?', 'first')
    this.#nameOf = database.prepare(`SELECT ${nameColumns} FROM dirent WHERE ino = ? AND cookie < ? ORDER BY cookie`)
    this.#pastNamesOf = database.prepare(`SELECT ${nameColumns} FROM past_dirent WHERE ino = ? AND began <= ? AND ended > ? ORDER BY cookie`)
    this.#ino = database.prepare('SELECT ino FROM node WHERE id = ?', 'first')
    this.#newest = database.prepare('SELECT max(position) FROM moment', 'first')
  }

  /** After a change of the tables. */
  changed(): void {
    this.#listings.clear()
  }

  entry(position: Position, ino: number): PastEntry | undefined {
    const row = this.#current.get(ino, this.#moments.watermarks(position).versions)
    if (row !== undefined) return pastEntry(row)
    const past = this.#past.get(ino, position)
    return past === undefined || past.ended <= position ? undefined : pastEntry(past)
  }

  version(version: number): PastEntry | undefined {
    const row = this.#byVersion.get(version) ?? this.#byPastVersion.get(version)
    return row === undefined ? undefined : pastEntry(row)
  }

  lookup(position: Position, parent: number, name: string): PastEntry | undefined {
    const found = this.#name.get(parent, name, this.#moments.watermarks(position).cookies) ?? this.#pastLookup(position, parent, name)
    return found === undefined ? undefined : this.#named(position, found)
  }

  list(position: Position, parent: number, after: number, limit: number): PastDirent[] {
    const { cookies } = this.#moments.watermarks(position)
    const current = this.#list.all(parent, after, cookies, limit)
    const past = this.#listing(position, parent).cookies
    const names: NameRow[] = []
    let at = firstAbove(past, after)
    let now = 0
    while (names.length < limit) {
      const [live, dead] = [current[now], past[at]]
      if (live === undefined && dead === undefined) break
      if (live !== undefined && (dead === undefined || live.cookie < dead)) {
        names.push(live)
        now++
      } else {
        const row = this.#pastByCookie.get(dead ?? 0)
        if (row !== undefined) names.push(row)
        at++
      }
    }
    return names.map((row) => ({ name: row.name, cookie: row.cookie, entry: this.#named(position, row) }))
  }

  inoOf(id: Uint8Array): number | undefined {
    return this.#ino.get(id)
  }

  /** Every name that the entry had. */
  namesOf(position: Position, ino: number): { readonly parent: number; readonly name: string }[] {
    return [...this.#nameOf.all(ino, this.#moments.watermarks(position).cookies), ...this.#pastNamesOf.all(ino, position, position)]
  }

  pathOf(position: Position, ino: number): string | undefined {
    const parts: string[] = []
    for (let at = ino; at !== rootIno;) {
      const [row] = this.namesOf(position, at)
      if (row === undefined || parts.length > depthMax) return undefined
      parts.push(row.name)
      at = row.parent
    }
    return parts.reverse().join('/')
  }

  #pastLookup(position: Position, parent: number, name: string): NameRow | undefined {
    const row = this.#pastName.get(parent, name, position)
    return row === undefined || row.ended <= position ? undefined : row
  }

  #named(position: Position, { ino, name }: NameRow): PastEntry {
    const entry = this.entry(position, ino)
    if (entry !== undefined) return entry
    throw new VaultError('corrupt', `The past of ${name} is damaged: entry ${ino} has no version at state ${position}`, {
      subject: `entry ${ino}`, next: "Unmount, then run 'vaultfs rebuild': the past is read anew from the manifest.",
    })
  }

  #listing(position: Position, parent: number): Listing {
    const key = `${position}/${parent}`
    const known = this.#listings.get(key)
    if (known !== undefined) return known
    const cookies: number[] = []
    const { before, after } = forksAround(position, this.#newest.get() ?? position)
    for (const fork of before) for (const cookie of this.#endedAfter.iterate(parent, fork, position)) cookies.push(cookie)
    for (const fork of after) for (const cookie of this.#beganBefore.iterate(parent, fork, position)) cookies.push(cookie)
    const listing = { cookies: Float64Array.from(cookies).sort() }
    for (const oldest of this.#listings.keys()) {
      if (this.#listings.size < listingsKept) break
      this.#listings.delete(oldest)
    }
    this.#listings.set(key, listing)
    return listing
  }
}

const rootIno = 1

function pastEntry({ version, ino, id, began, ended, attributes, bytes }: VersionRow): PastEntry {
  return { ino, id: id as Uint8Array as EntryId, version, began, ended, ...splitRecord(attributes, ino), content: bytes === null || bytes.byteLength === 0 ? null : bytes }
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}
