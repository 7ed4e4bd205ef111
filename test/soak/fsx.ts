// `npm run test:fsx`: four fsx processes with four seeds on four files of one vault, in rounds; between two rounds the vault
// is unmounted and mounted again, and the files must hold what they held. Meanwhile the kernel's caches are dropped and
// the vault is published again and again, so that nothing is answered from memory for long. FSX names the built program;
// `--operations N` in all (default 1 000 000), `--seed N`, `--state FOLDER` to go on later where it was ended.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ControlClient } from '../../lib/control/client.js'
import { projectRoot } from '../tidy/source.js'

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000000' }, round: { type: 'string', default: '10000' }, seed: { type: 'string' },
    state: { type: 'string' }, 'memory-mib': { type: 'string', default: '8' },
  },
})
const fsx = process.env['FSX'] ?? ''
const vaultfs = process.env['VAULTFS'] ?? join(projectRoot(import.meta.dirname), 'bin/vaultfs')
const work = options.state ?? mkdtempSync(join(tmpdir(), 'vaultfs-fsx-'))
const [mountPoint, store, passphrase, logs] = [join(work, 'Vault'), join(work, 'store'), join(work, 'passphrase'), join(work, 'logs')]
const stateFile = join(work, 'state.json')
const environment = { ...process.env, HOME: work, XDG_RUNTIME_DIR: join(work, 'run'), VAULTFS_GUARD: 'mode' }

/** How each of the four files is used; each file is used in each way, one round after another. */
const profiles = [
  { name: 'mapped', length: 256 * 1024, flags: ['-o', '65536'] },
  { name: 'closed and flushed', length: 256 * 1024, flags: ['-o', '32768', '-c', '20', '-f'] },
  { name: 'large', length: 4 * 1024 * 1024, flags: ['-o', '262144'] },
  { name: 'direct', length: 1024 * 1024, flags: ['-o', '131072', '-Z', '-R', '-W', '-r', '4096', '-w', '4096', '-t', '4096'] },
] as const
const files = profiles.map((_, index) => `file${String(index)}`)

/** What must work; fsx leaves away what is refused with EOPNOTSUPP, and says so. */
const offered = ['fallocate mode 0,', ...['KEEP_SIZE', 'PUNCH_HOLE', 'ZERO_RANGE'].map((mode) => `fallocate mode FALLOC_FL_${mode}`), 'copy range']
/** What must be refused in that way: a collapse and an insertion that do nothing would be worse. */
const refused = ['COLLAPSE_RANGE', 'INSERT_RANGE'].map((mode) => `fallocate mode FALLOC_FL_${mode}`)

/** An fsx that has not ended by then is stuck: a round takes a minute or two on a busy machine. */
const stuckMs = 15 * 60 * 1000
const betweenDisturbancesMs = 300
/** A publication every so many of them. */
const publishingTurn = 10

interface State {
  readonly seed: number
  readonly done: number
  readonly rounds: number
  /** Of the four files after the last round that ended; absent: they are what an ended one left. */
  readonly hashes?: readonly string[]
}

const say = (text: string): void => { console.log(text) }

class Mismatch extends Error {}

function run(...args: string[]): string {
  return execFileSync(vaultfs, args, { env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function mount(): void {
  const secret = ['--passphrase-file', passphrase, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1']
  run('mount', mountPoint, '--store', store, '--create', '--memory-mib', options['memory-mib'], ...secret)
}

/** The kernel forgets pages, names and inodes; only root can tell it to. */
function dropCaches(): void {
  if (process.geteuid?.() !== 0) return
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

function hashes(): string[] {
  return files.map((file) => createHash('sha256').update(readFileSync(join(mountPoint, file))).digest('hex'))
}

function compare(wanted: readonly string[], when: string): void {
  const found = hashes()
  const different = files.filter((_, index) => found[index] !== wanted[index])
  if (different.length > 0) throw new Mismatch(`${when}: ${different.join(', ')} changed`)
}

function load(): State {
  if (existsSync(stateFile)) return JSON.parse(readFileSync(stateFile, 'utf8')) as State
  return { seed: Number(options.seed ?? Math.floor(Math.random() * 1e6) * 1000), done: 0, rounds: 0 }
}

function save(state: State): void {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state))
  renameSync(`${stateFile}.new`, stateFile)
}

/** Resolves with what it printed; rejects when it fails, is stuck, or left away what must work. */
function runFsx(file: string, { name, flags }: (typeof profiles)[number], seed: number, operations: number): Promise<string> {
  const args = ['-k', '-S', String(seed), '-N', String(operations), '-P', logs, ...flags, join(mountPoint, file)]
  const what = `${file}, ${name}, seed ${String(seed)}: fsx ${args.join(' ')}`
  return new Promise((resolve, reject) => {
    const child = spawn(fsx, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => { text += piece })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      text += `\nstuck for ${String(stuckMs / 60000)} minutes`
    }, stuckMs)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const lacking = offered.filter((each) => text.includes(`does not support ${each}`))
      const accepted = refused.filter((each) => !text.includes(`does not support ${each}`))
      if (code === 0 && lacking.length === 0 && accepted.length === 0) resolve(text)
      else reject(new Mismatch(`${what}\nended with ${String(code ?? signal)}; not offered: ${lacking.join(' ')}; not refused: ${accepted.join(' ')}\n${text.slice(-6000)}`))
    })
  })
}

