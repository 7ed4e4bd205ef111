// Which files of a log's directory make up the log: the newest header that verifies, its predecessor, and so on to the
// oldest that is there. A predecessor that is missing was trimmed; one that is there and does not verify is damage,
// because a segment is begun only when the disk has the header before it (segments.ts, rule 1).
import type { LogOwner } from '../format/log-record.js'
import { headerSectorBytes, readSegmentHeader } from '../format/log-segment.js'
import type { SegmentHeader } from '../format/log-segment.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { segmentName, segmentOfName } from './disk.js'
import type { LogDisk } from './disk.js'

export interface ChainLink {
  readonly header: SegmentHeader
  /** The header's tag, to which the first record is chained. */
  readonly tag: Uint8Array
}

export interface Survey {
  /** Oldest first; empty when there is no log. */
  readonly chain: readonly ChainLink[]
  /** Segment files without a header, above the newest one: begun, and never on the disk. */
  readonly unborn: readonly number[]
  /** Segment files that are not part of the log. */
  readonly strays: readonly number[]
  /** Highest number of any segment file; 0 when there is none. */
  readonly newestSegment: number
  /** Highest generation of any header; 0 when there is none. */
  readonly newestGeneration: number
}

export function corrupt(path: string, what: string, cause?: unknown): VaultError {
  return new VaultError('corrupt', `${path}: ${what}`, {
    subject: path,
    next: "nothing was changed: restore this file from a copy of the store; without one, 'vaultfs salvage' saves what can be read, the rest of the log included",
    cause,
  })
}

export function survey(disk: LogDisk, owner: LogOwner, key: Uint8Array): Survey {
  const numbers = disk.list().map(segmentOfName).filter((segment) => segment !== undefined).sort((a, b) => a - b)
  const links = new Map<number, ChainLink>()
  for (const segment of numbers) {
    const link = readLink(disk, segment, owner, key)
    if (link !== undefined) links.set(segment, link)
  }
  const newest = Math.max(0, ...links.keys())
  const chain: ChainLink[] = []
  let number = newest
  while (number !== 0) {
    const link = links.get(number)
    if (link === undefined) break
    chain.unshift(link)
    const previous = link.header.previousSegment
    if (previous >= number) throw corrupt(`${disk.directory}/${segmentName(number)}`, 'the header names no older segment')
    if (numbers.includes(previous) && !links.has(previous)) {
      throw corrupt(`${disk.directory}/${segmentName(previous)}`, 'byte 0: the segment lost its header')
    }
    number = previous
  }
  const chained = new Set(chain.map((link) => link.header.segment))
  return {
    chain,
    unborn: numbers.filter((segment) => segment > newest),
    strays: numbers.filter((segment) => segment < newest && !chained.has(segment)),
    newestSegment: numbers.at(-1) ?? 0,
    newestGeneration: Math.max(0, ...[...links.values()].map((link) => link.header.generation)),
  }
}

function readLink(disk: LogDisk, segment: number, owner: LogOwner, key: Uint8Array): ChainLink | undefined {
  const path = `${disk.directory}/${segmentName(segment)}`
  const sector = new Uint8Array(headerSectorBytes)
  let length: number
  try {
    const file = disk.open(segmentName(segment), false)
    try {
      length = file.pread(sector, 0)
    } finally {
      file.close()
    }
  } catch (error) {
    throw fromErrno(error, path)
  }
  const reading = readSegmentHeader(sector.subarray(0, length), owner, key)
  switch (reading.state) {
    case 'valid':
      // A used file that was renamed, and whose own header never came to the disk, still bears its old number.
      return reading.header.segment === segment ? { header: reading.header, tag: reading.tag } : undefined
    case 'unborn':
      return undefined
    case 'damaged':
      throw corrupt(path, 'byte 0: the header of this log segment does not verify')
    case 'foreign':
      throw new VaultError('corrupt', `${path}: the log belongs to another vault or device`, {
        subject: path, next: 'nothing was changed: put the log of this vault back',
      })
    case 'unknown-version':
      throw new VaultError('format-unknown', `${path}: the log has a format that this version does not know`, {
        subject: path, next: "open the vault with the newer version that wrote it; when this is the newest, it is damaged: restore it from a copy of the store, or 'vaultfs salvage' saves what can be read",
      })
  }
}
