// The history of one entry, newest first.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { EntryVersion, PastEntry, Position } from '../store/history-port.js'
import type { Lookups } from './lookups.js'
import type { Moments } from './moments.js'
import { looksDifferent } from './version-attributes.js'

interface Stretch {
  readonly version: number
  readonly began: number
  readonly ended: number
  readonly content: number | null
}

export class EntryVersions {
  readonly #moments: Moments
  readonly #lookups: Lookups
  readonly #stretches: Statement<[number, number, number, number, number], Stretch>
  readonly #born: Statement<[number], number>

  constructor(database: Database, moments: Moments, lookups: Lookups) {
    this.#moments = moments
    this.#lookups = lookups
    this.#stretches = database.prepare(`SELECT version, began, 0 AS ended, content FROM version WHERE ino = ? AND began < ?
      UNION ALL SELECT version, began, ended, content FROM past_version WHERE ino = ? AND began < ? ORDER BY began DESC LIMIT ?`)
    this.#born = database.prepare('SELECT began FROM node WHERE ino = ?', 'first')
  }

  /** From the version before `before` (0: the newest) on, at most `limit`; an end counts as one. */
  of(ino: number, before: Position, limit: number): EntryVersion[] {
    const below = before === 0 ? Number.MAX_SAFE_INTEGER : before
    const stretches = this.#stretches.all(ino, below, ino, below, limit + 1)
    const found: EntryVersion[] = []
    stretches.forEach((stretch, index) => {
      const entry = this.#lookups.version(stretch.version)
      if (found.length >= limit || entry === undefined) return
      const newer = stretches[index - 1]
      const isEnd = stretch.ended !== 0 && (newer === undefined ? before === 0 || stretch.ended < before : newer.began !== stretch.ended)
      if (isEnd) found.push({ entry, from: this.#moments.moment(stretch.ended), path: undefined, changes: ['deleted'] })
      found.push(this.#version(entry, stretch, stretches[index + 1]))
    })
    return found.slice(0, limit)
  }

  #version(entry: PastEntry, stretch: Stretch, older: Stretch | undefined): EntryVersion {
    const path = this.#pathDuring(stretch, entry.ino)
    return { entry, from: this.#moments.moment(stretch.began), path, changes: this.#changes(entry, stretch, older, path) }
  }

  #changes(entry: PastEntry, stretch: Stretch, older: Stretch | undefined, path: string | undefined): EntryVersion['changes'] {
    // A version that ended before this one began was the last of its name.
    if (older === undefined || older.ended !== stretch.began) {
      return older === undefined && this.#born.get(entry.ino) !== stretch.began ? ['attributes'] : ['created']
    }
    const changes: ('content' | 'attributes' | 'renamed')[] = []
    const before = this.#lookups.version(older.version)
    if (older.content !== stretch.content) changes.push('content')
    else if (before !== undefined && looksDifferent(Buffer.from(before.attributes), entry.attributes)) changes.push('attributes')
    if (path !== undefined && this.#pathDuring(older, entry.ino) !== path) changes.push('renamed')
    return changes.length === 0 ? ['attributes'] : changes
  }

  /** At its end: names are told with, or soon after, what they belong to. A state that is not kept has no path. */
  #pathDuring({ began, ended }: Stretch, ino: number): string | undefined {
    const last = this.#moments.keptBefore(ended === 0 ? Number.MAX_SAFE_INTEGER : ended - 1)
    if (last === undefined || last.position < began) return undefined
    return this.#lookups.pathOf(last.position, ino)
  }
}
