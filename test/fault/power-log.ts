// `npm run test:power`: cuts the power under a log that log-writer.js writes, and demands all that was acknowledged.
// `--rounds N` (5), `--filesystem xfs`, `--lying` with a disk that lies about syncs: then a round has to fail, or the rig
// proves nothing. As root; needs what torture/power-rig.ts needs.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PowerRig } from './torture/power-rig.js'
import { pause, until } from './torture/vault-rig.js'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, filesystem: { type: 'string', default: 'ext4' }, lying: { type: 'boolean', default: false } },
})
const writer = join(import.meta.dirname, 'log-writer.js')
const folder = mkdtempSync(join(tmpdir(), 'vaultfs-power-'))
const rig = new PowerRig(join(folder, 'power'), options.filesystem === 'xfs' ? 'xfs' : 'ext4')
const log = join(rig.disk, 'store', 'log')
/** On a disk that survives. */
const notes = join(folder, 'notes')
const { NOSYNC: _, ...honest } = process.env

function acknowledged(): number {
  return existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').filter((line) => line.includes('ack')).length : 0
}

async function writeUntilTheCut(): Promise<void> {
  const before = acknowledged()
  const child = spawn(process.execPath, [writer, 'write', log, notes], { stdio: ['ignore', 'ignore', 'inherit'], env: options.lying ? { ...honest, NOSYNC: '1' } : honest })
  const ended = new Promise((resolve) => { child.once('exit', resolve) })
  try {
    await until(() => acknowledged() > before || child.exitCode !== null, 'the writer does not begin')
    if (child.exitCode !== null) throw new Error('the writer ended by itself')
    // When the power goes is chance; that is the point.
    await pause(50 + Math.random() * 850)
    rig.cut()
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** Undefined: all is there. */
function check(): string | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [writer, 'check', log, notes], { encoding: 'utf8', env: honest })
  if (status === 0) return void console.log(stdout.trimEnd().split('\n').at(-1))
  return /^(Vault)?Error.*/m.exec(stderr)?.[0] ?? `${stdout}${stderr}`
}

let failed = 0
rig.create()
try {
  for (let round = 1; round <= Number(options.rounds); round++) {
    mkdirSync(join(rig.disk, 'store'), { recursive: true })
    await writeUntilTheCut()
    await rig.restart()
    mkdirSync(join(rig.disk, 'store'), { recursive: true })
    const fault = check()
    if (fault === undefined) continue
    failed++
    console.log(`FAIL round ${String(round)}: ${fault}`)
    // What is lost stays lost: the next round begins with a new log.
    for (const path of [log, notes]) rmSync(path, { recursive: true, force: true })
  }
} finally {
  await rig.detach()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`the log alone, power cuts on ${rig.filesystem}${options.lying ? ' with swallowed syncs' : ''}: ${String(Number(options.rounds) - failed)} passed, ${String(failed)} failed`)
process.exitCode = failed > 0 ? 1 : 0
