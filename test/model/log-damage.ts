// Damage to a log that was synced: one bit of every byte is turned over. Opening must say 'corrupt', or show every record
// as it was written (the bit lay in padding or behind the end); data must be what was written or refuse to open. Throws on
// the first violation.
import type { LogRecord } from '../../lib/store/log-port.js'
import { recordKind } from '../../lib/store/log-port.js'
import { equalBytes } from '../../lib/terms/bytes.js'
import { VaultError } from '../../lib/terms/errors.js'
import { demand, open, readExtent } from './log-model.js'
import type { Written } from './log-model.js'
import { Random } from './random.js'
import { SimulatedDisk } from './simulated-disk.js'

/** How the life before the damage ended. */
export type Ending = 'closed' | 'killed' | 'closed and opened'

export interface DamageFigures {
  refused: number
  /** Opened with all records, all data whole. */
  harmless: number
  /** Opened with all records; the data that the bit lay in refuses to open. */
  dataRefused: number
}

/** `step`: 1 looks at each byte. */
export async function damageLog(ending: Ending, step: number, figures: DamageFigures): Promise<void> {
  const random = new Random(ending.length)
  const disk = new SimulatedDisk(512)
  const written: Written[] = []
  const log = await open(disk, random, () => undefined)
  for (let index = 0; index < 40; index++) {
    const body = random.bytes(random.below(100))
    if (index % 3 === 0) {
      const data = random.bytes(200)
      written.push({ kind: recordKind.extent, body, data, extent: log.appendExtent(recordKind.extent, body, index, 4096, data) })
    } else {
      log.append(recordKind.images, body)
      written.push({ kind: recordKind.images, body, data: undefined, extent: undefined })
    }
    // Several records to a sync, and several at the end: only the mark behind them says that they are on the disk.
    if (index % 10 === 9) await log.sync()
  }
  demand(log.segments > 1 && log.syncedLsn === 40, 'the scenario has several segments')
  if (ending !== 'killed') await log.close()
  if (ending === 'closed and opened') await open(disk, random, () => undefined)
  for (const name of disk.list()) {
    const length = disk.read(name).byteLength
    // Behind its first sector a header page holds nothing.
    for (let position = random.below(step); position < length; position += step) {
      if (position > 600 && position < 4096) continue
      await tryBit(disk.kill(), { name, position, bit: random.below(8) }, written, figures)
    }
  }
}

interface Bit {
  readonly name: string
  readonly position: number
  readonly bit: number
}

async function tryBit(disk: SimulatedDisk, bit: Bit, written: readonly Written[], figures: DamageFigures): Promise<void> {
  disk.damage(bit.name, bit.position, (byte) => byte ^ (1 << bit.bit))
  const at = `${bit.name} byte ${String(bit.position)} bit ${String(bit.bit)}: `
  const records: LogRecord[] = []
  let changes = 0
  disk.hooks = { operation: () => { changes++ } }
  try {
    await open(disk, new Random(1), (record) => { records.push(record) })
  } catch (error) {
    if (!(error instanceof VaultError) || !['corrupt', 'format-unknown'].includes(error.code)) throw error
    demand(error.subject?.startsWith(disk.directory) === true && error.next !== undefined, `${at}the error names no file or no next step`)
    demand(changes === 0, `${at}the disk was changed before the damage was refused`)
    figures.refused++
    return
  }
  demand(records.length === written.length, `${at}${String(records.length)} of ${String(written.length)} synced records are left, in silence`)
  let whole = true
  for (const [index, record] of records.entries()) {
    const expected = written[index]
    demand(expected !== undefined && record.lsn === index + 1 && record.kind === expected.kind, `${at}another record`)
    demand(equalBytes(record.body, expected.body), `${at}another body`)
    if (record.extent === undefined || expected.data === undefined) continue
    const data = readExtent(disk, record.extent)
    demand(data === undefined || equalBytes(data, expected.data), `${at}other data`)
    whole &&= data !== undefined
  }
  if (whole) figures.harmless++
  else figures.dataRefused++
}
