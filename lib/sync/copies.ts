// Which nodes hold what is here: counts over all blobs, kept true with each confirmation instead of being counted anew.
// Blobs up to `through` are counted; the number of a count says whether places in it still mean the same.
import { equalBytes, type BlobId } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import type { BlobRow, BlobSource } from './blob-source.js'
import type { SyncState } from './state.js'

export interface Amount {
  blobs: number
  bytes: number
}

export interface CopiesOptions {
  readonly state: SyncState
  readonly source: BlobSource
  /** Days since 1970. */
  readonly today: () => number
  readonly breathe: () => Promise<void>
}

export class Copies {
  readonly #options: CopiesOptions
  readonly #left = new Map<number, Amount>()
  /** Peers whose word counts. */
  readonly #trusted = new Set<number>()
  #last: BlobRow | undefined
  #countedOn: number
  #advancing: Promise<void> | undefined
  counted: Amount = { blobs: 0, bytes: 0 }
  safe: Amount = { blobs: 0, bytes: 0 }
  /** Everything up to here is counted. */
  through = 0
  /** Changes when everything is counted anew: places of before mean nothing then. */
  round = 0

  constructor(options: CopiesOptions) {
    this.#options = options
    this.#countedOn = options.today()
  }

  /** Everything is counted anew. */
  setPeers(peers: readonly number[], trusted: readonly number[]): void {
    this.#left.clear()
    for (const peer of peers) this.#left.set(peer, { blobs: 0, bytes: 0 })
    this.#trusted.clear()
    for (const peer of trusted) this.#trusted.add(peer)
    this.restart()
  }

  restart(): void {
    this.round++
    this.through = 0
    this.#last = undefined
    this.#countedOn = this.#options.today()
    this.counted = { blobs: 0, bytes: 0 }
    this.safe = { blobs: 0, bytes: 0 }
    for (const left of this.#left.values()) Object.assign(left, { blobs: 0, bytes: 0 })
  }

  /** Of what is counted, what this node lacks. */
  left(peer: number): Readonly<Amount> {
    return this.#left.get(peer) ?? { blobs: 0, bytes: 0 }
  }

  isHeld(peer: number, blobId: BlobId): boolean {
    return this.#options.state.heldBy(blobId).some((held) => held.peer === peer && this.#counts(held.day))
  }

  /** Whether its word of before counts no more, or it never gave one. */
  heldSince(peer: number, blobId: BlobId): 'holds' | 'outdated' | 'never' {
    const held = this.#options.state.heldBy(blobId).find((one) => one.peer === peer)
    return held === undefined ? 'never' : this.#counts(held.day) ? 'holds' : 'outdated'
  }

  /** Peers, of those that are trusted, that hold all of them. */
  holdersOf(blobIds: readonly BlobId[]): readonly number[] {
    const holders = new Set(this.#trusted)
    for (const blobId of blobIds) {
      const held = this.#options.state.heldBy(blobId).filter(({ day }) => this.#counts(day)).map(({ peer }) => peer)
      for (const peer of holders) if (!held.includes(peer)) holders.delete(peer)
      if (holders.size === 0) break
    }
    return [...holders]
  }

  /** Counts what came since; resolves when everything that was there at the call is counted. */
  async advance(): Promise<void> {
    // One that is under way may have looked before.
    await this.#advancing
    this.#advancing ??= this.#advance().finally(() => { this.#advancing = undefined })
    await this.#advancing
  }

  async #advance(): Promise<void> {
    const { source, today, breathe } = this.#options
    if (today() !== this.#countedOn || !this.#isSamePlace()) this.restart()
    const newest = source.newest()
    while (this.through < newest) {
      const rows = source.batch(this.through, newest, limits.syncBatch)
      for (const row of rows) this.#count(row)
      const last = rows.at(-1)
      if (last === undefined) break
      this.#last = last
      this.through = last.position
      await breathe()
    }
  }

  /** A cache whose index was made anew, or that gave up its newest blobs, has other ones in these places. */
  #isSamePlace(): boolean {
    const last = this.#last
    if (last === undefined) return true
    const [row] = this.#options.source.batch(last.position - 1, last.position, 1)
    return row !== undefined && equalBytes(row.blobId, last.blobId)
  }

  #count({ blobId, length }: BlobRow): void {
    add(this.counted, 1, length)
    const held = this.#holders(blobId)
    if (held.some((peer) => this.#trusted.has(peer))) add(this.safe, 1, length)
    for (const [peer, left] of this.#left) if (!held.includes(peer)) add(left, 1, length)
  }

  #holders(blobId: BlobId): readonly number[] {
    return this.#options.state.heldBy(blobId).filter(({ day }) => this.#counts(day)).map(({ peer }) => peer)
  }

  /** It says now that it has them. Blobs that are not here count for nothing. */
  confirm(peer: number, blobIds: readonly BlobId[]): void {
    const { state, today } = this.#options
    for (const blobId of blobIds) this.#changed(peer, blobId, 1)
    state.confirm(peer, blobIds, today())
  }

  /** It does not have them, though it said so. */
  lose(peer: number, blobIds: readonly BlobId[]): void {
    for (const blobId of blobIds) this.#changed(peer, blobId, -1)
    this.#options.state.lose(peer, blobIds)
  }

  /** Before it is noted. `sign` 1: from now on it holds it. */
  #changed(peer: number, blobId: BlobId, sign: 1 | -1): void {
    const holders = this.#holders(blobId)
    if (holders.includes(peer) === (sign === 1)) return
    const row = this.#options.source.find(blobId)
    if (row === undefined || row.position > this.through) return
    const left = this.#left.get(peer)
    if (left !== undefined) add(left, -sign, -sign * row.length)
    if (this.#trusted.has(peer) && !holders.some((other) => other !== peer && this.#trusted.has(other))) add(this.safe, sign, sign * row.length)
  }

  #counts(day: number): boolean {
    return this.#options.today() - day < limits.syncHeldDays
  }
}

function add(amount: Amount, blobs: number, bytes: number): void {
  amount.blobs += blobs
  amount.bytes += bytes
}
