// The crash model of the write-ahead log: lives of random appends, flushes, syncs, trims and reopenings on a simulated
// disk; a crash at every operation of the disk; then the next life must find every acknowledged record, a prefix of what
// was appended, and nothing else. Throws on the first violation.
import { extentAssociatedData, openExtentInto, sealExtentInto } from '../../lib/format/log-record.js'
import { segmentName } from '../../lib/log/disk.js'
import { openLog } from '../../lib/log/write-ahead-log.js'
import type { WriteAheadLog } from '../../lib/log/write-ahead-log.js'
import type { LogExtent, LogRecord } from '../../lib/store/log-port.js'
import { recordKind } from '../../lib/store/log-port.js'
import { equalBytes } from '../../lib/terms/bytes.js'
import { VaultError } from '../../lib/terms/errors.js'
import { silent } from '../../lib/terms/log.js'
import { Random } from './random.js'
import { SimulatedDisk, survivals } from './simulated-disk.js'

export const owner = { vault: new Uint8Array(32).fill(11), device: new Uint8Array(16).fill(12) }
export const key = new Uint8Array(32).fill(13)
export const segmentBytes = 8192

export interface Written {
  readonly kind: number
  readonly body: Uint8Array
  readonly data: Uint8Array | undefined
  readonly extent: LogExtent | undefined
}

/** What is known at a moment of what the log owes. */
export interface Moment {
  readonly disk: SimulatedDisk
  /** All that was ever appended, index lsn − 1. */
  readonly written: readonly Written[]
  readonly acknowledged: number
  /** Handed to the kernel: what a kill must leave. */
  readonly flushed: number
  /** Records below were given up. */
  readonly trimmed: number
  readonly operation: string
}

export interface ModelFigures {
  lives: number
  crashes: number
  records: number
}

export interface ModelOptions {
  readonly seed: number
  readonly operations: number
  /** Lives after lives: how often a crash is followed by another life that crashes as well. */
  readonly depth: number
  /** Errors of the disk as well. */
  readonly faults: boolean
}

export function open(disk: SimulatedDisk, random: Random, visit: (record: LogRecord) => void): Promise<WriteAheadLog> {
  const entropy = { bytes: (length: number) => random.bytes(length) }
  return openLog({ disk, ...owner, key, segmentBytes, entropy, logger: silent }, visit)
}

export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** One root life and all the lives that its crashes lead to. */
export async function runModel(options: ModelOptions, figures: ModelFigures): Promise<void> {
  const random = new Random(options.seed)
  const disk = new SimulatedDisk(random.pick([512, 4096]))
  const start: Moment = { disk, written: [], acknowledged: 0, flushed: 0, trimmed: 0, operation: 'start' }
  await liveOn(start, random, options, figures)
}

async function liveOn(start: Moment, random: Random, options: ModelOptions, figures: ModelFigures): Promise<void> {
  const moments = await new Life(start, random, options.faults).run(options.operations)
  figures.lives++
  const again = new Set(Array.from({ length: options.depth > 0 ? 2 : 0 }, () => random.below(moments.length)))
  for (const [index, moment] of moments.entries()) {
    const crashes = [moment.disk.kill(), ...[0, 1, 2].map(() => moment.disk.cutPower(random, random.pick(survivals)))]
    for (const [which, after] of crashes.entries()) {
      figures.crashes++
      const crashed = { ...moment, disk: after, flushed: which === 0 ? moment.flushed : 0 }
      if (!again.has(index) || which > 1) await survive(crashed, random, figures)
      else await liveOn(crashed, random, { ...options, depth: options.depth - 1, operations: options.operations / 2 }, figures)
    }
  }
}

/** Opens what a crash left and checks it. */
async function survive(moment: Moment, random: Random, figures: ModelFigures): Promise<void> {
  const records: LogRecord[] = []
  const log = await open(moment.disk, random, (record) => { records.push(record) })
  checkRecords(moment, log, records)
  figures.records += records.length
}

