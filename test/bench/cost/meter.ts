// How what an operation costs is read: the clock, or the processor time of the daemon, which other programs on the machine
// change less; and a daemon at rest, so that what one operation left to be done is not counted with the next.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { BenchVault } from '../bench-vault.js'

/** Microseconds that go by. */
export type Meter = (vault: BenchVault) => () => number

export const meters: Readonly<Record<'clock' | 'processor', Meter>> = {
  clock: () => () => performance.now() * 1000,
  processor: (vault) => {
    const { pid } = vault.status()
    return () => spentBy(pid)
  },
}

/** Processor microseconds of all threads of a process that are still there. */
export function spentBy(pid: number): number {
  const threads = `/proc/${String(pid)}/task`
  return readdirSync(threads).reduce((sum, thread) => sum + threadSpent(join(threads, thread, 'schedstat')), 0)
}

function threadSpent(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1').split(' ')[0]) / 1000
  } catch {
    // It ended meanwhile.
    return 0
  }
}

/** Processor microseconds of the programs that this one started and that have ended; in steps of 10 ms. */
export function spentByChildren(): number {
  const fields = readFileSync('/proc/self/stat', 'latin1').replace(/^.*\) /s, '').split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10_000
}

const lookEveryMs = 500
/** Of the daemon's threads, in that time: its clocks and looks at the disk take less. */
const restMicroseconds = 8000
const restWithinMs = 20 * 60_000

/** Resolves when the daemon has had nothing to do for a second: all is logged, in the catalog, published and folded. */
export async function atRest(vault: BenchVault): Promise<void> {
  const { pid } = vault.status()
  const until = performance.now() + restWithinMs
  let before = spentBy(pid)
  for (let quiet = 0; quiet < 2;) {
    if (performance.now() > until) throw new Error('the daemon does not come to rest')
    await pause(lookEveryMs)
    const now = spentBy(pid)
    quiet = now - before < restMicroseconds ? quiet + 1 : 0
    before = now
  }
}

export interface DaemonMemory {
  readonly residentMiB: number
  readonly peakMiB: number
}

export function memoryOf(pid: number): DaemonMemory {
  const text = readFileSync(`/proc/${String(pid)}/status`, 'latin1')
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024
  return { residentMiB: of('VmRSS'), peakMiB: of('VmHWM') }
}

/** Bytes that the process has had written to disks. */
export function writtenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${String(pid)}/io`, 'latin1'))?.[1])
}
