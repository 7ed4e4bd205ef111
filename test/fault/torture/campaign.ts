// Trials one after another on one vault, and at the end a verification of all that it stores.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { firstPartOfWrite } from './judge.js'
import { PowerRig } from './power-rig.js'
import { remountTrial, resumeTrial } from './resume-trial.js'
import { trial, type TrialOutcome } from './trial.js'
import { VaultRig } from './vault-rig.js'

export interface Campaign {
  /** Whether no further trial is wanted. */
  readonly isOver?: () => boolean
  /** Made anew. */
  readonly folder: string
  /** Of the first trial; each next one has the next. */
  readonly seed: number
  readonly trials: number
  readonly longestMs: number
  /** What POSIX.md excepts ends it not: of a write that the kernel hands over in two requests the first alone, on a machine that is too busy. */
  readonly mayBeSplit?: boolean
  /** The filesystem whose power is cut; absent: the daemon is killed. */
  readonly power?: 'ext4' | 'xfs'
  readonly lying?: boolean
  /** Present: the daemon has heirs. */
  readonly heirs?: Heirs
}

export interface Heirs {
  readonly afterCrash: 'resume' | 'remount'
  /** Deaths in a trial, where the mount is resumed; three times a minute at most. */
  readonly kills: number
  readonly hangs: boolean
}

const unjudged = 'not judged'

/** Ends after the first that fails: `kept` has its store then. */
export async function campaign(options: Campaign, onTrial: (outcome: TrialOutcome, seed: number, kept: string | undefined) => void): Promise<void> {
  const { folder, longestMs } = options
  const power = options.power === undefined ? undefined : new PowerRig(join(folder, 'power'), options.power)
  const { heirs } = options
  const vault = new VaultRig(join(folder, 'vault'), power?.disk, heirs?.afterCrash ?? 'detach')
  rmSync(vault.folder, { recursive: true, force: true })
  power?.create()
  vault.create()
  try {
    await vault.mount()
    for (let count = 0; count < options.trials && options.isOver?.() !== true; count++) {
      const seed = options.seed + count
      const one = { vault, seed, longestMs }
      const outcome: TrialOutcome = await (heirs === undefined ? trial({ ...one, lying: options.lying === true, ...(power === undefined ? {} : { power }) })
        : heirs.afterCrash === 'remount' ? remountTrial(one) : resumeTrial({ ...one, ...heirs })).catch(notJudged)
      // The signal that ends it met a mount on its way.
      if (outcome.moment === unjudged && options.isOver?.() === true) return
      if (outcome.faults.length === 0 || (options.mayBeSplit === true && isSplit(outcome))) {
        onTrial(outcome, seed, undefined)
        continue
      }
      const kept = join(folder, `failed-${String(seed)}`)
      await vault.close()
      cpSync(vault.store, kept, { recursive: true, force: true })
      onTrial(outcome, seed, kept)
      return
    }
    vault.unmount()
    vault.verify()
  } finally {
    await vault.close()
    await power?.detach()
  }
}

/** Nothing but that. */
export function isSplit({ faults }: TrialOutcome): boolean {
  return faults.length > 0 && faults.every((fault) => fault.includes(firstPartOfWrite))
}

function notJudged(error: unknown): TrialOutcome {
  return { faults: [error instanceof Error ? error.message : String(error)], steps: 0, acknowledged: 0, gone: 0, moment: unjudged }
}
