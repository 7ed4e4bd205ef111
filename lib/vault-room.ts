// Whether the disk of the store can keep what is about to be accepted: once in the log, and once more when it is
// published, before the log gives it up. Who asks for more than that waits while what is logged is published, which
// makes room, and gets ENOSPC when that does not help: before his bytes are taken, never after. What is left of the disk
// then is for the changes that give room back.
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Space, Vault } from './vault.js'

/** A byte of the log takes up to so many in a blob: sizes are padded to the next of buckets that lie √2 apart. */
const blobShare = 1.5
/** Log and blob. */
const copies = 1 + blobShare
/** So many rounds of publishing that made no room, one after another, are enough. */
const vainRoundsMax = 3

/** Bytes of a disk that only what gives room back may use. */
export function reserveOf({ blocks, blockSize }: Space): number {
  return Math.min(limits.roomReserveBytes, blocks * blockSize * limits.roomReserveShare)
}

export class Room {
  readonly #vault: Vault
  readonly #publish: () => Promise<void>
  /** May be accepted before the disk is asked again. Until it was asked once, anything. */
  #bytes = Infinity
  /** When the disk was asked last, monotonic. */
  #knownMs = -Infinity
  /** What was asked last, and refused. */
  #refused = 0
  #looking: Promise<void> | undefined
  #making: Promise<void> | undefined

  /** `publish` resolves when a round has ended, well or not. */
  constructor(vault: Vault, publish: () => Promise<void>) {
    this.#vault = vault
    this.#publish = publish
  }

  /** Whether so much may be accepted now. */
  take(bytes: number): boolean {
    // Others write to this disk as well, at memory's speed: where there is not ample room, an answer of a while ago is none.
    // Only there does this thread ask: a disk far away may take its time.
    if (this.#bytes < limits.roomAmpleBytes && this.#vault.parts.clock.monotonicMs() - this.#knownMs > limits.roomKnownMs) this.#lookNow()
    if (this.#bytes < bytes * copies) return false
    this.#bytes -= bytes * copies
    return true
  }

  /** Resolves when so much may be accepted; rejects 'no-space' when publishing what is logged does not make room for it. */
  async wait(bytes: number): Promise<void> {
    const { clock } = this.#vault.parts
    const until = clock.monotonicMs() + limits.roomWaitMs
    for (let before = Infinity, vain = 0; ; ) {
      await this.look()
      if (this.take(bytes)) return
      const owed = this.#owed()
      // The round that was joined may have been about little, or an old read kept the log; then the disk is too full.
      vain = owed >= before ? vain + 1 : 0
      if (owed === 0 || vain === vainRoundsMax || clock.monotonicMs() > until) break
      before = owed
      this.#making ??= this.#publish().finally(() => { this.#making = undefined })
      await this.#making
      // The log is trimmed when reads that began before have ended.
      await new Promise((resolve) => setTimeout(resolve, limits.roomLookMs))
    }
    this.#vault.short ??= new VaultError('no-space', `the disk of ${this.#vault.parts.store} is full`, {
      subject: this.#vault.parts.store, next: 'Make room on the disk of the store; what is in the vault can be read and deleted.',
    })
    this.#refused = bytes * copies
    throw this.#vault.short
  }

  /** Bytes that are only in memory and in the log, and those of the log that a round would free; 0 when none would. */
  #owed(): number {
    const { contents, parts: { log, unpublished } } = this.#vault
    const logged = log.segments > 1 || unpublished.entries.size > 0 ? log.sizeBytes : 0
    return contents.unstoredBytes + logged
  }

  /** Asks the disk; one question at a time. A disk that does not answer changes nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => { this.#looking = undefined })
    return this.#looking
  }

  async #look(): Promise<void> {
    const space = await this.#vault.space().catch(() => undefined)
    if (space !== undefined) this.#know(space)
  }

  #lookNow(): void {
    let space: Space
    try {
      space = this.#vault.spaceNow()
    } catch {
      // The log's own write says what is wrong with the disk.
      return
    }
    this.#know(space)
  }

  #know(space: Space): void {
    this.#knownMs = this.#vault.parts.clock.monotonicMs()
    const { contents, parts: { log } } = this.#vault
    const free = space.blocksAvailable * space.blockSize - reserveOf(space)
    // What is not stored lies in the log and in memory: where there is room for all of these, nothing is added up.
    const roughly = free - (log.sizeBytes + contents.context.arena.sizeBytes) * blobShare
    this.#bytes = roughly > limits.roomAmpleBytes ? roughly : free - contents.unstoredBytes * blobShare
    if (this.#bytes >= this.#refused) this.#vault.short = undefined
  }
}
