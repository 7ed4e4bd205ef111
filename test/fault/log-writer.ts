// A process that does nothing but log, for the power-cut rig (power-log.ts). `write DIRECTORY NOTES` appends and syncs
// until it is killed and notes, on a disk that survives, what was acknowledged; `check DIRECTORY NOTES` opens the log and
// demands all of it. NOSYNC=1 makes the disk lie about syncs: then the check has to fail, or the rig proves nothing.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { extentAssociatedData, openExtentInto, sealExtentInto } from '../../lib/format/log-record.js'
import type { LogDisk } from '../../lib/log/disk.js'
import { segmentName } from '../../lib/log/disk.js'
import { openNodeDisk } from '../../lib/log/node-disk.js'
import { openLog } from '../../lib/log/write-ahead-log.js'
import type { WriteAheadLog } from '../../lib/log/write-ahead-log.js'
import type { LogExtent, LogRecord } from '../../lib/store/log-port.js'
import { recordKind } from '../../lib/store/log-port.js'
import { equalBytes } from '../../lib/terms/bytes.js'
import { preallocate } from '../../native-deps/system.js'
import { randomBytes } from '../../native-deps/sodium.js'
import { Random } from '../model/random.js'

const owner = { vault: new Uint8Array(32).fill(21), device: new Uint8Array(16).fill(22) }
const key = new Uint8Array(32).fill(23)

/** What record `lsn` of the life with generation `generation` holds. */
function contentOf(generation: number, lsn: number): { readonly body: Uint8Array; readonly data: Uint8Array | undefined } {
  const random = new Random(generation * 1_000_003 + lsn)
  const body = new Uint8Array(16 + random.below(200))
  body.set(random.bytes(body.byteLength - 8), 8)
  new DataView(body.buffer).setFloat64(0, generation)
  const size = random.pick([0, 0, 4096, 4096, 10000, 65536])
  // Most of an extent repeats, so that making it costs no time.
  return { body, data: size === 0 ? undefined : new Uint8Array(size).fill(random.below(256)).map((byte, at) => (at % 512 === 0 ? random.below(256) : byte)) }
}

function open(directory: string, visit: (record: LogRecord) => void): Promise<WriteAheadLog> {
  mkdirSync(directory, { recursive: true })
  const real = openNodeDisk({ directory, preallocate: (fd, length) => { preallocate(fd, { offset: 0, length }) } })
  const disk = process.env['NOSYNC'] === undefined ? real : lying(real)
  return openLog({
    disk, ...owner, key, segmentBytes: 1 << 20, entropy: { bytes: randomBytes },
    logger: { log: (level, message, fields) => { if (level !== 'debug') console.log(level, message, fields) } },
  }, visit)
}

function lying(real: LogDisk): LogDisk {
  return {
    directory: real.directory,
    list: () => real.list(),
    open: (name, create) => {
      const file = real.open(name, create)
      return {
        get sizeBytes() { return file.sizeBytes },
        pwrite: (bytes, offset, length, position) => { file.pwrite(bytes, offset, length, position) },
        pread: (into, position) => file.pread(into, position),
        datasync: async () => Promise.resolve(),
        preallocate: async () => Promise.resolve(),
        truncate: (sizeBytes) => { file.truncate(sizeBytes) },
        close: () => { file.close() },
      }
    },
    rename: (from, to) => { real.rename(from, to) },
    remove: (name) => { real.remove(name) },
    syncDirectory: async () => Promise.resolve(),
    close: () => { real.close() },
  }
}

async function write(directory: string, notes: string): Promise<void> {
  const log = await open(directory, () => undefined)
  const note = (word: string, lsn: number): void => { appendFileSync(notes, `${word} ${String(log.generation)} ${String(lsn)}\n`) }
  note('open', log.lastLsn)
  const random = new Random(log.generation)
  for (;;) {
    for (let count = random.below(40); count >= 0; count--) append(log)
    if (random.chance(0.3)) log.flush()
    const lsn = log.lastLsn
    const synced = log.sync().then(() => { note('ack', lsn) })
    // Some go on while the disk is busy.
    if (random.chance(0.7)) await synced
    else synced.catch(stop)
    if (random.chance(0.05) && log.syncedLsn > 300) {
      note('trim', log.syncedLsn - 300)
      log.trim(log.syncedLsn - 300)
    }
  }
}

