// `npm run bench:mount -- [--files 0,100000] [--repetitions 5]`: from the start of `vaultfs mount` to the first list of the
// topmost folder that a program got, without what deriving the key takes, which is measured alone; and the daemon's memory
// then. A vault with that many files is written through the mount, in folders of a thousand. How long Node takes to begin and
// end without doing anything is measured beside it: a mount does so three times, and it tells how busy the machine is.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { passwordHash } from '../../native-deps/sodium.js'
import { BenchVault } from './bench-vault.js'
import { makeFiles } from './cost/files.js'
import { memoryOf } from './cost/meter.js'
import { machineLines, median, table } from './machine.js'

const { values } = parseArgs({ options: { files: { type: 'string', default: '0,100000' }, repetitions: { type: 'string', default: '5' } } })
const repetitions = Number(values.repetitions)

/** As BenchVault's key costs. */
async function keyMs(): Promise<number> {
  const began = performance.now()
  await passwordHash(Buffer.from('bench'), new Uint8Array(16), { passes: 1, memoryBytes: 64 * 1024 * 1024, outBytes: 32 })
  return performance.now() - began
}

function nodeMs(): number {
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  return performance.now() - began
}

async function measure(files: number): Promise<readonly string[]> {
  const vault = new BenchVault()
  try {
    if (files > 0) {
      vault.mount()
      makeFiles(vault.mountPoint, files)
      vault.sync()
      vault.unmount()
    }
    const runs: { readonly usableMs: number; readonly keyMs: number; readonly nodeMs: number; readonly residentMiB: number; readonly peakMiB: number }[] = []
    for (let count = 0; count < repetitions; count++) {
      const key = await keyMs()
      const node = nodeMs()
      const began = performance.now()
      vault.mount()
      spawnSync('ls', ['-f', vault.mountPoint])
      const usableMs = performance.now() - began
      runs.push({ usableMs, keyMs: key, nodeMs: node, ...memoryOf(vault.status().pid) })
      vault.unmount()
    }
    const of = (value: (run: (typeof runs)[number]) => number): string => median(runs.map(value)).toFixed(0)
    return [String(files), of((run) => run.usableMs - run.keyMs), of((run) => run.keyMs), of((run) => run.nodeMs), of((run) => run.residentMiB), of((run) => run.peakMiB)]
  } finally {
    vault.remove()
  }
}

const rows: (readonly string[])[] = []
for (const files of values.files.split(',').map(Number)) rows.push(await measure(files))
console.log([
  ...machineLines(`npm run bench:mount -- ${process.argv.slice(2).join(' ')}`), '',
  ...table(['files', 'usable after, ms, without the key', 'the key alone, ms', 'node that does nothing, ms', 'resident, MiB', 'peak, MiB'], rows),
].join('\n'))
