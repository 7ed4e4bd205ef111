// The past of a damaged store: one of its states as something to walk through, and the versions of its files.
import type { Database } from '../native-deps/sqlite.js'
import { decodeContent } from './content/content-reference.js'
import { Lookups } from './history/lookups.js'
import { Moments } from './history/moments.js'
import type { PublishedMoment } from './store/history-port.js'
import { VaultError } from './terms/errors.js'
import { exactName } from './terms/moment-name.js'
import { isFile, type Entry } from './tree/entry.js'
import { decodePast, type MomentWish } from './vault-past.js'
import type { SavedContent } from './vault-salvage-content.js'
import type { SavedView } from './vault-salvage-present.js'
import { VerifiedPast } from './vault-verify-past.js'

const listLimit = 1000

export class SavedMoment implements SavedView {
  readonly #lookups: Lookups
  readonly #position: number
  readonly moment: PublishedMoment
  /** Every entry of a state has its place. */
  readonly largestIno = 0

  constructor(database: Database, wish: MomentWish) {
    const moments = new Moments(database)
    this.#lookups = new Lookups(database, moments)
    const found = wish.kind === 'through' ? moments.at(wish.sec) : wish.kind === 'snapshot' ? moments.snapshot(wish.name)?.moment : moments.newest()
    if (found === undefined) {
      const oldest = moments.oldest()
      const next = oldest === undefined ? 'no state can be read: leave --at away' : `the oldest that can be read is of ${exactName(oldest.sec)}`
      throw new VaultError('not-found', wish.kind === 'snapshot' ? `${wish.name} is no moment, and no snapshot that can be read has that name` : 'there is no state of that moment or before', { next })
    }
    this.moment = found
    this.#position = found.position
  }

  entry(ino: number): Entry | undefined {
    const past = this.#lookups.entry(this.#position, ino)
    return past === undefined ? undefined : decodePast(past)
  }

  names(ino: number): readonly { readonly name: string; readonly ino: number }[] {
    const names: { name: string; ino: number }[] = []
    for (let after = 0; ;) {
      const listed = this.#lookups.list(this.#position, ino, after, listLimit)
      names.push(...listed.map(({ name, entry }) => ({ name, ino: entry.ino })))
      if (listed.length < listLimit) return names
      after = listed.at(-1)?.cookie ?? Infinity
    }
  }

  content(entry: Entry): SavedContent {
    return { base: decodeContent(entry.content), extents: [], size: entry.size }
  }

  doubt(): undefined {
    return undefined
  }
}

export interface SavedVersion {
  readonly path: string
  /** Since when it was so, as `.versions` calls it. */
  readonly moment: string
  readonly entry: Entry
}

/** Every version of every file that a kept state shows, under each name that it had; one for each content. */
export function* savedVersions(database: Database): Generator<SavedVersion> {
  const past = new VerifiedPast(database)
  const moments = new Moments(database)
  const lookups = new Lookups(database, moments)
  const files = database.prepare<[number], number>('SELECT ino FROM (SELECT DISTINCT ino FROM content) WHERE ino > ? ORDER BY ino LIMIT 1000', 'first')
  const stretches = database.prepare<[number, number], { began: number; version: number; content: number | null }>(`SELECT began, version, content FROM version WHERE ino = ?
    UNION ALL SELECT began, version, content FROM past_version WHERE ino = ? ORDER BY began`)
  for (let batch = files.all(0); batch.length > 0; batch = files.all(batch.at(-1) ?? Infinity)) {
    for (const ino of batch) {
      let before: number | null = null
      for (const { began, version, content } of stretches.all(ino, ino)) {
        if (content === null || content === before) continue
        before = content
        const entry = lookups.version(version)
        const decoded = entry === undefined ? undefined : decodePast(entry)
        if (decoded === undefined || !isFile(decoded)) continue
        for (const { path, moment } of past.versionAt(ino, began)) if (path !== null) yield { path, moment, entry: decoded }
      }
    }
  }
}
