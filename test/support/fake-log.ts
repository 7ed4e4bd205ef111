// A log in memory that keeps what was appended, in plain, and tells when it was asked to sync and trim.
import { type ExtentKind, type LogExtent, type LogPort, type LogRecord, type RecordKind, type SealedExtent } from '../../lib/store/log-port.js'

export class FakeLog implements LogPort {
  readonly generation = 1
  lastLsn = 0
  syncedLsn = 0
  flushedLsn = 0
  /** Oldest record that is still here. */
  firstLsn = 1
  readonly segments = 1
  appendedBytes = 0
  records: LogRecord[] = []
  /** Plaintext of extents by LSN. */
  readonly data = new Map<number, Uint8Array>()
  readonly #calls: string[]
  readonly #pause: () => Promise<void>

  constructor(calls: string[] = [], pause: () => Promise<void> = () => Promise.resolve()) {
    this.#calls = calls
    this.#pause = pause
  }

  get sizeBytes(): number {
    return this.records.length * 100
  }

  append(kind: RecordKind, body: Uint8Array): number {
    return this.#append(kind, body, undefined)
  }

  appendExtent(kind: ExtentKind, body: Uint8Array, ino: number, offset: number, data: Uint8Array): LogExtent {
    const extent = { segment: 1, position: this.lastLsn + 1, length: data.byteLength, lsn: this.lastLsn + 1, generation: 1, ino, offset }
    this.data.set(extent.lsn, data.slice())
    this.#append(kind, body, extent)
    return extent
  }

  appendSealed(kind: ExtentKind, body: Uint8Array, { ino, offset, sealed }: SealedExtent): LogExtent {
    return this.appendExtent(kind, body, ino, offset, sealed)
  }

  flush(): void {
    this.flushedLsn = this.lastLsn
  }

  async sync(lsn = this.lastLsn): Promise<void> {
    this.flush()
    await this.#pause()
    this.syncedLsn = Math.max(this.syncedLsn, lsn)
    this.#calls.push(`log synced ${String(lsn)}`)
  }

  trim(lsn: number): void {
    this.#calls.push(`log trimmed ${String(lsn)}`)
    this.firstLsn = Math.max(this.firstLsn, lsn)
    this.records = this.records.filter((record) => record.lsn >= lsn)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** What is left of it when everything after `lsn` is lost. */
  cutAfter(lsn: number, calls: string[], pause: () => Promise<void>): FakeLog {
    const left = new FakeLog(calls, pause)
    left.records = this.records.filter((record) => record.lsn <= lsn)
    left.firstLsn = this.firstLsn
    left.lastLsn = left.syncedLsn = left.flushedLsn = Math.max(lsn, this.firstLsn - 1)
    for (const [key, bytes] of this.data) left.data.set(key, bytes)
    return left
  }

  #append(kind: RecordKind, body: Uint8Array, extent: LogExtent | undefined): number {
    this.lastLsn++
    this.appendedBytes += body.byteLength + (extent?.length ?? 0)
    this.records.push({ lsn: this.lastLsn, kind, body: body.slice(), extent })
    this.#calls.push(`log appended ${String(this.lastLsn)} kind ${String(kind)}`)
    return this.lastLsn
  }
}
