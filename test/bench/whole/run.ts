// `npm run bench`: each stage of storing alone, a mounted vault against their sum, the kernel driver against C's least, and
// with --peers FILE (the script that measures other filesystems) all of them beside a vault. `--write` puts what it found
// into test/bench/RESULTS.md. Options: --mib 256, --repetitions 3, --no-driver, --peers FILE, --targets plain,gocryptfs.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../tidy/source.js'
import { machineLines, table } from '../machine.js'
import { runPeers } from './peers.js'
import { reading, Stages, storing, type Kind } from './stages.js'
import { measureStoreRate } from './store-rate.js'

const { values } = parseArgs({ allowNegative: true, options: {
  mib: { type: 'string', default: '256' }, repetitions: { type: 'string', default: '3' }, driver: { type: 'boolean', default: true },
  peers: { type: 'string' }, targets: { type: 'string', default: 'plain,gocryptfs' }, 'peers-mib': { type: 'string', default: '1024' }, write: { type: 'boolean', default: false },
} })
const mebibytes = Number(values.mib)
const repetitions = Number(values.repetitions)
const kinds: readonly Kind[] = ['incompressible', 'text-like']
const cores = availableParallelism()

function stagesText(measured: ReadonlyMap<Kind, Stages>): readonly string[] {
  const cells = (stage: (typeof storing)[number] | (typeof reading)[number]): readonly string[] => kinds.map((kind) => {
    const speed = measured.get(kind)?.speed(stage)
    return speed === undefined ? '' : [speed.perProcessor, speed.perWall].map((each) => (each > 0 ? each.toFixed(0) : 'too fast')).join(', ')
  })
  return [
    `## Stages alone, ${String(mebibytes)} MiB, one thread`, '',
    'MB of plaintext for a second of processor; then for a second of the clock, which other programs share.', '',
    ...table(['stage', ...kinds], [...storing, ...reading].map((stage) => [stage, ...cells(stage)])), '',
  ]
}

async function storeText(measured: ReadonlyMap<Kind, Stages>): Promise<readonly string[]> {
  const rows: (readonly string[])[] = []
  for (const kind of kinds) {
    const ceiling = (measured.get(kind)?.ceiling ?? NaN) * cores
    const { perSecond, processorSec } = await measureStoreRate(kind, { mebibytes, repetitions })
    rows.push([kind, perSecond.toFixed(0), ceiling.toFixed(0), `${((100 * perSecond) / ceiling).toFixed(0)} %`, processorSec.toFixed(2)])
  }
  return [
    '## A mounted vault against the sum of its stages', '',
    `Written through the mount until \`vaultfs sync\` says that all is published; the ceiling is processors ÷ Σ (1 ÷ stage speed). The write-ahead log, the kernel and the program that writes are in no stage. Medians of ${String(repetitions)}.`, '',
    ...table(['data', 'MB/s', 'ceiling MB/s', 'share', 'processor s per GB'], rows), '',
  ]
}

function driverText(): readonly string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../driver/run.js'), '--repetitions', String(repetitions)], { encoding: 'utf8' })
  return ['## The kernel driver over a filesystem that does nothing', '', ...(status === 0 ? stdout.trimEnd().split('\n') : [`Not measured: ${stderr.trim().split('\n').at(-1) ?? ''}`]), '']
}

const flames = [
  '## Flame graphs', '',
  'Of all threads of a vault at any work, `$MNT` being where it is mounted:', '',
  "```sh\nnpm run bench:profile -- OUT.svg 'cp -a SOURCE \"$MNT\"/'\n```", '',
]

function show(lines: readonly string[]): readonly string[] {
  console.log(lines.join('\n'))
  return lines
}

const measured = new Map(kinds.map((kind) => [kind, Stages.measure(kind, mebibytes)]))
const parts = [
  ...show(stagesText(measured)), ...show(await storeText(measured)), ...(values.driver ? show(driverText()) : []), ...flames,
  ...(values.peers === undefined ? [] : show(['## Beside other filesystems', '', ...runPeers({ script: values.peers, targets: values.targets.split(','), repetitions, bigMib: Number(values['peers-mib']) }), ''])),
]
if (values.write) {
  // The path of a script is that of this machine.
  const command = `npm run bench -- ${process.argv.slice(2).map((word) => (word === values.peers ? 'run.sh' : word)).join(' ')}`
  const path = join(projectRoot(import.meta.dirname), 'test/bench/RESULTS.md')
  writeFileSync(path, ['# Figures', '', ...machineLines(command), '', ...parts].join('\n'))
}
