// What an open vault does by the clock: dirty data goes to the log within a second, changes to the catalog, quiet files
// to chunks and the manifest; then the log gives up what nobody needs any more.
import { checkpointCatalog } from './catalog/checkpoint.js'
import type { KeyPage } from './crypto/key-page.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { forget } from './vault-history.js'
import { isStateDue, tellState } from './vault-state.js'
import { Room } from './vault-room.js'
import type { Vault } from './vault.js'

const tickMs = 250
/** Between rounds while the log is over its limit. */
const pressedMs = 1000
/** After a failed round. */
const retryMs = 5000
/** After a mount: whoever is seldom there for a whole hour has his past thinned out, too. */
const firstRetentionMs = 60_000
/** The same failure is written down once in this time. */
const reportMs = 30_000

export class Upkeep {
  readonly room: Room
  readonly #vault: Vault
  readonly #catalogPath: string
  readonly #page: KeyPage
  #timer: NodeJS.Timeout | undefined
  #lastApplyMs = 0
  /** After a failed round; until then none begins. */
  #publishAgainMs = 0
  #roundEndedMs = -Infinity
  readonly #reported = new Map<string, number>()
  #applying: Promise<void> | undefined
  /** The catalog is being copied: what is applied beside that would lie behind it, and the catalog's own log never begin anew. */
  #copying: Promise<unknown> = Promise.resolve()
  #publishing: Promise<void> | undefined
  #retaining: Promise<void> | undefined
  /** Hours since 1970 when the clock was last looked at. */
  #hour: number | undefined
  #retainAtMs = Infinity
  #stopped = false

  constructor(vault: Vault, catalogPath: string, page: KeyPage) {
    this.#vault = vault
    this.#catalogPath = catalogPath
    this.#page = page
    this.room = new Room(vault, () => this.publish('all'))
  }

  begin(): void {
    this.#timer = setTimeout(() => {
      this.#tick()
      if (!this.#stopped) this.begin()
    }, tickMs)
  }

  /** No tick begins any more; resolves when what one began has ended. */
  async end(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#applying
    await this.#publishing
    await this.#retaining
  }

  /** What changed goes to the catalog now; also called when a generation has grown large. */
  apply(): Promise<void> {
    const { feed, clock } = this.#vault.parts
    this.#lastApplyMs = clock.monotonicMs()
    this.#applying ??= this.#copying.then(() => feed.apply()).catch((error: unknown) => this.#report('the catalog could not be written', error)).finally(() => {
      this.#applying = undefined
    })
    return this.#applying
  }

  #tick(): void {
    const { contents, tree, log, clock, publisher, readOnly } = this.#vault.parts
    if (readOnly || this.#vault.failsafe !== undefined) return
    const now = clock.monotonicMs()
    const away = this.#vault.lookHome()
    if (away === undefined) void this.room.look()
    contents.spillOlderThan(now - limits.dirtyMs / 2).then(() => this.#vault.flushLog()).catch((error: unknown) => {
      contents.fail(error)
      this.#report('dirty data could not be logged', error)
    })
    if (away !== undefined) return
    if (tree.changes > 0 && (now - this.#lastApplyMs >= limits.applyMs || tree.changes >= limits.generationChanges)) void this.apply()
    const restMs = log.sizeBytes > limits.logBytesMax ? pressedMs : limits.betweenRoundsMs
    if (now >= this.#publishAgainMs && now - this.#roundEndedMs >= restMs && publisher.isDue()) void this.publish('due')
    this.#keepHours(now)
  }

  /** Each hour has its state, with what never rests in it; then the past is thinned out by the schedule. */
  #keepHours(nowMs: number): void {
    const { clock } = this.#vault.parts
    const hour = Math.floor(clock.now().sec / 3600)
    if (this.#hour === undefined) this.#retainAtMs = nowMs + firstRetentionMs
    const isNew = this.#hour !== undefined && hour !== this.#hour
    this.#hour = hour
    if (!isNew && nowMs < this.#retainAtMs) return
    this.#retainAtMs = Infinity
    this.#retaining ??= this.#retain(isNew).catch((error: unknown) => this.#report('the past could not be thinned out', error)).finally(() => {
      this.#retaining = undefined
    })
  }

  async #retain(publishes: boolean): Promise<void> {
    const { retention, unpublished, clock } = this.#vault.parts
    if (publishes && unpublished.entries.size > 0) await this.publish('all')
    // Days are told apart by the clock on the wall, which summer time moves.
    const offsetMin = -new Date(clock.now().sec * 1000).getTimezoneOffset()
    await forget(this.#vault, { ...retention, offsetMin }, [])
    if (!this.#stopped && await isStateDue(this.#vault)) await tellState(this.#vault, () => this.#stopped)
  }

  /** One round; the log shrinks afterwards. Joins the round that is under way. */
  publish(which: 'due' | 'all'): Promise<void> {
    this.#publishing ??= this.#publish(which).catch((error: unknown) => {
      this.#publishAgainMs = this.#vault.parts.clock.monotonicMs() + retryMs
      // Writers may wait for the log to shrink, and it does not.
      this.#vault.contents.fail(error)
      this.#report('publishing failed', error)
    }).finally(() => {
      this.#publishing = undefined
    })
    return this.#publishing
  }

  async #publish(which: 'due' | 'all'): Promise<void> {
    if (this.#vault.lookHome() !== undefined) return
    await this.#vault.parts.publisher.round(which)
    this.#roundEndedMs = this.#vault.parts.clock.monotonicMs()
    await this.shrinkLog()
  }

  /**
   * The log gives up records that are published and in the catalog. "In the catalog" counts from a checkpoint on: a
   * commit alone does not survive a power cut.
   */
  async shrinkLog(): Promise<void> {
    const { feed, unpublished, log, reading, publisher, contents } = this.#vault.parts
    // What was just published may lie where the path leads now.
    if (this.#vault.lookHome() !== undefined) return
    await this.apply()
    const { appliedLsn } = feed
    const copying = checkpointCatalog(this.#catalogPath, this.#page.shared)
    this.#copying = copying.catch(() => undefined)
    if (!(await copying)) return
    let needed = 0
    let saidLsn = 0
    await publisher.whenIdle(() => {
      needed = Math.min(unpublished.oldestLsn, appliedLsn + 1)
      saidLsn = log.lastLsn
    })
    // The apply may have begun before the log's word that something is published: a power cut could take that word back,
    // and nobody would know where the content is (test/model/durability-model.ts).
    await log.sync(saidLsn)
    // A read that began before may still go to the log.
    void reading.settled().then(() => {
      log.trim(needed)
      contents.resume()
    })
  }

  #report(what: string, error: unknown): void {
    if (error instanceof VaultError && error.code === 'broken-invariant') this.#vault.fail(error)
    else if (error instanceof VaultError && (error.code === 'no-space' || error.code === 'io')) this.#vault.refuse(error)
    const reason = error instanceof Error ? error.message : String(error)
    const now = this.#vault.parts.clock.monotonicMs()
    if (now < (this.#reported.get(what) ?? -Infinity) + reportMs) return
    this.#reported.set(what, now)
    this.#vault.parts.logger.log('error', what, { reason })
  }
}