export function checkRecords(moment: Moment, log: WriteAheadLog, records: readonly LogRecord[]): void {
  const at = `at '${moment.operation}': `
  const owed = Math.max(moment.acknowledged, moment.flushed)
  demand(log.lastLsn >= owed, `${at}the log ends at ${String(log.lastLsn)}, ${String(owed)} was acknowledged`)
  demand(log.lastLsn <= moment.written.length, `${at}record ${String(log.lastLsn)} was never appended`)
  const first = records[0]?.lsn ?? log.lastLsn + 1
  demand(first <= Math.max(1, moment.trimmed), `${at}record ${String(moment.trimmed)} is missing`)
  for (const [index, record] of records.entries()) {
    demand(record.lsn === first + index, `${at}a gap at record ${String(record.lsn)}`)
    const written = moment.written[record.lsn - 1]
    demand(written?.kind === record.kind && equalBytes(written.body, record.body), `${at}record ${String(record.lsn)} is another one`)
    demand(JSON.stringify(written.extent) === JSON.stringify(record.extent), `${at}the extent of record ${String(record.lsn)} is another one`)
    if (record.extent !== undefined && written.data !== undefined) {
      const data = readExtent(moment.disk, record.extent)
      demand(data !== undefined && equalBytes(data, written.data), `${at}the data of record ${String(record.lsn)} is not whole`)
    }
  }
  demand(first + records.length === log.lastLsn + 1, `${at}records are missing at the end`)
}

export function readExtent(disk: SimulatedDisk, extent: LogExtent): Uint8Array | undefined {
  const file = disk.read(segmentName(extent.segment))
  const out = new Uint8Array(extent.length)
  const sealed = file.subarray(extent.position, extent.position + extent.length + 40)
  if (sealed.byteLength < extent.length + 40) return undefined
  return openExtentInto(out, sealed, extentAssociatedData(owner, extent), key) ? out : undefined
}

class Life {
  readonly #random: Random
  readonly #faults: boolean
  readonly #disk: SimulatedDisk
  readonly #start: Moment
  #written: Written[]
  #moments: Moment[] = []
  #flushed = 0
  #trimmed: number
  #log: WriteAheadLog | undefined
  #closed = false

