// A trial with heirs: the daemon is killed again and again under writers who must notice nothing but time. What they wrote
// has to be there afterwards, all of it, and once more after an unmount.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../model/random.js'
import { judge, type Verdict } from './judge.js'
import { momentOf, prepare, start, writersIn, type TrialOutcome } from './trial.js'
import { pause, until, type Moment, type VaultRig } from './vault-rig.js'

export interface ResumeOptions {
  readonly vault: VaultRig
  readonly seed: number
  readonly kills: number
  readonly longestMs: number
}

/** `waitedMs`: the longest time from a death to the next daemon. */
export async function resumeTrial({ vault, seed, kills, longestMs }: ResumeOptions): Promise<TrialOutcome & { readonly waitedMs: number }> {
  const random = new Random(seed)
  const folder = join(vault.mountPoint, `t${String(seed)}`)
  const writers = writersIn(vault, folder, seed)
  await prepare(vault, writers, seed)
  const writing = writers.map(start)
  const moments: string[] = []
  let waitedMs = 0
  try {
    for (let count = 0; count < kills; count++) {
      const moment = momentOf(random, longestMs, true)
      moments.push(nameOf(moment))
      await vault.kill(moment)
      const died = performance.now()
      // Who kills it before it has begun to serve kills what the supervisor waits for: that ends the mount.
      await vault.resumed()
      waitedMs = Math.max(waitedMs, performance.now() - died)
    }
    await pause(100)
    for (const { notes } of writers) await writeFile(`${notes}.stop`, '')
    await until(() => writing.every(({ over }) => over()), 'a writer waits for ever')
  } finally {
    for (const { kill } of writing) kill()
  }
  const failed = writing.map(({ said }) => said()).filter((text) => text !== '').map((text) => `a writer met an error: ${text}`)
  const live = await judge(writers, 'none')
  vault.unmount()
  await vault.mount()
  const later = await judge(writers, 'none')
  const faults = [...failed, ...label('mounted', live), ...label('after an unmount', later)]
  if (faults.length === 0) await rm(folder, { recursive: true })
  return { ...live, faults, moment: moments.join(', '), waitedMs }
}

function label(when: string, { faults }: Verdict): readonly string[] {
  return faults.map((fault) => `${when}: ${fault}`)
}

function nameOf(moment: Moment): string {
  return 'call' in moment ? `${moment.call} ${String(moment.number)}` : `${String(moment.afterMs)} ms`
}
