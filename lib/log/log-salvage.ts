// Every record of a log that verifies, whatever lies between: for saving what can be read of a damaged one. Nothing is
// changed on the disk. What a crash tore off and a later opening fenced is left out, as a mount does; what is missing in
// the middle is told.
import { syncMarkKind } from '../format/log-record.js'
import type { LogOwner } from '../format/log-record.js'
import { headerSectorBytes, readSegmentHeader, segmentHeaderBytes, type SegmentHeader } from '../format/log-segment.js'
import { recordKind, type LogRecord, type RecordKind } from '../store/log-port.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { segmentName, segmentOfName, type LogDisk, type LogFile } from './disk.js'
import { SegmentReader, type ReadRecord } from './segment-reader.js'

export interface SavedLog {
  /** In the order in which they were written, each once. */
  readonly records: readonly LogRecord[]
  /** Numbers of records that there were and that can't be read. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  /** 0: there is none. */
  readonly firstLsn: number
  readonly lastLsn: number
  /** Segments whose header can't be read. */
  readonly headless: readonly string[]
  readonly owner: LogOwner
}

interface Found {
  readonly segment: number
  readonly record: ReadRecord
}

const kinds: ReadonlySet<number> = new Set(Object.values(recordKind))

/** `owners`: of these the log is that of the first that a header fits. */
export function saveLog(disk: LogDisk, owners: readonly LogOwner[], key: Uint8Array): SavedLog {
  const numbers = disk.list().map(segmentOfName).filter((segment) => segment !== undefined).sort((a, b) => a - b)
  const headers = new Map<number, SegmentHeader>()
  let owner = owners[0]
  if (owner === undefined) throw new VaultError('corrupt', 'whose the log is is not known', { subject: disk.directory })
  for (const segment of numbers) {
    for (const each of owners) {
      const header = headerOf(disk, segment, each, key)
      if (header === undefined) continue
      headers.set(segment, header)
      owner = each
      break
    }
  }
  const scan = { disk, owner, key, headers }
  const found = numbers.flatMap((segment) => recordsOf(scan, segment))
  const synced = Math.max(0, ...[...headers.values()].map((header) => header.synced), ...found.map(({ record }) => record.head.synced))
  const kept = whole(scan, inOrder(found.filter(({ record }) => record.head.kind !== syncMarkKind), headers), synced)
  const first = oldest(headers, kept)
  const last = kept.at(-1)?.record.framing.lsn ?? Math.max(first - 1, 0)
  return {
    records: kept.filter(({ record }) => kinds.has(record.head.kind)).map(shown), gaps: gapsIn(kept, first, Math.max(last, synced)),
    firstLsn: kept.length === 0 ? 0 : first, lastLsn: Math.max(last, synced), owner,
    headless: numbers.filter((segment) => !headers.has(segment) && found.some((each) => each.segment === segment)).map(segmentName),
  }
}

interface Scan {
  readonly disk: LogDisk
  readonly owner: LogOwner
  readonly key: Uint8Array
  readonly headers: ReadonlyMap<number, SegmentHeader>
}

function headerOf(disk: LogDisk, segment: number, owner: LogOwner, key: Uint8Array): SegmentHeader | undefined {
  const sector = new Uint8Array(headerSectorBytes)
  const length = withFile(disk, segment, (file) => file.pread(sector, 0)) ?? 0
  const reading = readSegmentHeader(sector.subarray(0, length), owner, key)
  return reading.state === 'valid' && reading.header.segment === segment ? reading.header : undefined
}

/** All of one segment up to where its successor says that they end. */
function recordsOf({ disk, owner, key, headers }: Scan, segment: number): Found[] {
  const next = [...headers.values()].find(({ previousSegment }) => previousSegment === segment)
  const found: Found[] = []
  withFile(disk, segment, (file) => {
    new SegmentReader(file, owner, key).scan(segmentHeaderBytes, segment, (record) => {
      if (record.position < (next?.previousEnd ?? Infinity)) found.push({ segment, record })
    })
  })
  return found
}

/** Of a number that was given twice the later one counts, and of an older generation nothing behind it. */
function inOrder(found: readonly Found[], headers: ReadonlyMap<number, SegmentHeader>): Found[] {
  const begins = new Map<number, number>()
  const begin = (generation: number, lsn: number): void => { begins.set(generation, Math.min(begins.get(generation) ?? Infinity, lsn)) }
  for (const { generation, firstLsn } of headers.values()) begin(generation, firstLsn)
  for (const { record: { framing } } of found) begin(framing.generation, framing.lsn)
  const overtaken = ({ generation, lsn }: ReadRecord['framing']): boolean => [...begins].some(([later, from]) => later > generation && lsn >= from)
  const byLsn = new Map<number, Found>()
  for (const each of found) if (!overtaken(each.record.framing)) byLsn.set(each.record.framing.lsn, each)
  return [...byLsn.values()].sort((one, other) => one.record.framing.lsn - other.record.framing.lsn)
}

/** Where the records begin that nobody was promised, one without its data ends the log. */
function whole({ disk, owner, key }: Scan, found: readonly Found[], synced: number): Found[] {
  const torn = found.findIndex(({ segment, record }, at) => record.framing.lsn > synced && (
    record.framing.lsn !== (found[at - 1]?.record.framing.lsn ?? record.framing.lsn - 1) + 1 ||
    withFile(disk, segment, (file) => new SegmentReader(file, owner, key).payloadVerifies(record)) !== true))
  return torn < 0 ? [...found] : found.slice(0, torn)
}

/** The first record of the oldest segment that belongs to the log; what came before it was trimmed. */
function oldest(headers: ReadonlyMap<number, SegmentHeader>, kept: readonly Found[]): number {
  const chained = [...headers.values()].sort((one, other) => other.segment - one.segment)
  let first = chained[0]
  for (const header of chained) if (first !== undefined && header.segment === first.previousSegment) first = header
  return Math.min(first?.firstLsn ?? Infinity, kept[0]?.record.framing.lsn ?? Infinity, Number.MAX_SAFE_INTEGER)
}

function gapsIn(kept: readonly Found[], first: number, last: number): { from: number; to: number }[] {
  const gaps: { from: number; to: number }[] = []
  let expected = first
  for (const { record: { framing: { lsn } } } of kept) {
    if (lsn > expected) gaps.push({ from: expected, to: lsn - 1 })
    expected = lsn + 1
  }
  if (last >= expected) gaps.push({ from: expected, to: last })
  return gaps
}

function shown({ record: { framing, head, payloadPosition } }: Found): LogRecord {
  const { extent } = head
  return {
    lsn: framing.lsn, kind: head.kind as RecordKind, body: head.body,
    extent: extent === undefined ? undefined : {
      segment: framing.segment, position: payloadPosition, length: extent.length, lsn: framing.lsn,
      generation: framing.generation, ino: extent.ino, offset: extent.offset,
    },
  }
}

/** Undefined: the disk does not give it. */
function withFile<Value>(disk: LogDisk, segment: number, use: (file: LogFile) => Value): Value | undefined {
  let file: LogFile
  try {
    file = disk.open(segmentName(segment), false)
  } catch (error) {
    if (fromErrno(error, segmentName(segment)).code === 'too-many') throw fromErrno(error, segmentName(segment))
    return undefined
  }
  try {
    return use(file)
  } catch (error) {
    if (error instanceof VaultError) throw error
    return undefined
  } finally {
    file.close()
  }
}
