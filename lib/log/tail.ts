// What is done to a log's end between reading it and appending to it.
import type { Logger } from '../terms/log.js'
import { fromErrno } from '../terms/errors.js'
import { segmentName } from './disk.js'
import type { LogDisk, LogFile } from './disk.js'
import type { LogEnd } from './replay.js'
import type { Survey } from './survey.js'

const pieceBytes = 1 << 20

/**
 * Records may have been read from the page cache only. After a failed sync the kernel holds such pages for clean and
 * would never write them: so they are written again, and then synced.
 */
export async function makeTailDurable(disk: LogDisk, end: LogEnd): Promise<void> {
  try {
    await disk.syncDirectory()
    for (const { segment, end: to } of end.segments) {
      const from = end.unsyncedFrom.get(segment)
      if (from === undefined) continue
      const file = disk.open(segmentName(segment), false)
      try {
        writeAgain(file, from, to)
        await file.datasync()
      } finally {
        file.close()
      }
    }
  } catch (error) {
    throw fromErrno(error, disk.directory)
  }
}

function writeAgain(file: LogFile, from: number, to: number): void {
  const piece = new Uint8Array(Math.min(pieceBytes, to - from))
  for (let at = from; at < to; at += piece.byteLength) {
    const length = Math.min(piece.byteLength, to - at)
    file.pread(piece.subarray(0, length), at)
    file.pwrite(piece, 0, length, at)
  }
}

/**
 * The new generation's header is on the disk and fences what lies behind the end. Now files that belong to no log are
 * removed and the room behind the end is given back. Nothing depends on it: what fails stays for the next opening.
 */
export function clearStrays(disk: LogDisk, logger: Logger, found: Survey, end: LogEnd): void {
  const kept = new Set(end.segments.map(({ segment }) => segment))
  const cut = found.chain.map(({ header }) => header.segment).filter((segment) => !kept.has(segment))
  try {
    for (const segment of [...found.strays, ...found.unborn, ...cut]) disk.remove(segmentName(segment))
    const last = end.segments.at(-1)
    if (last === undefined) return
    const file = disk.open(segmentName(last.segment), false)
    try {
      if (file.sizeBytes > last.end) file.truncate(last.end)
    } finally {
      file.close()
    }
  } catch (error) {
    logger.log('warn', 'files that the log needs no more could not be removed', { reason: String(error) })
  }
}
