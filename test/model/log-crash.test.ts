// The write-ahead log under crashes at every disk operation (log-model.ts) and under damage (log-damage.ts). SEEDS=n for
// more lives, STEP=1 for each byte.
import t from 'tap'
import { damageLog } from './log-damage.js'
import type { DamageFigures } from './log-damage.js'
import { refuseStaleRecord } from './log-stale.js'
import { runModel } from './log-model.js'
import type { ModelFigures } from './log-model.js'

t.setTimeout(600_000)

const seeds = Number(process.env['SEEDS'] ?? 2)
const step = Number(process.env['STEP'] ?? 11)
const first = Number(process.env['SEED'] ?? 1)

for (const faults of [false, true]) {
  await t.test(faults ? 'crashes on a disk that fails as well' : 'crashes', async (t) => {
    const figures: ModelFigures = { lives: 0, crashes: 0, records: 0 }
    for (let seed = first; seed < first + seeds; seed++) {
      try {
        await runModel({ seed, operations: 60, depth: 2, faults }, figures)
      } catch (error) {
        t.fail(`seed ${String(seed)}: ${String(error)}`, { stack: error instanceof Error ? (error.stack ?? '') : '' })
      }
    }
    t.comment(`${String(figures.lives)} lives, ${String(figures.crashes)} crashes, ${String(figures.records)} records read back`)
    t.ok(figures.crashes > 100 * seeds)
  })
}

for (const ending of ['closed', 'killed', 'closed and opened'] as const) {
  await t.test(`a bit turned over, after the log was ${ending}`, async (t) => {
    const figures: DamageFigures = { refused: 0, harmless: 0, dataRefused: 0 }
    await damageLog(ending, step, figures)
    t.comment(JSON.stringify(figures))
    t.ok(figures.refused > 5000 / step)
    t.ok(figures.dataRefused > 1000 / step)
  })
}

await t.test('a record of an older life is not taken for a new one', async () => {
  await refuseStaleRecord()
})
