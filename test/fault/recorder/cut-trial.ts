// One cut tried: the disk as it was left, its filesystem mounted, the vault opened, and judged by what was acknowledged at
// that moment.
import { join } from 'node:path'
import { silent } from '../../../lib/terms/log.js'
import type { Found } from '../torture/found.js'
import { firstPartOfWrite, judge, neverItsContent } from '../torture/judge.js'
import { contentOf } from '../torture/step.js'
import { ledgerBytes } from '../torture/trial.js'
import type { Cut } from './cut.js'
import { MountedVault } from './mounted-vault.js'
import type { VaultOpener } from './opened-vault.js'
import type { Recording } from './recording.js'
import type { ReplayedDisk } from './replayed-disk.js'

/**
 * `disk`: the filesystem below did not come back, which says nothing of the vault. `split`: of a write that was not
 * acknowledged as safe the part is there that the kernel had handed over as a request of its own, and nothing else is wrong;
 * `torn`: a file has another content that it never had. `unmountable`: the vault did not open.
 */
export type Finding = 'none' | 'disk' | 'split' | 'torn' | 'lost' | 'unmountable'

export interface CutOutcome {
  readonly finding: Finding
  readonly faults: readonly string[]
  readonly steps: number
  readonly acknowledged: number
  readonly gone: number
}

export interface CutTrial {
  readonly recording: Recording
  /** Of the recording: the notes are there. */
  readonly folder: string
  readonly disk: ReplayedDisk
  readonly cut: Cut
  /** By a real daemon, and all that is stored is read. */
  readonly mounted: boolean
  /** Of this process's own: for what a daemon needs. */
  readonly home: string
  readonly opener: VaultOpener
}

interface SomeVault {
  look(folder: string): Promise<Found>
  read(path: string): Promise<Uint8Array>
  /** Makes, syncs, perhaps publishes, and removes a file of this name. */
  write(name: string, published: boolean): Promise<void>
  verify(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Publishing takes longer than the rest. */
const publishedEach = 5
const nothing = { steps: 0, acknowledged: 0, gone: 0 }

/** The disk is unmounted afterwards. */
export async function tryCut(trial: CutTrial): Promise<CutOutcome> {
  const { disk, cut } = trial
  disk.make(cut)
  try {
    try {
      disk.mount()
    } catch (error) {
      return { ...nothing, finding: 'disk', faults: [messageOf(error)] }
    }
    return await judgeStore(trial)
  } finally {
    await disk.unmount()
  }
}

async function judgeStore({ recording, disk, cut, mounted, home, folder, opener }: CutTrial): Promise<CutOutcome> {
  let vault: SomeVault
  try {
    vault = mounted ? await MountedVault.open(home, disk.disk) : await openHere(opener, disk.disk)
  } catch (error) {
    return { ...nothing, finding: 'unmountable', faults: [messageOf(error)] }
  }
  try {
    const stages = recording.stages.filter(({ prepared }) => prepared <= cut.at)
    const writers = stages.flatMap(({ writers: some }) => some.map((each) => ({ ...each, notes: join(folder, each.notes) })))
    const verdict = await judge(writers, 'power', { look: (path) => vault.look(path), at: cut.at, syncs: recording.syncs })
    const lost: string[] = []
    for (const { seed } of stages)
      if (!contentOf(seed, ledgerBytes).equals(await vault.read(`ledger/${String(seed)}`))) lost.push(`ledger/${String(seed)} is not what was synced`)
    await vault.write('after', mounted || cut.seed % publishedEach === 0)
    if (mounted) lost.push(...(await vault.verify()))
    const faults = [...verdict.faults, ...lost]
    return { ...verdict, faults, finding: findingOf(faults) }
  } catch (error) {
    return { ...nothing, finding: 'lost', faults: [messageOf(error)] }
  } finally {
    await vault.close()
  }
}

function findingOf(faults: readonly string[]): Finding {
  if (faults.length === 0) return 'none'
  if (faults.every((fault) => fault.includes(firstPartOfWrite))) return 'split'
  return faults.every((fault) => fault.includes(firstPartOfWrite) || fault.includes(neverItsContent)) ? 'torn' : 'lost'
}

async function openHere(opener: VaultOpener, disk: string): Promise<SomeVault> {
  const vault = await opener.open(join(disk, 'store'), join(disk, 'state'), silent)
  if (vault.lack === undefined) return vault
  await vault.close()
  throw new Error(`it would be mounted for reading only: ${vault.lack}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
