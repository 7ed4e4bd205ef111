// What one operation costs on a mounted vault: each a hundred times or more on names of a folder of its own, and the whole
// several times, each group of a daemon that has nothing else to do. Nothing is left behind but changes of times.
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ControlClient } from '../../../lib/control/client.js'
import type { BenchVault } from '../bench-vault.js'
import { median } from '../machine.js'
import { perFolder } from './files.js'
import { atRest, memoryOf, meters, spentByChildren, writtenBy, type Meter } from './meter.js'

/** In what each is counted. By the clock: the time in which the key is derived, which does not depend on the vault, is in it. */
export const operations = {
  'create': 'µs', 'stat, cold': 'µs', 'open, read 4 KiB': 'µs', 'write 4 KiB, fsync': 'µs', 'rename': 'µs', 'unlink': 'µs',
  'lookup in 1 000': 'µs', 'list 1 000 names': 'µs', 'ls -l 1 000': 'µs', 'list .versions': 'µs', 'ls -l 1 000 in .versions': 'µs', 'publish a change': 'µs', 'snapshot': 'µs',
  'a new file, to its end': 'µs', 'disk for a new file': 'B', 'mount': 'µs', 'processor of a mount': 'µs', 'unmount': 'µs', 'resident then': 'MiB',
} as const
export type OperationName = keyof typeof operations
export const operationNames = Object.keys(operations) as readonly OperationName[]
export type Costs = Readonly<Record<OperationName, number>>

const times = 200
const newFiles = 1000
const changesPublished = 10

type Timed = (count: number, work: () => void) => number

function timedBy(now: () => number): Timed {
  return (count, work) => {
    const began = now()
    work()
    return (now() - began) / count
  }
}

/** The kernel forgets names and pages, so that the vault is asked; and has told the daemon of each that it forgot. */
async function forget(vault: BenchVault): Promise<void> {
  writeFileSync('/proc/sys/vm/drop_caches', '3')
  await atRest(vault)
}

async function asked<Result>({ folder }: BenchVault, ask: (client: ControlClient) => Promise<Result>): Promise<Result> {
  const runtime = join(folder, 'run/vaultfs')
  const name = readdirSync(runtime).find((each) => each.endsWith('.sock'))
  if (name === undefined) throw new Error('the daemon has no socket')
  const client = await ControlClient.connect(join(runtime, name))
  try {
    return await ask(client)
  } finally {
    client.close()
  }
}

let changes = 0

/** Publishes so many changes one after another, each a moment of its own; a snapshot with a name when `named`. */
export function publishMoments(vault: BenchVault, count: number, named = false): Promise<void> {
  return asked(vault, async (client) => {
    for (let at = 0; at < count; at++) {
      const change = `${String(process.pid)}.${String(Math.round(performance.timeOrigin))}.${String(++changes)}`
      writeFileSync(join(vault.mountPoint, 'changing'), change)
      if (named) await client.past.snapshot(`change ${change}`, () => undefined)
      else await client.sync(() => undefined)
    }
  })
}

/** Medians of `repetitions`. The vault has `folder-0` of a thousand files, and is mounted. */
export async function measureCosts(vault: BenchVault, { repetitions, meter }: { readonly repetitions: number; readonly meter: Meter }): Promise<Costs> {
  const runs: Costs[] = []
  for (let count = 0; count < repetitions; count++) runs.push(await once(vault, meter))
  return Object.fromEntries(operationNames.map((name) => [name, median(runs.map((run) => run[name]))])) as Costs
}

async function once(vault: BenchVault, meter: Meter): Promise<Costs> {
  await publishMoments(vault, 1)
  await atRest(vault)
  const now = meter(vault)
  return {
    ...await nameCosts(vault, now), ...await folderCosts(vault, now), ...await publishCosts(vault, meter), ...await lifeOfFiles(vault), ...await mountCosts(vault),
  }
}

async function nameCosts(vault: BenchVault, now: () => number): Promise<Pick<Costs, 'create' | 'stat, cold' | 'open, read 4 KiB' | 'write 4 KiB, fsync' | 'rename' | 'unlink'>> {
  const timed = timedBy(now)
  const work = join(vault.mountPoint, 'work')
  mkdirSync(work)
  const names = Array.from({ length: times }, (_, index) => join(work, `name-${String(index)}`))
  const each = (act: (path: string) => void): number => timed(times, () => { for (const name of names) act(name) })
  const bytes = Buffer.alloc(4096, 7)
  const use = (name: string, flags: string, act: (file: number) => void): void => {
    const file = openSync(name, flags)
    act(file)
    closeSync(file)
  }
  const rest = async (): Promise<void> => {
    await publishMoments(vault, 1)
    await atRest(vault)
    await forget(vault)
  }
  const create = each((name) => { use(name, 'wx', () => undefined) })
  await rest()
  const stat = each((name) => { lstatSync(name) })
  const write = each((name) => { use(name, 'w', (file) => { writeSync(file, bytes); fsyncSync(file) }) })
  await rest()
  const read = each((name) => { use(name, 'r', (file) => readSync(file, bytes)) })
  const rename = each((name) => { renameSync(name, `${name}.new`) })
  await rest()
  const unlink = each((name) => { unlinkSync(`${name}.new`) })
  rmSync(work, { recursive: true })
  await rest()
  return { create, 'stat, cold': stat, 'write 4 KiB, fsync': write, 'open, read 4 KiB': read, rename, unlink }
}

