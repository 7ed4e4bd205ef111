// `npm run bench:cost -- [--files 1000,10000,100000] [--snapshots 1,10,100,1000] [--full] [--repetitions 5] [--by processor]
// [--kept SIZE=STORE --passphrase-file FILE] [--write]`: what each operation costs as a vault grows, in files (`--full`: to a
// million) and in snapshots. A table, and a plot; `--write`: into test/bench/cost-files and cost-snapshots, .md and .svg. By
// the clock, or by the processor time of the daemon, which a busy machine changes less. A million files take long to make:
// `--kept` measures on a copy of a store that has so many, and a folder `folder-0` of a thousand. Marked is what grew faster
// than a logarithm by more than half. Takes root: the kernel's caches are dropped.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../tidy/source.js'
import { BenchVault } from '../bench-vault.js'
import { machineLines, table } from '../machine.js'
import { makeFiles, perFolder } from './files.js'
import { meters } from './meter.js'
import { measureCosts, operationNames, operations, publishMoments, type Costs, type OperationName } from './operations.js'
import { costText, countText, drawRows, type Panel, type Row } from './plot.js'

const { values } = parseArgs({ options: {
  files: { type: 'string', default: '1000,10000,100000' }, snapshots: { type: 'string', default: '1,10,100,1000' },
  full: { type: 'boolean', default: false }, repetitions: { type: 'string', default: '5' }, by: { type: 'string', default: 'clock' },
  kept: { type: 'string' }, 'passphrase-file': { type: 'string' }, write: { type: 'boolean', default: false },
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
  } finally {
    vault.remove()
  }
  return [...measured, ...await inKept()]
}

/** The store that `--kept` names, as it is. */
async function inKept(): Promise<readonly Measured[]> {
  const [size, store] = values.kept?.split('=') ?? []
  const passphraseFile = values['passphrase-file']
  if (size === undefined || store === undefined) return []
  if (passphraseFile === undefined) throw new Error('--kept takes --passphrase-file')
  const vault = new BenchVault({ store, passphraseFile })
  try {
    vault.mount()
    return [{ size: Number(size), costs: await measureCosts(vault, how) }]
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
      await publishMoments(vault, Math.max(0, size - made), true)
      made = Math.max(made, size)
      measured.push({ size, costs: await measureCosts(vault, how) })
      console.error(`${countText(size)} snapshots`)
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
  return { title, unit, panels: operationNames.map((name): Panel => ({ title: name, unit: operations[name], points: measured.map(({ size, costs }) => ({ x: size, y: costs[name] })), grew: grew(measured, name) })) }
}

function tableOf({ title, unit, panels }: Row): readonly string[] {
  const sizes = panels[0]?.points.map(({ x }) => `${countText(x)} ${unit}`) ?? []
  return [`## ${title}`, '', ...table(['operation', ...sizes, 'grew'], panels.map((panel) => [panel.title, ...panel.points.map(({ y }) => costText(y, panel.unit)), panel.grew ? '▲' : ''])), '']
}

const rows: Row[] = []
function told(row: Row): void {
  rows.push(row)
  console.log(tableOf(row).join('\n'))
}

const files = [...numbersIn(values.files), ...(values.full ? [1_000_000] : [])]
if (files.length > 0) told(rowOf('Cost by files in the vault', 'files', await overFiles(files)))
const snapshots = numbersIn(values.snapshots)
if (snapshots.length > 0) told(rowOf('Cost by snapshots', 'snapshots', await overMoments(snapshots)))
const command = `npm run bench:cost -- ${process.argv.slice(2).map((word) => (word === values.kept ? word.replace(/=.*/, '=STORE') : word === values['passphrase-file'] ? 'FILE' : word)).join(' ')}`
const machine = machineLines(command)
console.log(machine.join('\n'))
if (values.write) {
  for (const row of rows) {
    const path = join(projectRoot(import.meta.dirname), `test/bench/cost-${row.unit}`)
    writeFileSync(`${path}.svg`, drawRows([row]))
    writeFileSync(`${path}.md`, [`# ${row.title}`, '', ...machine, '', `![What each operation costs](cost-${row.unit}.svg)`, '', ...tableOf(row).slice(2)].join('\n'))
  }
}
