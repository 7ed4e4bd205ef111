// Published moments as questions name them, and what of the tables belongs to each.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { Position, PublishedMoment, RetainedMoment, SnapshotName } from '../store/history-port.js'
import type { RetentionPolicy } from '../terms/retention.js'
import { VaultError } from '../terms/errors.js'
import { keptMoments } from './retention.js'

/** Rows that began at or before a position have a cookie, or a version, below these. */
export interface Watermarks {
  readonly cookies: number
  readonly versions: number
}

const columns = `position, sec, nsec, device.id AS device, moment.sequence AS sequence`
const joined = 'moment JOIN device USING (device)'
const watermarksKept = 256

export class Moments {
  readonly #database: Database
  readonly #watermarks: Statement<[number], Watermarks & { kept: number }>
  readonly #moment: Statement<[number], PublishedMoment>
  readonly #at: Statement<[number], PublishedMoment>
  readonly #keptBefore: Statement<[number], PublishedMoment>
  readonly #oldest: Statement<[], PublishedMoment>
  readonly #snapshot: Statement<[string], PublishedMoment>
  readonly #known = new Map<Position, Watermarks>()

  constructor(database: Database) {
    this.#database = database
    this.#watermarks = database.prepare('SELECT cookies, versions, kept FROM moment WHERE position = ?')
    this.#moment = database.prepare(`SELECT ${columns} FROM ${joined} WHERE position = ?`)
    this.#at = database.prepare(`SELECT ${columns} FROM ${joined} WHERE position =
      (SELECT position FROM moment WHERE kept = 1 AND sec <= ? ORDER BY position DESC LIMIT 1)`)
    this.#keptBefore = database.prepare(`SELECT ${columns} FROM ${joined} WHERE position =
      (SELECT position FROM moment WHERE kept = 1 AND position <= ? ORDER BY position DESC LIMIT 1)`)
    this.#oldest = database.prepare(`SELECT ${columns} FROM ${joined} WHERE position =
      (SELECT min(position) FROM moment WHERE kept = 1)`)
    this.#snapshot = database.prepare(`SELECT ${columns} FROM ${joined} WHERE position = (SELECT position FROM snapshot WHERE name = ?)`)
  }

  /** After a change: what was kept may be let go of. */
  changed(): void {
    this.#known.clear()
  }

  /** Throws 'stale' for a position that retention has let go of. */
  watermarks(position: Position): Watermarks {
    const known = this.#known.get(position)
    if (known !== undefined) return known
    const found = this.#watermarks.get(position)
    if (found?.kept !== 1) {
      throw new VaultError('stale', `The state ${position} of the vault is no longer kept`, {
        subject: `state ${position}`, next: "See 'vaultfs snapshots' for what is.",
      })
    }
    if (this.#known.size >= watermarksKept) this.#known.clear()
    this.#known.set(position, found)
    return found
  }

  /** Of any position, also one that can't be looked into any more. */
  moment(position: Position): PublishedMoment {
    const found = this.#moment.get(position)
    if (found === undefined) throw new VaultError('stale', `The vault has no state ${position}`, { subject: `state ${position}` })
    return found
  }

  /** In the order of the manifest the last one whose clock says no more than that: clocks may have gone back meanwhile. */
  at(sec: number): PublishedMoment | undefined {
    return this.#at.get(sec)
  }

  newest(): PublishedMoment | undefined {
    return this.#keptBefore.get(Number.MAX_SAFE_INTEGER)
  }

  /** The newest one at or before the position that can be looked into. */
  keptBefore(position: Position): PublishedMoment | undefined {
    return this.#keptBefore.get(position)
  }

  oldest(): PublishedMoment | undefined {
    return this.#oldest.get()
  }

  retained(policy: RetentionPolicy, nowSec: number): RetainedMoment[] {
    const names = new Map<Position, string[]>()
    for (const { name, moment } of this.snapshots()) names.set(moment.position, [...names.get(moment.position) ?? [], name])
    return [...keptMoments(this.#database, policy, nowSec)].map(([position, reasons]) => ({
      ...this.moment(position), reasons, names: names.get(position) ?? [],
    }))
  }

  snapshots(): SnapshotName[] {
    const rows = this.#database.prepare<[], { name: string; position: number }>('SELECT name, position FROM snapshot ORDER BY position DESC, name').all()
    return rows.map(({ name, position }) => ({ name, moment: this.moment(position) }))
  }

  snapshot(name: string): SnapshotName | undefined {
    const moment = this.#snapshot.get(name)
    return moment === undefined ? undefined : { name, moment }
  }
}
