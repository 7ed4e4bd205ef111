// A recording, ready to be cut anywhere.
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readNotes } from '../torture/notes.js'
import { Plan } from '../torture/plan.js'
import { isSync } from '../torture/step.js'
import { chooseCut, type Cut } from './cut.js'
import { tryCut, type CutOutcome } from './cut-trial.js'
import { readJournal, type DiskEvent } from './journal.js'
import { VaultOpener } from './opened-vault.js'
import { must } from './recorder-rig.js'
import type { Recording } from './recording.js'
import { ReplayedDisk } from './replayed-disk.js'

/** Of a disk that lies: the flushes of so many events before a cut have kept nothing. */
const lyingEvents = 150

export interface ChooseCuts {
  /** Of the first; each next one has the next. */
  readonly seed: number
  readonly cuts: number
  readonly lying: boolean
}

export class Replay {
  readonly events: readonly DiskEvent[]
  /** When somebody was told that his data is safe, ascending. */
  readonly acknowledged: readonly bigint[]
  readonly #until: bigint
  readonly #work: string
  readonly #recording: Recording
  readonly #recorded: string
  readonly #disk: ReplayedDisk
  readonly #opener = new VaultOpener()

  /** Works in `folder`; the recording lies in `recorded`, and stays as it is. */
  constructor(folder: string, recorded: string, recording: Recording) {
    this.#work = join(folder, 'replay')
    this.#recorded = recorded
    this.#recording = recording
    this.events = readJournal(join(recorded, 'journal'))
    this.acknowledged = acknowledgements(recording, recorded)
    this.#until = recording.syncs.reduce((latest, { ended = 0n }) => (ended > latest ? ended : latest), this.events.at(-1)?.began ?? 0n)
    rmSync(this.#work, { recursive: true, force: true })
    mkdirSync(this.#work, { recursive: true, mode: 0o700 })
    const base = join(this.#work, 'base')
    must('cp', '--sparse=always', join(recorded, 'base'), base)
    this.#disk = new ReplayedDisk(base, this.#work, { events: this.events, filesystem: recording.filesystem })
  }

  /** In the order in which they can be tried. */
  choose({ seed, cuts, lying }: ChooseCuts): readonly Cut[] {
    const { events, acknowledged } = this
    const chances = { events, acknowledged, from: this.#recording.created, until: this.#until, ...(lying ? { lyingEvents } : {}) }
    return Array.from({ length: cuts }, (_, index) => chooseCut(chances, seed + index)).sort((one, other) => one.safe - other.safe || one.point - other.point)
  }

  try(cut: Cut, mounted: boolean): Promise<CutOutcome> {
    return tryCut({ recording: this.#recording, folder: this.#recorded, disk: this.#disk, cut, mounted, home: join(this.#work, 'home'), opener: this.#opener })
  }

  /** With the disk as it was left, before anything repaired it. */
  keep(folder: string, cut: Cut, faults: readonly string[]): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const name of ['base', 'journal', 'recording.json']) must('cp', '--sparse=always', join(this.#recorded, name), join(folder, name))
    for (const { writers } of this.#recording.stages) for (const { notes } of writers) cpSync(join(this.#recorded, notes), join(folder, notes))
    this.#disk.make(cut)
    renameSync(this.#disk.image, join(folder, 'image'))
    writeFileSync(join(folder, 'cut.json'), JSON.stringify({ ...cut, at: String(cut.at) }))
    writeFileSync(join(folder, 'faults'), faults.join('\n'))
  }

  remove(): void {
    rmSync(this.#work, { recursive: true, force: true })
  }
}

/** When a writer's sync, or one of the whole vault, returned; ascending. */
function acknowledgements({ stages, syncs }: Recording, folder: string): readonly bigint[] {
  const moments = syncs.flatMap(({ ended }) => (ended === undefined ? [] : [ended]))
  for (const { seed, notes } of stages.flatMap(({ writers }) => writers)) {
    const plan = new Plan(seed)
    for (const { ended } of readNotes(join(folder, notes))) if (isSync(plan.next()) && ended !== undefined) moments.push(ended)
  }
  return moments.sort((one, other) => (one < other ? -1 : 1))
}
