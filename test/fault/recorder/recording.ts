// A vault's life on a recorded disk: made, mounted, written to by three writers while it is published again and again, its
// daemon killed or the vault unmounted, mounted and written to once more, and unmounted.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Random } from '../../model/random.js'
import type { WriterRecord } from '../torture/judge.js'
import { readNotes, type StepTimes } from '../torture/notes.js'
import { ended, prepare, start, stop, type Writing } from '../torture/trial.js'
import { pause, until, VaultRig } from '../torture/vault-rig.js'
import { RecorderRig, type Filesystem } from './recorder-rig.js'

export const syncCalls = ['fsync', 'fdatasync', 'msync', 'sync_file_range']
const stages = 2
const writersOfStage = 3
/** Of each writer in a stage, however busy the machine is: some two of them are syncs. */
const stepsMin = 25

export interface RecordingOptions {
  /** Made anew. */
  readonly folder: string
  readonly filesystem: Filesystem
  readonly seed: number
  /** How long writers write, each of the two times that it is mounted. */
  readonly stageMs: number
  /** The vault's syncs do nothing from the first writer on. */
  readonly swallowed?: boolean
}

/** Moments are nanoseconds of the monotonic clock. */
export interface Recording {
  readonly filesystem: Filesystem
  readonly seed: number
  /** From here on there is a vault that has to open. */
  readonly created: bigint
  readonly stages: readonly Stage[]
  /** Publications and unmounts: whatever came before one is safe when it has ended. */
  readonly syncs: readonly StepTimes[]
}

export interface Stage {
  readonly seed: number
  /** When its writers' folders, and a file in the ledger of its seed, had been synced. */
  readonly prepared: bigint
  /** Folders are relative to the vault's, notes to the recording's. */
  readonly writers: readonly WriterRecord[]
}

export async function record(options: RecordingOptions): Promise<Recording> {
  const { folder, filesystem, seed } = options
  rmSync(folder, { recursive: true, force: true })
  const rig = new RecorderRig(folder, filesystem)
  const vault = new VaultRig(join(folder, 'home'), rig.disk, 'detach', join(rig.disk, 'state'))
  try {
    await rig.begin()
    vault.create()
    const created = process.hrtime.bigint()
    const random = new Random(seed)
    const life: Life = { options, vault, random, syncs: [] }
    const lived: Stage[] = []
    await vault.mount()
    for (let number = 0; number < stages; number++) {
      lived.push(await live(life, number))
      if (number + 1 < stages) await vault.mount()
    }
    const recording = { filesystem, seed, created, stages: lived, syncs: life.syncs }
    writeFileSync(join(folder, 'recording.json'), JSON.stringify(recording, (_, value: unknown) => (typeof value === 'bigint' ? { ns: String(value) } : value)))
    return recording
  } finally {
    await vault.close()
    await rig.end()
  }
}

export function readRecording(folder: string): Recording {
  return JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8'), (_, value: unknown) =>
    (typeof value === 'object' && value !== null && 'ns' in value ? BigInt(String(value.ns)) : value)) as Recording
}

interface Life {
  readonly options: RecordingOptions
  readonly vault: VaultRig
  readonly random: Random
  readonly syncs: StepTimes[]
}

/** Mounted before, not after. */
async function live({ options, vault, random, syncs }: Life, number: number): Promise<Stage> {
  const seed = options.seed + number
  const writers = Array.from({ length: writersOfStage }, (_, index) => ({
    folder: join(vault.mountPoint, `stage${String(number)}`, `w${String(index)}`), seed: seed * 10 + index, notes: join(options.folder, `notes.${String(number)}.${String(index)}`),
  }))
  await prepare(vault, writers, seed)
  const prepared = process.hrtime.bigint()
  if (options.swallowed === true) await vault.swallow(syncCalls)
  const writing = writers.map(start)
  let over = false
  const publishing = publishAgainAndAgain(vault, random.below(4) * 100 + 30, () => over, syncs)
  try {
    // On a busy machine they take a while to begin.
    await until(() => writers.every(({ notes }) => readNotes(notes).length > 0), 'the writers do not begin')
    await pause(options.stageMs)
    await until(() => writers.every(({ notes }) => readNotes(notes).length >= stepsMin), 'the writers hardly get on')
    const early = ended(writing)
    if (early.length > 0) throw new Error(early.join('; '))
    over = true
    if (number + 1 < stages && random.chance(0.6)) await vault.end()
    else {
      await leave(writers, writing)
      await publishing
      const began = process.hrtime.bigint()
      vault.unmount()
      syncs.push({ began, ended: process.hrtime.bigint() })
    }
  } finally {
    over = true
    await publishing
    await stop(writing)
  }
  return { seed, prepared, writers: writers.map((each) => ({ ...each, folder: relative(vault.mountPoint, each.folder), notes: relative(options.folder, each.notes) })) }
}

async function leave(writers: readonly WriterRecord[], writing: readonly Writing[]): Promise<void> {
  for (const { notes } of writers) await writeFile(`${notes}.stop`, '')
  await until(() => writing.every(({ over }) => over()), 'a writer does not end')
}

async function publishAgainAndAgain(vault: VaultRig, everyMs: number, isOver: () => boolean, syncs: StepTimes[]): Promise<void> {
  while (!isOver()) {
    await pause(everyMs)
    if (isOver()) return
    const began = process.hrtime.bigint()
    // The daemon may be killed at any moment of it.
    await vault.publish().then(() => { syncs.push({ began, ended: process.hrtime.bigint() }) }, () => undefined)
  }
}