function append(log: WriteAheadLog): void {
  const { body, data } = contentOf(log.generation, log.lastLsn + 1)
  if (data === undefined) log.append(recordKind.images, body)
  else if (data.byteLength <= 10000) log.appendExtent(recordKind.extent, body, 1, 0, data)
  else {
    const sealed = new Uint8Array(data.byteLength + 40)
    const place = { generation: log.generation, ino: 1, offset: 0, length: data.byteLength }
    sealExtentInto(sealed, data, extentAssociatedData(owner, place), randomBytes(24), key)
    log.appendSealed(recordKind.extent, body, { ino: 1, offset: 0, length: data.byteLength, sealed })
  }
}

function stop(error: unknown): void {
  // The disk is gone, as it should be.
  console.log(String(error))
  process.exit(0)
}

interface Notes {
  /** First LSN and generation of each life, in order. */
  readonly lives: readonly { readonly generation: number; readonly after: number }[]
  readonly acknowledged: number
  readonly trimmed: number
}

function readNotes(path: string): Notes {
  const lives: { generation: number; after: number }[] = []
  let acknowledged = 0
  let trimmed = 0
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [word, generation, number] = line.split(' ')
    const lsn = Number(number)
    if (word === 'open') lives.push({ generation: Number(generation), after: lsn })
    if (word === 'ack') acknowledged = Math.max(acknowledged, lsn)
    if (word === 'trim') trimmed = Math.max(trimmed, lsn)
  }
  return { lives, acknowledged, trimmed }
}

async function check(directory: string, notesPath: string): Promise<void> {
  const notes = readNotes(notesPath)
  const records: LogRecord[] = []
  const log = await open(directory, (record) => { records.push(record) })
  const fail = (what: string): never => { throw new Error(`${what}; acknowledged ${String(notes.acknowledged)}, log ends at ${String(log.lastLsn)}`) }
  if (log.lastLsn < notes.acknowledged) fail('acknowledged records are gone')
  const first = records[0]?.lsn ?? log.lastLsn + 1
  if (first > Math.max(1, notes.trimmed)) fail(`records before ${String(first)} are gone`)
  const files = new Map<number, Uint8Array>()
  for (const [index, record] of records.entries()) {
    if (record.lsn !== first + index) fail(`a gap at ${String(record.lsn)}`)
    const generation = notes.lives.findLast((life) => life.after < record.lsn)?.generation
    if (generation === undefined) throw new Error('nobody opened the log')
    const { body, data } = contentOf(generation, record.lsn)
    if (!equalBytes(body, record.body)) fail(`record ${String(record.lsn)} is another one`)
    if ((data === undefined) !== (record.extent === undefined)) fail(`record ${String(record.lsn)} lost its data`)
    if (data !== undefined && record.extent !== undefined && !holds(directory, files, record.extent, data)) fail(`the data of record ${String(record.lsn)} is not whole`)
  }
  await log.close()
  console.log(`acknowledged ${String(notes.acknowledged)}, found ${String(first)} to ${String(log.lastLsn)}, ${String(files.size)} segments with data`)
}

function holds(directory: string, files: Map<number, Uint8Array>, extent: LogExtent, data: Uint8Array): boolean {
  const file = files.get(extent.segment) ?? readFileSync(`${directory}/${segmentName(extent.segment)}`)
  files.set(extent.segment, file)
  const out = new Uint8Array(extent.length)
  const sealed = file.subarray(extent.position, extent.position + extent.length + 40)
  return openExtentInto(out, sealed, extentAssociatedData(owner, extent), key) && equalBytes(out, data)
}

const [, , verb, directory, notesPath] = process.argv
if (directory === undefined || notesPath === undefined) throw new Error('usage: log-writer write|check DIRECTORY NOTES')
if (verb === 'check') await check(directory, notesPath)
else await write(directory, notesPath).catch(stop)
