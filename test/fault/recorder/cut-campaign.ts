// One recording, and cuts of it one after another.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Cut } from './cut.js'
import type { CutOutcome } from './cut-trial.js'
import type { Filesystem } from './recorder-rig.js'
import { readRecording, record } from './recording.js'
import { Replay } from './replay.js'

/** Who says that a flush was done and did nothing: nobody, the disk, or the vault's own system calls. */
export type Liar = 'nobody' | 'disk' | 'vault'

export interface CutCampaign {
  /** Made anew, but for what was kept in it. */
  readonly folder: string
  readonly filesystem: Filesystem
  readonly seed: number
  readonly cuts: number
  readonly stageMs: number
  readonly liar: Liar
  /** Each so many cuts one is of a real mount and a verification. */
  readonly mountedEach: number
}

export interface CutTold extends CutOutcome {
  readonly cut: Cut
  readonly mounted: boolean
  /** Where the recording and the disk as it was left are: of the first that fails only. */
  readonly kept: string | undefined
}

export interface RecordingTold {
  readonly writes: number
  readonly flushes: number
  readonly bytes: number
  readonly acknowledgements: number
}

/** `onCut` answers whether to go on. */
export async function cutCampaign(options: CutCampaign, onRecorded: (told: RecordingTold) => void, onCut: (told: CutTold) => boolean): Promise<void> {
  const { seed, cuts, liar } = options
  const folder = join(options.folder, 'recording')
  const recording = await record({ folder, filesystem: options.filesystem, seed, stageMs: options.stageMs, swallowed: liar === 'vault' })
  const replay = new Replay(options.folder, folder, recording)
  const { events, acknowledged } = replay
  onRecorded({
    writes: events.filter(({ kind }) => kind === 'write').length, flushes: events.filter(({ kind }) => kind === 'flush').length,
    bytes: events.reduce((sum, event) => sum + (event.kind === 'write' ? event.bytes.byteLength : 0), 0), acknowledgements: acknowledged.length,
  })
  const keeper = join(options.folder, `failed-${String(seed)}`)
  for (const cut of replay.choose({ seed, cuts, lying: liar === 'disk' })) {
    const mounted = (cut.seed + 1) % options.mountedEach === 0
    const outcome = await replay.try(cut, mounted)
    const keep = outcome.finding !== 'none' && outcome.finding !== 'disk' && !existsSync(keeper)
    if (keep) replay.keep(keeper, cut, outcome.faults)
    if (!onCut({ ...outcome, cut, mounted, kept: keep ? keeper : undefined })) break
  }
  replay.remove()
  rmSync(folder, { recursive: true, force: true })
}

/** The cut that was kept there, once more. */
export async function tryAgain(folder: string, mounted: boolean): Promise<CutOutcome> {
  const cut = JSON.parse(readFileSync(join(folder, 'cut.json'), 'utf8'), (key, value: unknown) => (key === 'at' ? BigInt(String(value)) : value)) as Cut
  const work = join(folder, 'again')
  try {
    return await new Replay(work, folder, readRecording(folder)).try(cut, mounted)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