  constructor(start: Moment, random: Random, faults: boolean) {
    this.#start = start
    this.#random = random
    this.#faults = faults
    this.#disk = start.disk
    this.#written = [...start.written]
    this.#flushed = start.flushed
    this.#trimmed = start.trimmed
    this.#disk.hooks = {
      operation: (operation) => { this.#moment(operation) },
      syncTurns: () => random.below(8),
      fault: (operation) => {
        // Opening on a disk that fails is its own test.
        if (!faults || this.#log === undefined) return undefined
        if (operation === 'pwrite' && random.chance(0.05)) return { code: 'ENOSPC', partial: random.next() }
        if ((operation === 'create' || operation === 'preallocate' || operation === 'rename') && random.chance(0.2)) return { code: 'ENOSPC' }
        if (operation === 'datasync' && random.chance(0.02)) return { code: 'EIO' }
        return undefined
      },
    }
  }

  /** The moments of all its disk operations, and its end. */
  async run(operations: number): Promise<readonly Moment[]> {
    await this.#open(this.#start)
    for (let step = 0; step < operations && !this.#closed; step++) await this.#step()
    this.#moment('end')
    this.#disk.hooks = {}
    return this.#moments
  }

  #moment(operation: string): void {
    const log = this.#log
    this.#moments.push({
      disk: this.#disk.kill(), written: this.#written.slice(), trimmed: this.#trimmed, operation,
      acknowledged: log?.syncedLsn ?? this.#start.acknowledged, flushed: this.#flushed,
    })
  }

  async #open(expected: Moment): Promise<void> {
    const records: LogRecord[] = []
    const log = await open(this.#disk, this.#random, (record) => { records.push(record) })
    checkRecords(expected, log, records)
    demand(log.syncedLsn === log.lastLsn, 'a log that was just opened is all synced')
    // What a crash cut off was never acknowledged: its numbers are given out anew.
    this.#written = this.#written.slice(0, log.lastLsn)
    this.#flushed = log.lastLsn
    this.#log = log
  }

  async #step(): Promise<void> {
    const log = this.#log
    if (log === undefined) throw new Error('the log is not open')
    const random = this.#random
    const choice = random.below(100)
    try {
      if (choice < 30) this.#append(log)
      else if (choice < 50) this.#appendExtent(log)
      else if (choice < 70) {
        log.flush()
        this.#flushed = log.lastLsn
      } else if (choice < 80) void log.sync().catch((error: unknown) => { this.#excuse(error) })
      else if (choice < 85) await log.sync(random.chance(0.5) ? undefined : random.below(log.lastLsn + 1))
      else if (choice < 88) {
        // As the catalog does: what is synced is applied, and then needed no more.
        await log.sync()
        this.#giveUp(log, log.lastLsn + 1)
      }
      else if (choice < 93) this.#trim(log)
      else if (choice < 98) for (let turn = random.below(20); turn > 0; turn--) await Promise.resolve()
      else await this.#reopen(log)
    } catch (error) {
      this.#excuse(error)
    }
    this.#flushed = Math.max(this.#flushed, this.#log?.syncedLsn ?? 0)
  }

  #append(log: WriteAheadLog): void {
    const kind = this.#random.pick([recordKind.images, recordKind.splice, recordKind.published, recordKind.mark])
    // Few sizes, so that an old record can stand just where a new one could.
    const body = this.#random.bytes(this.#random.pick([0, 20, 150, 390]))
    const lsn = log.append(kind, body)
    this.#put(lsn, { kind, body, data: undefined, extent: undefined })
  }

  #appendExtent(log: WriteAheadLog): void {
    const random = this.#random
    const body = random.bytes(random.pick([0, 16]))
    const data = random.bytes(random.pick([0, 100, 600, 600, 2900]))
    const kind = random.pick([recordKind.extent, recordKind.heldExtent])
    const ino = random.below(5)
    const offset = random.below(3) * 4096
    let extent: LogExtent
    if (random.chance(0.5)) extent = log.appendExtent(kind, body, ino, offset, data)
    else {
      const place = { generation: log.generation, ino, offset, length: data.byteLength }
      const sealed = new Uint8Array(data.byteLength + 40)
      sealExtentInto(sealed, data, extentAssociatedData(owner, place), random.bytes(24), key)
      extent = log.appendSealed(kind, body, { ino, offset, length: data.byteLength, sealed })
    }
    this.#put(extent.lsn, { kind, body, data, extent })
  }

  #put(lsn: number, written: Written): void {
    demand(lsn === this.#written.length + 1, `record ${String(lsn)} was given number after ${String(this.#written.length)}`)
    this.#written.push(written)
  }

  #trim(log: WriteAheadLog): void {
    // The catalog may ask for more than is synced; the log gives up only what is.
    this.#giveUp(log, this.#random.chance(0.3) ? log.lastLsn + 1 : this.#random.below(log.lastLsn + 1))
  }

  #giveUp(log: WriteAheadLog, lsn: number): void {
    this.#trimmed = Math.max(this.#trimmed, Math.min(lsn, log.syncedLsn + 1))
    log.trim(lsn)
  }

  async #reopen(log: WriteAheadLog): Promise<void> {
    try {
      await log.close()
    } catch (error) {
      // It gave up what it could not write, and is closed.
      this.#closed = true
      throw error
    }
    this.#flushed = log.lastLsn
    const expected: Moment = {
      disk: this.#disk, written: this.#written, acknowledged: log.lastLsn, flushed: log.lastLsn, trimmed: this.#trimmed, operation: 'reopen',
    }
    this.#log = undefined
    const start = this.#start
    // Moments of the opening itself owe what the closed log owed.
    Object.assign(start, { acknowledged: log.lastLsn })
    await this.#open(expected)
  }

  #excuse(error: unknown): void {
    if (!this.#faults || !(error instanceof VaultError)) throw error
    if (error.code === 'no-space') return
    // The log failed for good. It is pressed on: it must not take it back.
    demand(error.code === 'io', `an unexpected ${error.code}: ${error.message}`)
  }
}
