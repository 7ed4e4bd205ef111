// Paths and moments of what was found to be damaged, out of a database of the past.
import type { Database, Statement } from '../native-deps/sqlite.js'
import { Lookups } from './history/lookups.js'
import { Moments } from './history/moments.js'
import { rootIno } from './tree/entry.js'
import { exactName } from './terms/moment-name.js'
import { limits } from './terms/limits.js'
import type { AffectedVersion } from './vault-verify-report.js'

interface Stretch {
  readonly ino: number
  readonly began: number
  /** 0: it goes on. */
  readonly ended: number
  readonly content: number | null
}

export interface Affected {
  readonly versions: readonly AffectedVersion[]
  readonly moreVersions: number
}

export class VerifiedPast {
  readonly database: Database
  readonly #moments: Moments
  readonly #lookups: Lookups
  readonly #stretches: Statement<[number, number], Stretch>
  readonly #copies: Statement<[number], number>

  constructor(database: Database) {
    this.database = database
    this.#moments = new Moments(database)
    this.#lookups = new Lookups(database, this.#moments)
    this.#stretches = database.prepare(`SELECT ino, began, 0 AS ended, content FROM version WHERE ino = ?
      UNION ALL SELECT ino, began, ended, content FROM past_version WHERE ino = ? ORDER BY began DESC`)
    this.#copies = database.prepare('SELECT ino FROM node WHERE origin = ?', 'first')
  }

  /** After more was folded. */
  changed(): void {
    this.#moments.changed()
    this.#lookups.changed()
  }

  /** Versions of the entry, or of copies that a conflict shows of it, that have one of the contents. */
  affected(ino: number, contents: ReadonlySet<number>): Affected {
    const stretches = [ino, ...this.#copies.all(ino)].flatMap((each) => this.#stretches.all(each, each))
      .filter(({ content }) => content !== null && contents.has(content)).sort((one, other) => other.began - one.began)
    const versions = stretches.flatMap((stretch) => this.#versions(stretch))
    return { versions: versions.slice(0, limits.verifiedVersionsTold), moreVersions: Math.max(0, versions.length - limits.verifiedVersionsTold) }
  }

  /** The one version of an entry that began at the position. */
  versionAt(ino: number, began: number): AffectedVersion[] {
    const stretch = this.#stretches.all(ino, ino).find((each) => each.began === began)
    return stretch === undefined ? [] : this.#versions(stretch)
  }

  /** Where the entry is in the newest state. */
  pathNow(ino: number): string | undefined {
    const newest = this.#moments.newest()
    return newest === undefined ? undefined : this.#lookups.pathOf(newest.position, ino)
  }

  /** The state after an entry of a chain. */
  momentOf(device: Uint8Array, sequence: number): string | undefined {
    const position = this.database.prepare<[Uint8Array, number], number>(
      'SELECT position FROM moment JOIN device USING (device) WHERE id = ? AND moment.sequence = ?', 'first',
    ).get(device, sequence)
    return position === undefined ? undefined : exactName(this.#moments.moment(position).sec)
  }

  /** One for each name that it had at the end; none when no state that is kept shows it. */
  #versions({ ino, began, ended }: Stretch): AffectedVersion[] {
    const last = this.#moments.keptBefore(ended === 0 ? Number.MAX_SAFE_INTEGER : ended - 1)
    if (last === undefined || last.position < began) return []
    const version = { moment: exactName(this.#moments.moment(began).sec), isCurrent: ended === 0 }
    const names = ino === rootIno ? [] : this.#lookups.namesOf(last.position, ino)
    if (names.length === 0) return [{ ...version, path: ino === rootIno ? '' : null }]
    return names.map(({ parent, name }) => {
      const folder = this.#lookups.pathOf(last.position, parent)
      return { ...version, path: folder === undefined ? null : folder === '' ? name : `${folder}/${name}` }
    })
  }
}
