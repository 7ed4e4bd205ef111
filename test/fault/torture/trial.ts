// One trial: writers in folders of their own on a mounted vault, publications meanwhile, a crash at a moment of chance, a
// mount, and the judge. What earlier trials had synced is looked at again each time.
import { spawn, spawnSync } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../model/random.js'
import { judge, type Verdict, type WriterRecord } from './judge.js'
import { readNotes } from './notes.js'
import type { PowerRig } from './power-rig.js'
import { contentOf } from './step.js'
import { pause, until, type Moment, type VaultRig } from './vault-rig.js'

const writerCount = 3
const writerProgram = join(import.meta.dirname, 'writer.js')
export const ledgerBytes = 60_000
/** Of the ledger's files so many stay. */
const ledgerLength = 20

/** What to die in: calls of the log, the cache, the databases, and of the driver's answers. */
const calls = [['pwrite64', 300], ['fdatasync', 25], ['fsync', 8], ['writev', 600], ['ftruncate', 6], ['unlink', 6], ['rename', 4], ['openat', 20], ['fallocate', 3], ['pread64', 60]] as const
export const hasTracer = process.geteuid?.() === 0 && spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0

export interface TrialOptions {
  readonly vault: VaultRig
  /** Present: its power is cut. */
  readonly power?: PowerRig
  readonly seed: number
  /** The vault's syncs do nothing from the first writer on: the judge has to notice. */
  readonly lying?: boolean
  readonly longestMs: number
}

export interface TrialOutcome extends Verdict {
  readonly moment: string
  /** With heirs: milliseconds from each death to the first answer after it. */
  readonly waits?: readonly number[]
}

/** The vault is mounted before, and after. */
export async function trial(options: TrialOptions): Promise<TrialOutcome> {
  const { vault, power, seed, longestMs } = options
  const random = new Random(seed)
  const folder = join(vault.mountPoint, `t${String(seed)}`)
  const writers = writersIn(vault, folder, seed)
  await prepare(vault, writers, seed)
  if (options.lying === true) await vault.swallow(['fsync', 'fdatasync', 'msync', 'sync_file_range'])
  const writing = writers.map(start)
  const moment = momentOf(random, longestMs, power === undefined)
  let over = false
  const publishing = publishNowAndThen(vault, random.below(4) * 120 + 30, () => over)
  const early: string[] = []
  try {
    // On a busy machine they take a while to begin, and a crash before that shows nothing.
    await until(() => writers.every(({ notes }) => readNotes(notes).length > 0), 'the writers do not begin')
    if (power === undefined) await vault.kill(moment)
    else {
      await pause('afterMs' in moment ? moment.afterMs : 0)
      early.push(...ended(writing))
      power.cut()
      await vault.end()
    }
  } finally {
    over = true
    await publishing
    await stop(writing)
  }
  if (power !== undefined) {
    spawnSync('umount', ['-l', vault.mountPoint], { stdio: 'ignore' })
    await power.restart()
  }
  await vault.mount()
  const verdict = await judge(writers, power === undefined ? 'kill' : 'power')
  const faults = [...early, ...verdict.faults, ...(await checkLedger(vault)), ...(await checkWritable(vault))]
  if (faults.length === 0) await rm(folder, { recursive: true })
  return { ...verdict, faults, moment: 'call' in moment ? `${moment.call} ${String(moment.number)}` : `${String(moment.afterMs)} ms` }
}

export function writersIn(vault: VaultRig, folder: string, seed: number): readonly WriterRecord[] {
  return Array.from({ length: writerCount }, (_, index) => ({
    folder: join(folder, `w${String(index)}`), seed: seed * 10 + index, notes: join(vault.folder, `notes.${String(index)}`),
  }))
}

export function momentOf(random: Random, longestMs: number, mayTrace: boolean): Moment {
  const afterMs = 60 + random.below(longestMs)
  if (!mayTrace || !hasTracer || random.chance(0.6)) return { afterMs }
  const [call, most] = random.pick(calls)
  return { call, number: 1 + random.below(most) }
}

export async function prepare(vault: VaultRig, writers: readonly WriterRecord[], seed: number): Promise<void> {
  for (const { notes } of writers) for (const path of [notes, `${notes}.stop`]) await rm(path, { force: true })
  const ledger = join(vault.mountPoint, 'ledger')
  for (const folder of [ledger, ...writers.map((each) => each.folder)]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = await open(join(ledger, String(seed)), 'w')
  try {
    await file.writeFile(contentOf(seed, ledgerBytes))
    // With it, by the one order of the log, the folders are on the disk.
    await file.sync()
  } finally {
    await file.close()
  }
}

async function checkLedger(vault: VaultRig): Promise<readonly string[]> {
  const folder = join(vault.mountPoint, 'ledger')
  const names = (await readdir(folder)).sort((one, other) => Number(one) - Number(other))
  const faults: string[] = []
  for (const name of names)
    if (!contentOf(Number(name), ledgerBytes).equals(await readFile(join(folder, name)))) faults.push(`ledger/${name} is not what was synced`)
  for (const name of names.slice(0, -ledgerLength)) await rm(join(folder, name))
  return faults
}

async function checkWritable(vault: VaultRig): Promise<readonly string[]> {
  const path = join(vault.mountPoint, 'after')
  try {
    const file = await open(path, 'w')
    await file.writeFile('after')
    await file.close()
    await rm(path)
    return []
  } catch (error) {
    return [`nothing can be written after it: ${String(error)}`]
  }
}

export interface Writing {
  readonly said: () => string
  readonly over: () => boolean
  readonly kill: () => void
}

export function start(writer: WriterRecord): Writing {
  const child = spawn(process.execPath, [writerProgram, writer.folder, String(writer.seed), writer.notes], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => { text += piece })
  return { said: () => text.trim(), over: () => child.exitCode !== null || child.signalCode !== null, kill: () => child.kill('SIGKILL') }
}

/** Nobody may have ended before the crash. */
export function ended(writers: readonly Writing[]): readonly string[] {
  return writers.filter(({ over }) => over()).map(({ said }) => `a writer ended before the crash: ${said()}`)
}

export async function stop(writers: readonly Writing[]): Promise<void> {
  // Those that meet the dead mount end by themselves.
  for (const { kill } of writers) kill()
  await until(() => writers.every(({ over }) => over()), 'a writer is stuck in the kernel after the crash')
}

async function publishNowAndThen(vault: VaultRig, everyMs: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await pause(everyMs)
    // The daemon may die at any moment of it.
    if (!isOver()) await vault.publish().catch(() => undefined)
  }
}
