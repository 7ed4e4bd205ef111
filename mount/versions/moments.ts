// Names in `.versions`: which state is meant by one, and which are listed. A name is a moment or a snapshot's; one that is
// neither, or from before the vault, is no name.
import { VaultError } from '../../lib/terms/errors.js'
import { limits } from '../../lib/terms/limits.js'
import { dayName, exactName, parseMoment, snapshotNameFault, type Moment } from '../../lib/terms/moment-name.js'
import type { HistoryPort, PastEntry, PublishedMoment, RetainedMoment } from '../../lib/store/history-port.js'
import type { RetentionPolicy } from '../../lib/terms/retention.js'
import { modeType, rootIno, type Name } from '../../lib/tree/entry.js'
import type { Found, PastEntries } from './past-entries.js'
import { Recent } from './recent.js'

/** Published states of a second are all known so long after it: the clock is read when a publication begins. */
const settlesSec = 60

export interface Entered extends Found {
  readonly position: number
  /** The name leads to this state for ever. */
  readonly settled: boolean
}

export interface MomentsParts {
  readonly history: HistoryPort
  readonly entries: PastEntries
  readonly nowSec: () => number
  readonly policy: RetentionPolicy
}

export class Moments {
  readonly #parts: MomentsParts
  /** Until something is published. */
  readonly #newest = new Recent<'newest', PublishedMoment | undefined>(1)
  /** By a second that is over. */
  readonly #published = new Recent<number, PublishedMoment | undefined>(limits.pastMomentsMax)
  /** By position and number. */
  readonly #directories = new Recent<string, PastEntry | undefined>(limits.pastMomentsMax)

  constructor(parts: MomentsParts) {
    this.#parts = parts
  }

  /** There is a newer state. */
  published(): void {
    this.#newest.clear()
  }

  /** Retention has let go of something. */
  letGo(): void {
    for (const recent of [this.#newest, this.#published, this.#directories]) recent.clear()
  }

  /** The directory as it was at the moment of that name; undefined: there is no such moment, or it was not there then. */
  async enter(directory: number, name: Name): Promise<Entered | undefined> {
    const text = Buffer.from(name, 'latin1').toString('utf8')
    const nowSec = this.#parts.nowSec()
    const moment = parseMoment(text, nowSec)
    const published = moment === undefined ? await this.#named(text) : await this.#at(moment)
    if (published === undefined) return undefined
    const past = await this.#directory(published.position, directory)
    if (past === undefined) return undefined
    const settled = (moment?.kind === 'exact' || moment?.kind === 'day') && this.#isOver(moment.throughSec)
    return { ...this.#parts.entries.found(past), position: published.position, settled }
  }

  /** What is listed: `latest`, snapshots, and of the moments that are kept each with its day, if the directory was there. */
  async list(directory: number): Promise<readonly Name[]> {
    const { history, policy } = this.#parts
    const listed = shortened(await history.retained(policy))
    const there = await this.#whereThere(directory, listed)
    if (there.length === 0) return []
    const names = new Set(['latest'])
    for (const moment of there) for (const name of moment.names) names.add(Buffer.from(name, 'utf8').toString('latin1'))
    for (const { sec } of there) names.add(dayName(sec))
    for (const { sec } of there) names.add(exactName(sec))
    return [...names]
  }

  async isKept(position: number): Promise<boolean> {
    try {
      await this.#parts.history.entry(position, rootIno)
      return true
    } catch (error) {
      if (error instanceof VaultError && error.code === 'stale') return false
      throw error
    }
  }

  #at({ kind, throughSec }: Moment): Promise<PublishedMoment | undefined> {
    const { history } = this.#parts
    if (kind === 'latest') return this.#newest.get('newest', () => history.newest())
    return this.#isOver(throughSec) ? this.#published.get(throughSec, () => history.at(throughSec)) : history.at(throughSec)
  }

  /** No state of that second is still to come. */
  #isOver(sec: number): boolean {
    return sec + settlesSec < this.#parts.nowSec()
  }

  async #named(text: string): Promise<PublishedMoment | undefined> {
    // What no snapshot may be called needs no look: file managers ask for .hidden, .Trash and the like.
    if (snapshotNameFault(text) !== undefined) return undefined
    return (await this.#parts.history.snapshot(text))?.moment
  }

  async #directory(position: number, ino: number): Promise<PastEntry | undefined> {
    const past = await this.#directories.get(`${position} ${ino}`, () => this.#parts.history.entry(position, ino))
    const isDirectory = past !== undefined && (this.#parts.entries.found(past).entry.mode & modeType.mask) === modeType.directory
    return isDirectory ? past : undefined
  }

  /** Newest first, of moments newest first. */
  async #whereThere(directory: number, moments: readonly RetainedMoment[]): Promise<readonly RetainedMoment[]> {
    if (directory === rootIno) return moments
    const isThere = async (at: number): Promise<boolean> => {
      const moment = moments[at]
      return moment !== undefined && (await this.#directory(moment.position, directory)) !== undefined
    }
    let first = 0
    while (first < moments.length && !(await isThere(first))) first++
    // A directory is made once: where it was, and was not, is found by halving.
    let [last, beyond] = [first, moments.length]
    while (beyond - last > 1) {
      const middle = (last + beyond) >>> 1
      if (await isThere(middle)) last = middle
      else beyond = middle
    }
    return moments.slice(first, beyond)
  }
}

/** All that the schedule or a name keeps, but not each of a busy week's. */
function shortened(moments: readonly RetainedMoment[]): readonly RetainedMoment[] {
  let recent = 0
  return moments.filter(({ reasons }) => reasons.some((reason) => reason !== 'recent') || recent++ < limits.versionsRecentListed)
}