function listLong(folder: string): void {
  const names = readdirSync(folder)
  if (names.length !== perFolder) throw new Error('names are missing')
  for (const name of names) lstatSync(join(folder, name))
}

async function folderCosts(vault: BenchVault, now: () => number): Promise<Pick<Costs, 'lookup in 1 000' | 'list 1 000 names' | 'ls -l 1 000' | 'list .versions' | 'ls -l 1 000 in .versions'>> {
  const timed = timedBy(now)
  const [full, versions] = [join(vault.mountPoint, 'folder-0'), join(vault.mountPoint, '.versions')]
  const cold = async (count: number, work: () => void): Promise<number> => {
    await forget(vault)
    return timed(count, work)
  }
  const lookup = await cold(times, () => { for (let index = 1; index <= times; index++) lstatSync(join(full, `file-${String(index * 4)}`)) })
  const names = await cold(1, () => { readdirSync(full) })
  const long = await cold(1, () => { listLong(full) })
  let moments: string[] = []
  const list = await cold(1, () => { moments = readdirSync(versions) })
  const newest = moments.filter((name) => /^\d/.test(name)).toSorted().at(-1)
  if (newest === undefined) throw new Error('there is no moment')
  // The way to it is not what is asked about.
  lstatSync(join(versions, newest, 'folder-0'))
  const past = timed(1, () => { listLong(join(versions, newest, 'folder-0')) })
  return { 'lookup in 1 000': lookup, 'list 1 000 names': names, 'ls -l 1 000': long, 'list .versions': list, 'ls -l 1 000 in .versions': past }
}

async function publishCosts(vault: BenchVault, meter: Meter): Promise<Pick<Costs, 'publish a change' | 'snapshot'>> {
  await atRest(vault)
  const { pid } = vault.status()
  // Each begins a thread that ends with it: of those only the process knows what they took.
  const spent = meter === meters.processor ? (): number => vault.processorMs(pid) * 1000 : meter(vault)
  const cost = async (named: boolean): Promise<number> => {
    const began = spent()
    await publishMoments(vault, changesPublished, named)
    return (spent() - began) / changesPublished
  }
  const publish = await cost(false)
  await atRest(vault)
  return { 'publish a change': publish, snapshot: await cost(true) }
}

/** Processor time of the daemon for a file from nothing until it is logged, published, in catalog and past; what goes to the disk for it. */
async function lifeOfFiles(vault: BenchVault): Promise<Pick<Costs, 'a new file, to its end' | 'disk for a new file'>> {
  await atRest(vault)
  const { pid } = vault.status()
  const [spentMs, written] = [vault.processorMs(pid), writtenBy(pid)]
  const folder = join(vault.mountPoint, 'new')
  mkdirSync(folder)
  for (let file = 0; file < newFiles; file++) writeFileSync(join(folder, `file-${String(file)}`), `content ${String(file)}`)
  await publishMoments(vault, 1)
  await atRest(vault)
  const cost = { 'a new file, to its end': ((vault.processorMs(pid) - spentMs) * 1000) / newFiles, 'disk for a new file': (writtenBy(pid) - written) / newFiles }
  rmSync(folder, { recursive: true })
  return cost
}

/** The clock has the derivation of the key in it, and so has the processor time: of the command and, until then, of the daemon. */
async function mountCosts(vault: BenchVault): Promise<Pick<Costs, 'mount' | 'processor of a mount' | 'unmount' | 'resident then'>> {
  await publishMoments(vault, 1)
  await atRest(vault)
  let began = performance.now()
  vault.unmount()
  const unmount = (performance.now() - began) * 1000
  const spent = spentByChildren()
  began = performance.now()
  vault.mount()
  readdirSync(vault.mountPoint)
  const mount = (performance.now() - began) * 1000
  const ofCommand = spentByChildren() - spent
  const { pid } = vault.status()
  return { mount, 'processor of a mount': ofCommand + vault.processorMs(pid) * 1000, unmount, 'resident then': memoryOf(pid).residentMiB }
}
