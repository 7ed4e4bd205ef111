// What one vault uses of a node: bytes that it may keep in all, and bytes that it may write in a day (of UTC). What is on
// its way counts already, so that many at once do not pass the mark together.
import { BusyFor } from '../terms/busy-for.js'
import { VaultError } from '../terms/errors.js'
import type { Clock } from '../terms/clock.js'
import { nodeLimits } from './node-limits.js'
import type { VaultStorage } from './node-storage.js'

export interface Quota {
  /** Undefined: no limit. */
  readonly totalBytes: number | undefined
  readonly dailyBytes: number | undefined
}

const recordName = 'written'
const daySec = 24 * 3600

interface Written {
  readonly day: number
  readonly bytes: number
}

export class VaultAccount {
  readonly #storage: VaultStorage
  readonly #clock: Clock
  readonly #quota: () => Quota
  #blobs: number
  #bytes: number
  #chainBytes: number
  #written: Written
  /** Counted here and not yet in the record. */
  #unsaved = 0
  #reserved = 0
  #saving: Promise<void> | undefined

  private constructor(storage: VaultStorage, clock: Clock, quota: () => Quota, state: { readonly blobs: number; readonly bytes: number; readonly chainBytes: number; readonly written: Written }) {
    this.#storage = storage
    this.#clock = clock
    this.#quota = quota
    this.#blobs = state.blobs
    this.#bytes = state.bytes
    this.#chainBytes = state.chainBytes
    this.#written = state.written
  }

  static async open(storage: VaultStorage, clock: Clock, quota: () => Quota): Promise<VaultAccount> {
    const [{ blobs, bytes }, heads, record] = [await storage.statistics(), await storage.heads(), await storage.records.get(recordName)]
    const chainBytes = heads.reduce((sum, head) => sum + head.bytes, 0)
    const written = record === undefined ? { day: 0, bytes: 0 } : decodeWritten(record.bytes)
    return new VaultAccount(storage, clock, quota, { blobs, bytes, chainBytes, written })
  }

  /** Counts what other processes of this node have brought and removed too. What comes meanwhile may count twice until the next time. */
  async refresh(): Promise<void> {
    const [{ blobs, bytes }, heads, record] = [await this.#storage.statistics(), await this.#storage.heads(), await this.#storage.records.get(recordName)]
    this.#blobs = blobs
    this.#bytes = bytes
    this.#chainBytes = heads.reduce((sum, head) => sum + head.bytes, 0)
    const saved = record === undefined ? undefined : decodeWritten(record.bytes)
    if (saved?.day === this.#today) this.#written = { day: saved.day, bytes: saved.bytes + this.#unsaved }
  }

  get blobs(): number {
    return this.#blobs
  }

  /** Of blobs and chains. */
  get bytes(): number {
    return this.#bytes + this.#chainBytes
  }

  get quota(): Quota {
    return this.#quota()
  }

  get writtenToday(): number {
    return this.#written.day === this.#today ? this.#written.bytes : 0
  }

  /** Whether `bytes` more may come: then they count until what is answered is called. Throws 'no-space' or 'busy'. */
  reserve(bytes: number): () => void {
    const { totalBytes, dailyBytes } = this.#quota()
    if (totalBytes !== undefined && this.bytes + this.#reserved + bytes > totalBytes) {
      throw new VaultError('no-space', `the vault's room on this node is used up: ${this.bytes} of ${totalBytes} bytes`, { next: '"vaultfs node quota" on the node gives it more' })
    }
    if (dailyBytes !== undefined && this.writtenToday + this.#reserved + bytes > dailyBytes) {
      const { sec } = this.#clock.now()
      throw new BusyFor(
        `the vault has written as much as this node takes in a day: ${this.writtenToday} of ${dailyBytes} bytes`, daySec - (sec % daySec),
        { next: 'it goes on tomorrow; "vaultfs node quota" on the node changes the limit' },
      )
    }
    this.#reserved += bytes
    return () => { this.#reserved -= bytes }
  }

  countBlobs(blobs: number, bytes: number): void {
    this.#blobs += blobs
    this.#bytes += bytes
    if (bytes > 0) this.#countWritten(bytes)
  }

  countChain(bytes: number): void {
    this.#chainBytes += bytes
    this.#countWritten(bytes)
  }

  /** What was counted is in the record when it resolves. */
  async save(): Promise<void> {
    while (this.#unsaved > 0) {
      const [record, delta] = [await this.#storage.records.get(recordName), this.#unsaved]
      const known = record === undefined ? { day: 0, bytes: 0 } : decodeWritten(record.bytes)
      const day = this.#today
      const next: Written = { day, bytes: (known.day === day ? known.bytes : 0) + delta }
      if (!await this.#storage.records.put(recordName, record?.version ?? 0, Buffer.from(JSON.stringify(next)))) continue
      this.#unsaved -= delta
      // Another process of this node may have counted as well.
      this.#written = { day, bytes: next.bytes + this.#unsaved }
    }
  }

  #countWritten(bytes: number): void {
    this.#written = { day: this.#today, bytes: this.writtenToday + bytes }
    this.#unsaved += bytes
    this.#saving ??= new Promise<void>((resolve) => { setTimeout(resolve, nodeLimits.accountMs).unref() })
      .then(() => this.save())
      // It is counted in memory, and tried again with what comes next.
      .catch(() => undefined)
      .finally(() => { this.#saving = undefined })
  }

  get #today(): number {
    return Math.floor(this.#clock.now().sec / daySec)
  }
}

function decodeWritten(bytes: Uint8Array): Written {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Written
}
