// One crash that random lives seldom meet: a power cut keeps the content of a used file and loses its new name, so that
// the next life begins the same segment in the same file, with old records of the same numbers behind its own.
import { segmentName } from '../../lib/log/disk.js'
import type { LogRecord } from '../../lib/store/log-port.js'
import { recordKind } from '../../lib/store/log-port.js'
import { demand, open } from './log-model.js'
import { Random } from './random.js'
import { SimulatedDisk } from './simulated-disk.js'

/** Throws when a record that the second life never appended is shown by the third. */
export async function refuseStaleRecord(): Promise<void> {
  let met = 0
  for (let size = 100; size < 300; size += 20) if (await tryStaleRecord(size)) met++
  demand(met > 0, 'the crash was never met')
}

/** False: the sizes don't lead to that crash. */
async function tryStaleRecord(size: number): Promise<boolean> {
  const random = new Random(size)
  const first = new SimulatedDisk(512)
  const log = await open(first, random, () => undefined)
  const old = new Uint8Array(size).fill(1)
  while (log.segments < 3) {
    log.append(recordKind.images, old)
    await log.sync()
  }
  // The oldest becomes the file that is set aside, its new name is synced.
  log.trim(log.lastLsn + 1)
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  const before = newestName(first)
  while (newestName(first) === before) {
    await log.sync()
    if (newestName(first) !== before) return false
    log.append(recordKind.images, old)
    log.flush()
  }
  // The segment was begun and its name is not synced; these lie in it.
  const last = log.lastLsn
  for (let count = 0; count < 3; count++) log.append(recordKind.images, old)
  log.flush()

  const second = first.cutPower(random, 'content')
  if (newestName(second) !== before || !second.list().some((name) => name.startsWith('spare'))) return false
  const log2 = await open(second, random, () => undefined)
  if (log2.lastLsn !== last || newestName(second) !== newestName(first)) return false
  log2.append(recordKind.images, new Uint8Array(size).fill(2))
  log2.flush()

  const shown: LogRecord[] = []
  const log3 = await open(second.kill(), random, (record) => { shown.push(record) })
  demand(log3.lastLsn === last + 1, `record ${String(last + 2)} is of an older life`)
  demand(shown.at(-1)?.body[0] === 2, 'the newest record is the second life\'s')
  return true
}

function newestName(disk: SimulatedDisk): string {
  return disk.list().filter((name) => !name.startsWith('spare')).sort().at(-1) ?? segmentName(0)
}
