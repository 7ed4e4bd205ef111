// `npm run bench:cost -- [--files 1000,10000,100000] [--snapshots 1,10,100,1000] [--full] [--repetitions 5] [--by processor]
// [--svg FILE]`: what each operation costs as a vault grows, in files (`--full`: to a million) and in moments of the past. A
// table, and a plot. By the clock, or by the processor time of the daemon (all but `mount`), which a busy machine changes
// less. Marked is what grew faster than a logarithm by more than half. Takes root: the kernel's caches are dropped.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { BenchVault } from '../bench-vault.js'
import { machineLines, table } from '../machine.js'
import { makeFiles, perFolder } from './files.js'
import { measureCosts, meters, operations, publishMoments, type Costs, type OperationName } from './operations.js'
import { countText, drawRows, timeText, type Panel, type Row } from './plot.js'

const { values } = parseArgs({ options: {
  files: { type: 'string', default: '1000,10000,100000' }, snapshots: { type: 'string', default: '1,10,100,1000' },
  full: { type: 'boolean', default: false }, repetitions: { type: 'string', default: '5' }, by: { type: 'string', default: 'clock' }, svg: { type: 'string' },
} })
const numbersIn = (text: string): readonly number[] => text.split(',').map(Number).filter((each) => each > 0)
if (values.by !== 'clock' && values.by !== 'processor') throw new Error('--by clock, or --by processor')
const how = { repetitions: Number(values.repetitions), meter: meters[values.by] }
const noise = 1.5

interface Measured {
  readonly size: number
  readonly costs: Costs
}

async function overFiles(sizes: readonly number[]): Promise<readonly Measured[]> {
  const vault = new BenchVault()
  const measured: Measured[] = []
  try {
    vault.mount()
    let made = 0
    for (const size of sizes) {
      makeFiles(vault.mountPoint, size, made)
      made = size
      vault.sync()
      measured.push({ size, costs: await measureCosts(vault, how) })
      console.error(`${countText(size)} files`)
    }
    return measured
  } finally {
    vault.remove()
  }
}

async function overMoments(sizes: readonly number[]): Promise<readonly Measured[]> {
  const vault = new BenchVault()
  const measured: Measured[] = []
  try {
    vault.mount()
    makeFiles(vault.mountPoint, perFolder)
    vault.sync()
    let made = 1
    for (const size of sizes) {
      await publishMoments(vault, Math.max(0, size - made))
      made = Math.max(made, size)
      measured.push({ size, costs: await measureCosts(vault, how) })
      console.error(`${countText(size)} moments`)
    }
    return measured
  } finally {
    vault.remove()
  }
}

/** From the smallest to the largest: more than log(largest) ÷ log(smallest), and half of that again for noise. */
function grew(measured: readonly Measured[], name: OperationName): boolean {
  const [first, last] = [measured[0], measured.at(-1)]
  if (first === undefined || last === undefined) return false
  const logarithm = Math.log(Math.max(10, last.size)) / Math.log(Math.max(10, first.size))
  return last.costs[name] / first.costs[name] > logarithm * noise
}

function rowOf(title: string, unit: string, measured: readonly Measured[]): Row {
  return { title, unit, panels: operations.map((name): Panel => ({ title: name, points: measured.map(({ size, costs }) => ({ x: size, y: costs[name] })), grew: grew(measured, name) })) }
}

function tableOf({ title, unit, panels }: Row): readonly string[] {
  const sizes = panels[0]?.points.map(({ x }) => `${countText(x)} ${unit}`) ?? []
  return [`## ${title}`, '', ...table(['operation', ...sizes, 'grew'], panels.map((panel) => [panel.title, ...panel.points.map(({ y }) => timeText(y)), panel.grew ? '▲' : ''])), '']
}

const rows: Row[] = []
function told(row: Row): void {
  rows.push(row)
  console.log(tableOf(row).join('\n'))
}

const files = [...numbersIn(values.files), ...(values.full ? [1_000_000] : [])]
if (files.length > 0) told(rowOf('Cost by files in the vault', 'files', await overFiles(files)))
const snapshots = numbersIn(values.snapshots)
if (snapshots.length > 0) told(rowOf('Cost by moments of the past', 'moments', await overMoments(snapshots)))
if (values.svg !== undefined) writeFileSync(values.svg, drawRows(rows))
console.log(machineLines(`npm run bench:cost -- ${process.argv.slice(2).filter((word) => word !== values.svg && word !== '--svg').join(' ')}`).join('\n'))
