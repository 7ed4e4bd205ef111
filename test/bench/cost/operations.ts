// What one operation costs on a mounted vault, in microseconds: each a hundred times or more on names of a folder of its
// own, and the whole several times. Nothing is left behind but changes of times.
import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ControlClient } from '../../../lib/control/client.js'
import type { BenchVault } from '../bench-vault.js'
import { median } from '../machine.js'
import { perFolder } from './files.js'

export const operations = [
  'create', 'stat', 'lookup cold', 'list 1 000 names', 'rename', 'unlink', 'open, read 4 KiB', 'write 4 KiB, fsync', 'publish a change', 'list .versions',
  'ls -l 1 000 in .versions', 'mount',
] as const
export type OperationName = (typeof operations)[number]
export type Costs = Readonly<Record<OperationName, number>>

const times = 200

/** Microseconds that go by: of the clock, or of processor in the daemon, which other programs on the machine don't change. */
export type Meter = (vault: BenchVault) => () => number
export const meters: Readonly<Record<'clock' | 'processor', Meter>> = {
  clock: () => () => performance.now() * 1000,
  processor: (vault) => {
    const threads = `/proc/${String(vault.status().pid)}/task`
    return () => readdirSync(threads).reduce((sum, thread) => sum + spentBy(join(threads, thread, 'schedstat')), 0)
  },
}

function spentBy(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1').split(' ')[0]) / 1000
  } catch {
    // It ended meanwhile.
    return 0
  }
}

type Timed = (count: number, work: () => void) => number

function timedBy(now: () => number): Timed {
  return (count, work) => {
    const began = now()
    work()
    return (now() - began) / count
  }
}

/** The kernel forgets names and pages, so that the vault is asked. */
function forget(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

function socketOf({ folder }: BenchVault): string {
  const runtime = join(folder, 'run/vaultfs')
  const name = readdirSync(runtime).find((each) => each.endsWith('.sock'))
  if (name === undefined) throw new Error('the daemon has no socket')
  return join(runtime, name)
}

/** Publishes so many changes one after another, each a moment of its own. */
export async function publishMoments(vault: BenchVault, count: number): Promise<void> {
  const client = await ControlClient.connect(socketOf(vault))
  try {
    for (let at = 0; at < count; at++) {
      writeFileSync(join(vault.mountPoint, 'changing'), `change ${String(performance.now())}`)
      await client.sync(() => undefined)
    }
  } finally {
    client.close()
  }
}

/** Medians of `repetitions`. The vault has `folder-0` of a thousand files, and is mounted. */
export async function measureCosts(vault: BenchVault, { repetitions, meter }: { readonly repetitions: number; readonly meter: Meter }): Promise<Costs> {
  const runs: Costs[] = []
  for (let count = 0; count < repetitions; count++) runs.push(await once(vault, meter))
  return Object.fromEntries(operations.map((name) => [name, median(runs.map((run) => run[name]))])) as Costs
}

async function once(vault: BenchVault, meter: Meter): Promise<Costs> {
  const { mountPoint } = vault
  const now = meter(vault)
  const timed = timedBy(now)
  const work = join(mountPoint, 'work')
  const full = join(mountPoint, 'folder-0')
  mkdirSync(work)
  const names = Array.from({ length: times }, (_, index) => join(work, `name-${String(index)}`))
  const each = (act: (path: string) => void): number => timed(times, () => { for (const name of names) act(name) })
  const bytes = Buffer.alloc(4096, 7)
  const create = each((name) => { closeSync(openSync(name, 'wx')) })
  const stat = each((name) => { lstatSync(name) })
  const write = timed(20, () => {
    for (const name of names.slice(0, 20)) {
      const file = openSync(name, 'w')
      writeSync(file, bytes)
      fsyncSync(file)
      closeSync(file)
    }
  })
  await publishMoments(vault, 1)
  forget()
  const read = timed(20, () => {
    for (const name of names.slice(0, 20)) {
      const file = openSync(name, 'r')
      readSync(file, bytes)
      closeSync(file)
    }
  })
  forget()
  const lookup = timed(times, () => { for (let index = 1; index <= times; index++) lstatSync(join(full, `file-${String(index * 4)}`)) })
  forget()
  const list = timed(1, () => { if (readdirSync(full).length !== perFolder) throw new Error('names are missing') })
  const rename = each((name) => { renameSync(name, `${name}.new`) })
  const unlink = each((name) => { unlinkSync(`${name}.new`) })
  rmSync(work, { recursive: true })
  await publishMoments(vault, 1)
  const publish = await publishCost(vault, now)
  const past = pastCosts(mountPoint, timed)
  const mount = mountCost(vault)
  return {
    create, stat, rename, unlink, mount, ...past, 'lookup cold': lookup, 'list 1 000 names': list, 'open, read 4 KiB': read, 'write 4 KiB, fsync': write, 'publish a change': publish,
  }
}

async function publishCost(vault: BenchVault, now: () => number): Promise<number> {
  const began = now()
  await publishMoments(vault, 3)
  return (now() - began) / 3
}

function pastCosts(mountPoint: string, timed: Timed): Pick<Costs, 'list .versions' | 'ls -l 1 000 in .versions'> {
  const versions = join(mountPoint, '.versions')
  forget()
  let moments: string[] = []
  const list = timed(1, () => { moments = readdirSync(versions) })
  const newest = moments.filter((name) => /^\d/.test(name)).toSorted().at(-1)
  if (newest === undefined) throw new Error('there is no moment')
  forget()
  const then = timed(1, () => { execFileSync('ls', ['-l', join(versions, newest, 'folder-0')], { maxBuffer: 64 * 1024 * 1024, cwd: '/' }) })
  return { 'list .versions': list, 'ls -l 1 000 in .versions': then }
}

/** By the clock, until a program has the topmost list; with what the key takes, which does not depend on the vault. */
function mountCost(vault: BenchVault): number {
  vault.unmount()
  const began = performance.now()
  vault.mount()
  readdirSync(vault.mountPoint)
  const cost = (performance.now() - began) * 1000
  readFileSync(join(vault.mountPoint, 'changing'))
  return cost
}
