// `npm run test:memory`: how much memory a vault's daemon holds while much is put into it: random bytes, zeros, a sparse
// file, a tree of many files, a walk over all of it, and a while of ordinary work. Sizes by options; the daemon's
// resident set (its program's own pages included) is read four times a second. Ends with 1 when it passed the bound, or
// when it grew while the ordinary work went on. `--state FOLDER` keeps the vault, whose tree is then gone on with.
import { execFileSync, spawnSync } from 'node:child_process'
import { createCipheriv, randomBytes } from 'node:crypto'
import {
  closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync,
  unlinkSync, writeFileSync, writeSync,
} from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { projectRoot } from '../tidy/source.js'

const { values: options } = parseArgs({
  options: {
    'random-gib': { type: 'string', default: '20' }, 'zeros-gib': { type: 'string', default: '1' }, 'sparse-gib': { type: 'string', default: '80' },
    files: { type: 'string', default: '1000000' }, minutes: { type: 'string', default: '60' }, 'bound-mib': { type: 'string', default: '400' },
    state: { type: 'string' },
  },
})
const [randomGib, zerosGib, sparseGib, files, minutes, boundMib] = [
  options['random-gib'], options['zeros-gib'], options['sparse-gib'], options.files, options.minutes, options['bound-mib'],
].map(Number) as [number, number, number, number, number, number]

const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
const work = options.state ?? mkdtempSync(join(tmpdir(), 'vaultfs-memory-'))
const [mountPoint, passphrase] = [join(work, 'Vault'), join(work, 'passphrase')]
const environment = { ...process.env, HOME: work, XDG_RUNTIME_DIR: join(work, 'run'), VAULTFS_GUARD: 'mode' }

const mebibyte = 1024 * 1024
const pageBytes = 4096
const filesInFolder = 1000
const sampleMs = 250
/** What a heap may swing by; a leak in a loop of thousands of rounds is more. */
const growthMibMax = 24
/** The first part of the ordinary work fills caches; growth is counted from its end. */
const warmShare = 0.25

const say = (text: string): void => { console.log(text) }

