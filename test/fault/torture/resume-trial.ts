// Trials with heirs. Where they go on with the mount, the daemon is killed, or hangs, again and again under writers who
// must notice nothing but time; what they wrote has to be there afterwards, all of it. Where they mount anew, every writer
// meets an error and none waits; what had been acknowledged has to be there. Both once more after an unmount.
import { lstat, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mountAt } from '../../../bin/mount-table.js'
import { Random } from '../../model/random.js'
import { judge, type Crash, type Verdict, type WriterRecord } from './judge.js'
import { momentOf, prepare, start, writersIn, type TrialOutcome } from './trial.js'
import { pause, until, type Moment, type VaultRig } from './vault-rig.js'

export interface HeirTrial {
  readonly vault: VaultRig
  readonly seed: number
  readonly longestMs: number
}

export interface ResumeOptions extends HeirTrial {
  readonly kills: number
  /** Each other death is a hang. */
  readonly hangs: boolean
}

export interface HeirOutcome extends TrialOutcome {
  /** Milliseconds from each death or hang to the first answer after it. */
  readonly waits: readonly number[]
}

export async function resumeTrial({ vault, seed, kills, longestMs, hangs }: ResumeOptions): Promise<HeirOutcome> {
  const random = new Random(seed)
  const folder = join(vault.mountPoint, `t${String(seed)}`)
  const writers = writersIn(vault, folder, seed)
  await prepare(vault, writers, seed)
  const writing = writers.map(start)
  const moments: string[] = []
  const waits: number[] = []
  try {
    for (let count = 0; count < kills; count++) {
      const moment = momentOf(random, longestMs, true)
      const isHang = hangs && count % 2 === 0
      moments.push(isHang ? 'hang' : nameOf(moment))
      if (isHang) {
        await pause(random.below(longestMs))
        vault.hang()
      } else await vault.kill(moment)
      waits.push(await answered(vault))
      // Who kills it before it has begun to serve kills what the supervisor waits for: that ends the mount.
      await vault.resumed()
    }
    await pause(100)
    for (const { notes } of writers) await writeFile(`${notes}.stop`, '')
    await until(() => writing.every(({ over }) => over()), 'a writer waits for ever')
  } finally {
    for (const { kill } of writing) kill()
  }
  const failed = writing.map(({ said }) => said()).filter((text) => text !== '').map((text) => `a writer met an error: ${text}`)
  const verdict = await judgeTwice(vault, writers, 'none')
  const faults = [...failed, ...verdict.faults]
  if (faults.length === 0) await rm(folder, { recursive: true })
  return { ...verdict, faults, moment: moments.join(', '), waits }
}

export async function remountTrial({ vault, seed, longestMs }: HeirTrial): Promise<HeirOutcome> {
  const random = new Random(seed)
  const folder = join(vault.mountPoint, `t${String(seed)}`)
  const writers = writersIn(vault, folder, seed)
  await prepare(vault, writers, seed)
  const writing = writers.map(start)
  const moment = momentOf(random, longestMs, true)
  const waits: number[] = []
  try {
    await vault.kill(moment)
    waits.push(await answered(vault))
    await vault.resumed()
    await until(() => writing.every(({ over }) => over()), 'a writer waits for a mount that is gone')
  } finally {
    for (const { kill } of writing) kill()
  }
  const verdict = await judgeTwice(vault, writers, 'remount')
  if (verdict.faults.length === 0) await rm(folder, { recursive: true })
  return { ...verdict, moment: nameOf(moment), waits }
}

/** How long it takes until the mount answers again, asked for a name that no cache has. */
async function answered(vault: VaultRig): Promise<number> {
  const began = performance.now()
  for (let asked = 0; performance.now() < began + 60_000; asked++) {
    const code = mountAt(vault.mountPoint) === undefined ? 'none' : await lstat(join(vault.mountPoint, `no-${String(began)}-${String(asked)}`)).catch((error: NodeJS.ErrnoException) => error.code)
    if (code === 'ENOENT' && mountAt(vault.mountPoint) !== undefined) return performance.now() - began
    await pause(5)
  }
  throw new Error('the mount does not answer any more')
}

/** As it is, and after an unmount. */
async function judgeTwice(vault: VaultRig, writers: readonly WriterRecord[], crash: Crash): Promise<Verdict> {
  const live = await judge(writers, crash)
  vault.unmount()
  await vault.mount()
  const later = await judge(writers, crash)
  return { ...live, faults: [...label('mounted', live), ...label('after an unmount', later)] }
}

function label(when: string, { faults }: Verdict): readonly string[] {
  return faults.map((fault) => `${when}: ${fault}`)
}

function nameOf(moment: Moment): string {
  return 'call' in moment ? `${moment.call} ${String(moment.number)}` : `${String(moment.afterMs)} ms`
}
