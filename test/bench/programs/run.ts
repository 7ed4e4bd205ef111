// `npm run bench:programs`: programs on a vault, on gocryptfs and in a plain folder, each repetition on all of them in turn;
// medians, and the vault's speed as a ratio of gocryptfs's. Root, and the programs themselves; what is not installed is
// said. Options: --repetitions 3, --targets plain,gocryptfs,vaultfs, --only TEXT, --write (test/bench/PROGRAMS.md).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../tidy/source.js'
import { machineLines, median, table } from '../machine.js'
import { isInstalled, openTarget, type TargetName } from './targets.js'
import { removeShared, workloads, type Workload } from './workloads.js'

const { values } = parseArgs({ options: {
  repetitions: { type: 'string', default: '3' }, targets: { type: 'string', default: 'plain,gocryptfs,vaultfs' }, only: { type: 'string', default: '' }, write: { type: 'boolean', default: false },
} })
const repetitions = Number(values.repetitions)
const targets = values.targets.split(',') as TargetName[]

function measure(workload: Workload): readonly string[] {
  const missing = workload.needs.filter((program) => !isInstalled(program))
  if (missing.length > 0) return [workload.name, ...targets.map(() => `${missing.join(', ')} not installed`), '']
  const found = new Map<TargetName, number[]>(targets.map((name) => [name, []]))
  for (let count = 0; count < repetitions; count++) {
    for (const name of targets) {
      const target = openTarget(name)
      try {
        const figure = workload.run(target)
        found.get(name)?.push(figure)
        console.error(`${workload.name}, ${name}: ${figure.toFixed(1)} ${workload.unit}`)
      } finally {
        target.remove()
      }
    }
  }
  const medians = targets.map((name) => median(found.get(name) ?? []))
  const of = (name: TargetName): number => medians[targets.indexOf(name)] ?? NaN
  const ratio = workload.unit === 's' ? of('gocryptfs') / of('vaultfs') : of('vaultfs') / of('gocryptfs')
  return [`${workload.name}, ${workload.unit}`, ...medians.map((each) => each.toPrecision(3)), Number.isNaN(ratio) ? '' : ratio.toFixed(2)]
}

const rows = workloads.filter(({ name }) => name.includes(values.only)).map(measure)
removeShared()
const lines = [
  '# Programs', '', ...machineLines(`npm run bench:programs -- ${process.argv.slice(2).join(' ')}`), '',
  `Medians of ${String(repetitions)}; the last column is a vault's speed as a share of gocryptfs's.`, '', ...table(['', ...targets, 'vault ÷ gocryptfs'], rows), '',
]
console.log(lines.join('\n'))
if (values.write) writeFileSync(join(projectRoot(import.meta.dirname), 'test/bench/PROGRAMS.md'), lines.join('\n'))