function run(...args: string[]): string {
  return execFileSync(vaultfs, args, { env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** The daemon's resident set in MiB, sampled until `stop`. */
class Resident {
  peak = 0
  readonly #pid: number
  readonly #timer: NodeJS.Timeout

  constructor(pid: number) {
    this.#pid = pid
    this.#timer = setInterval(() => { this.now() }, sampleMs)
  }

  now(): number {
    const pages = Number(readFileSync(`/proc/${String(this.#pid)}/statm`, 'latin1').split(' ')[1])
    const mib = (pages * pageBytes) / mebibyte
    this.peak = Math.max(this.peak, mib)
    return mib
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** Written with a turn of the event loop between two pieces, so that the sampling goes on. */
async function writeFile(path: string, bytes: number, next: () => Uint8Array): Promise<void> {
  const file = openSync(path, 'w')
  for (let at = 0; at < bytes; at += mebibyte) {
    writeSync(file, next())
    if ((at / mebibyte) % 16 === 0) await sleep(0)
  }
  fsyncSync(file)
  closeSync(file)
}

function randomPieces(): () => Uint8Array {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const zeros = Buffer.alloc(mebibyte)
  return () => cipher.update(zeros)
}

async function makeTree(root: string): Promise<void> {
  for (let folder = 0; folder * filesInFolder < files; folder++) {
    const path = join(root, `part ${String(Math.floor(folder / 100))}`, `folder ${String(folder)}`)
    if (existsSync(path) && readdirSync(path).length >= filesInFolder) continue
    mkdirSync(path, { recursive: true })
    for (let number = 0; number < filesInFolder; number++) {
      writeFileSync(join(path, `document ${String(number)}.txt`), number % 4 === 0 ? `text ${String(number)} of folder ${String(folder)}\n`.repeat(4) : '')
      if (number % 100 === 0) await sleep(0)
    }
  }
}

async function walk(root: string): Promise<number> {
  let seen = 0
  for await (const entry of await opendir(root)) {
    const path = join(root, entry.name)
    seen++
    if (entry.isDirectory()) seen += await walk(path)
    else await stat(path)
  }
  return seen
}

/** Editing, saving by rename, appending, reading, removing: the same amount of data after each round. */
async function ordinaryWork(root: string, everyRound: () => void): Promise<number> {
  mkdirSync(root, { recursive: true })
  const bytes = randomPieces()
  const end = Date.now() + minutes * 60_000
  let rounds = 0
  for (; Date.now() < end; rounds++) {
    const folder = join(root, `round ${String(rounds % 50)}`)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    for (let number = 0; number < 40; number++) {
      const path = join(folder, `note ${String(number)}`)
      writeFileSync(`${path}.new`, bytes().subarray(0, (number % 10) * 20_000))
      renameSync(`${path}.new`, path)
      writeFileSync(path, 'one line more\n', { flag: 'a' })
      if (readFileSync(path).byteLength !== (number % 10) * 20_000 + 14) throw new Error(`${path} is not what was written`)
      if (number % 3 === 0) unlinkSync(path)
    }
    const file = openSync(join(root, 'database'), existsSync(join(root, 'database')) ? 'r+' : 'w+')
    ftruncateSync(file, 8 * mebibyte)
    for (let page = 0; page < 20; page++) writeSync(file, bytes(), 0, 4096, Math.floor(Math.random() * 2048) * 4096)
    fsyncSync(file)
    readSync(file, Buffer.alloc(4096), 0, 4096, 0)
    closeSync(file)
    everyRound()
    await sleep(20)
  }
  return rounds
}

async function phase(what: string, pid: number, work: () => Promise<unknown>): Promise<number> {
  const started = Date.now()
  const resident = new Resident(pid)
  try {
    const result = await work()
    const end = resident.now()
    const figures = `at most ${resident.peak.toFixed(0)} MiB, at the end ${end.toFixed(0)} MiB`
    say(`${what}: ${figures}, ${((Date.now() - started) / 1000).toFixed(0)} s${typeof result === 'number' ? `, ${String(result)} of them` : ''}`)
    return resident.peak
  } finally {
    resident.stop()
  }
}

async function main(): Promise<number> {
  mkdirSync(join(work, 'run'), { recursive: true, mode: 0o700 })
  writeFileSync(passphrase, 'not a secret\n', { mode: 0o600 })
  run('mount', mountPoint, '--store', join(work, 'store'), '--create', '--passphrase-file', passphrase, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  const { pid } = JSON.parse(run('status', '--json', mountPoint)) as { pid: number }
  try {
    const peaks: number[] = []
    const measure = async (what: string, work: () => Promise<unknown>): Promise<void> => { peaks.push(await phase(what, pid, work)) }
    const inVault = (name: string): string => join(mountPoint, name)
    await measure('mounted', () => sleep(2000))
    if (randomGib > 0) {
      await measure(`${String(randomGib)} GiB of random bytes`, () => writeFile(inVault('random'), randomGib * 1024 * mebibyte, randomPieces()))
      unlinkSync(inVault('random'))
    }
    const zeros = new Uint8Array(mebibyte)
    if (zerosGib > 0) await measure(`${String(zerosGib)} GiB of zeros`, () => writeFile(inVault('zeros'), zerosGib * 1024 * mebibyte, () => zeros))
    if (sparseGib > 0) await measure(`${String(sparseGib)} GiB of a sparse file, copied`, () => copySparse(inVault('sparse'), inVault('sparse copy')))
    if (files > 0) {
      await measure(`a tree of ${String(files)} files`, () => makeTree(inVault('tree')))
      await measure('published', () => Promise.resolve(void run('sync', mountPoint)))
      await measure('a walk over all of it', () => walk(inVault('tree')))
      if (process.geteuid?.() === 0) {
        await measure('the kernel forgets it', async () => {
          writeFileSync('/proc/sys/vm/drop_caches', '2')
          await sleep(5000)
        })
      } else say('skipped: that the kernel forgets it, which only root can ask for')
    }
    const growth = minutes > 0 ? await soak(pid, peaks, inVault('work')) : 0
    const peak = Math.max(...peaks)
    const failed = [peak > boundMib ? `it held ${peak.toFixed(0)} MiB` : '', growth > growthMibMax ? `it grew by ${growth.toFixed(0)} MiB` : ''].filter((each) => each !== '')
    say(failed.length === 0 ? `at most ${peak.toFixed(0)} MiB of ${String(boundMib)}: passed` : `failed: ${failed.join(', ')}`)
    return failed.length === 0 ? 0 : 1
  } finally {
    run('unmount', mountPoint)
    if (options.state === undefined) rmSync(work, { recursive: true, force: true })
  }
}

async function soak(pid: number, peaks: number[], root: string): Promise<number> {
  const samples: { readonly at: number; readonly mib: number }[] = []
  const started = Date.now()
  const resident = new Resident(pid)
  const everyRound = (): void => { samples.push({ at: (Date.now() - started) / (minutes * 60_000), mib: resident.now() }) }
  peaks.push(await phase(`${String(minutes)} minutes of ordinary work`, pid, () => ordinaryWork(root, everyRound)))
  resident.stop()
  const highest = (from: number, to: number): number => Math.max(0, ...samples.filter(({ at }) => at >= from && at < to).map(({ mib }) => mib))
  const [early, late] = [highest(0, warmShare * 2), highest(1 - warmShare, Infinity)]
  say(`of it, in the first half at most ${early.toFixed(0)} MiB, in the last quarter ${late.toFixed(0)} MiB`)
  return late - early
}

/** A page in each GiB; then as cp copies what has holes. */
async function copySparse(from: string, to: string): Promise<void> {
  const file = openSync(from, 'w')
  ftruncateSync(file, sparseGib * 1024 * mebibyte)
  for (let gib = 0; gib < sparseGib; gib++) writeSync(file, randomBytes(4096), 0, 4096, gib * 1024 * mebibyte + 12345)
  closeSync(file)
  await sleep(0)
  const copied = spawnSync('cp', ['--sparse=always', from, to], { cwd: '/' })
  if (copied.status !== 0) throw new Error(`cp: ${String(copied.stderr)}`)
}

process.exitCode = await main()
