// The write-ahead log under crashes at every disk operation (see log-model.ts). SEEDS=n for more.
import t from 'tap'
import { runModel } from './log-model.js'
import type { ModelFigures } from './log-model.js'

const seeds = Number(process.env['SEEDS'] ?? 2)
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