/**
 * fsx takes the file's size for the most that it may have. With -k it notes the file's content first, and then tries
 * copy_file_range by copying byte 0 to byte 1: the two have to be equal before, or it finds its own change later.
 */
function prepare(path: string, sizeBytes: number): void {
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, sizeBytes)
    const byte = new Uint8Array(1)
    readSync(fd, byte, 0, 1, 0)
    writeSync(fd, byte, 0, 1, 1)
  } finally {
    closeSync(fd)
  }
}

/** Lets the kernel's pages of one file go, and of no other program's. */
function dropPages(file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn('dd', ['if=' + join(mountPoint, file), 'iflag=nocache', 'count=0', 'status=none'], { cwd: '/', stdio: 'ignore' }).on('error', reject).on('close', () => { resolve() })
  })
}

/** Until told otherwise: makes the kernel forget one file after another, and now and then publishes. */
function disturb(): () => Promise<void> {
  let over = false
  const loop = async (): Promise<void> => {
    const folder = join(work, 'run', 'vaultfs')
    const client = await ControlClient.connect(join(folder, readdirSync(folder).find((name) => name.endsWith('.sock')) ?? ''))
    for (let turn = 1; !over; turn++) {
      await new Promise((resolve) => setTimeout(resolve, betweenDisturbancesMs))
      await dropPages(files[turn % files.length] ?? '')
      if (turn % publishingTurn === 0) await client.sync(() => undefined)
    }
    client.close()
  }
  const running = loop()
  running.catch(() => undefined)
  return () => {
    over = true
    return running
  }
}

async function round(state: State, operations: number): Promise<State> {
  const began = performance.now()
  const each = Math.ceil(operations / files.length)
  const seeds = files.map((_, index) => state.seed + state.rounds * files.length + index)
  save({ seed: state.seed, done: state.done, rounds: state.rounds })
  const still = disturb()
  const ends = await Promise.allSettled(files.map((file, index) => {
    const profile = profiles[(index + state.rounds) % profiles.length] ?? profiles[0]
    prepare(join(mountPoint, file), profile.length)
    return runFsx(file, profile, seeds[index] ?? 0, each)
  })).finally(still)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  const ran = performance.now()
  const wanted = hashes()
  dropCaches()
  compare(wanted, `round ${String(state.rounds)}, caches dropped`)
  run('unmount', mountPoint)
  mount()
  compare(wanted, `round ${String(state.rounds)}, after a remount`)
  const done = state.done + each * files.length
  say(`round ${String(state.rounds)}, seeds ${seeds.join(' ')}: ${String(done)} operations; ${((ran - began) / 1000).toFixed(1)} s, remount ${((performance.now() - ran) / 1000).toFixed(1)} s`)
  return { seed: state.seed, done, rounds: state.rounds + 1, hashes: wanted }
}

async function soak(): Promise<void> {
  for (const folder of [work, join(work, 'run'), logs]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(passphrase, 'a passphrase\n', { mode: 0o600 })
  let state = load()
  const total = Number(options.operations)
  mount()
  if (state.rounds === 0) for (const file of files) writeFileSync(join(mountPoint, file), '')
  else if (state.hashes === undefined) say('the last round did not end: its files are taken as they are')
  else compare(state.hashes, 'where it was ended')
  say(`seed ${String(state.seed)}, ${String(state.done)} of ${String(total)} operations done, state in ${work}`)
  while (state.done < total) {
    state = await round(state, Math.min(Number(options.round), total - state.done))
    save(state)
  }
  run('unmount', mountPoint)
  const verified = run('verify', '--store', store, '--passphrase-file', passphrase)
  say(verified.trim())
  say(`${String(state.done)} operations in ${String(state.rounds)} rounds: no mismatch`)
}

if (!existsSync(fsx)) {
  say('FSX names no program: build fsx (xfstests or the Linux Test Project) and set FSX to it')
  process.exit(2)
}
try {
  await soak()
  if (options.state === undefined) rmSync(work, { recursive: true, force: true })
} catch (error) {
  say(`FAILED: ${error instanceof Mismatch ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  say(`kept: ${work}`)
  process.exitCode = 1
} finally {
  spawnSync('sh', ['-c', 'mountpoint -q "$1" && "$0" unmount "$1" --lazy', vaultfs, mountPoint], { env: environment })
}
