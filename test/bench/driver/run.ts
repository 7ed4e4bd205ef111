// The kernel driver over a filesystem that does nothing, against C's least on libfuse 3: for each kind of operation the
// latency and the processor time of the daemon, repetitions interleaved, medians and ratios. `npm run bench:driver --
// [--times N] [--repetitions N] [--json]`. Needs root, a C compiler and libfuse3-dev, and says so.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mountAt } from '../../../bin/mount-table.js'
import { until } from '../../fault/torture/vault-rig.js'
import { projectRoot } from '../../tidy/source.js'

const { values } = parseArgs({ options: { times: { type: 'string', default: '20000' }, repetitions: { type: 'string', default: '5' }, entries: { type: 'string', default: '100000' }, json: { type: 'boolean', default: false } } })
const times = Number(values.times)
const repetitions = Number(values.repetitions)
const entries = Number(values.entries)
/** USER_HZ of Linux on every machine that we know. */
const tickNs = 10_000_000

const targets = ['libfuse 3', 'libfuse 3, threads', 'vaultfs', 'vaultfs, no polling'] as const
type Target = (typeof targets)[number]
const steps = ['create', 'stat', 'unlink', 'read4k', 'write4k', 'read1m', 'write1m', 'readdirplus'] as const
type Step = (typeof steps)[number]

interface Cost {
  /** Nanoseconds a call: until it returned, and of processor in the daemon. */
  readonly latency: number
  readonly processor: number
}

const source = join(projectRoot(import.meta.dirname), 'test/bench/driver')
const folder = mkdtempSync(join(tmpdir(), 'vaultfs-driver-'))

function compile(name: string, flags: readonly string[]): string {
  const program = join(folder, name)
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, join(source, `${name}.c`), ...flags], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} does not compile: ${stderr}`)
  return program
}

function flagsOfLibfuse(): readonly string[] {
  const { status, stdout } = spawnSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' })
  if (status !== 0) throw new Error('libfuse 3 is missing: apt-get install libfuse3-dev pkg-config')
  return stdout.trim().split(/\s+/)
}

const nullFs = compile('null-fs', flagsOfLibfuse())
const load = compile('load', [])

async function serve(target: Target, mountPoint: string): Promise<ChildProcess> {
  mkdirSync(mountPoint, { recursive: true })
  const words: readonly string[] = target === 'libfuse 3' ? [nullFs, mountPoint]
    : target === 'libfuse 3, threads' ? [nullFs, mountPoint, 'threads']
      : [process.execPath, join(import.meta.dirname, 'null-mount.js'), mountPoint, target === 'vaultfs' ? '50' : '0']
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
  await until(() => mountAt(mountPoint) !== undefined, `${target} does not mount`)
  return child
}

/** Ticks of all threads. */
function processorTicks(pid: number): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function measure(child: ChildProcess, step: Step, mountPoint: string): Promise<Cost> {
  const count = step === 'readdirplus' ? entries : step.endsWith('1m') ? Math.ceil(times / 10) : times
  const before = processorTicks(child.pid ?? 0)
  const began = performance.now()
  const latency = await new Promise<number>((resolve, reject) => {
    const run = spawn(load, [step, mountPoint, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    run.stdout.on('data', (piece: Buffer) => { text += piece.toString() })
    run.once('close', (code) => { if (code === 0) resolve(Number(text)); else reject(new Error(`${step} ended with ${String(code)} after ${String(Math.round(performance.now() - began))} ms`)) })
  })
  return { latency, processor: ((processorTicks(child.pid ?? 0) - before) * tickNs) / count }
}

const found = new Map<string, Cost[]>()
function note(target: Target, step: Step, cost: Cost): void {
  const key = `${target}/${step}`
  found.set(key, [...(found.get(key) ?? []), cost])
}

function median(target: Target, step: Step): Cost {
  const all = found.get(`${target}/${step}`) ?? []
  const middle = (of: (cost: Cost) => number): number => all.map(of).toSorted((one, other) => one - other)[all.length >> 1] ?? NaN
  return { latency: middle((cost) => cost.latency), processor: middle((cost) => cost.processor) }
}

function forgetNames(): void {
  // Names that the kernel holds would be answered by it.
  spawnSync('sh', ['-c', 'echo 2 > /proc/sys/vm/drop_caches'])
}

async function once(target: Target, index: number): Promise<void> {
  const mountPoint = join(folder, `mount-${String(index)}`)
  const child = await serve(target, mountPoint)
  try {
    for (const step of steps.filter((each) => each !== 'readdirplus')) {
      if (step === 'stat') forgetNames()
      note(target, step, await measure(child, step, mountPoint))
    }
    // The hundred thousand names are made without being counted.
    const made = spawnSync(load, ['create', mountPoint, String(entries)], { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(made.stderr)
    forgetNames()
    note(target, 'readdirplus', await measure(child, 'readdirplus', mountPoint))
  } finally {
    spawnSync('umount', [mountPoint])
    await until(() => child.exitCode !== null || child.signalCode !== null, `${target} does not end`).catch(() => child.kill('SIGKILL'))
  }
}

const order = targets.flatMap((target, index) => ({ target, index }))
for (let repetition = 0; repetition < repetitions; repetition++) for (const { target, index } of order) await once(target, index)
rmSync(folder, { recursive: true, force: true })

if (values.json) {
  console.log(JSON.stringify(Object.fromEntries(targets.map((target) => [target, Object.fromEntries(steps.map((step) => [step, median(target, step)]))])), null, 2))
} else {
  console.log(`${cpus()[0]?.model ?? ''}, ${String(availableParallelism())} processors, Linux ${release()}, Node ${process.version}, load ${(loadavg()[0] ?? 0).toFixed(1)}; medians of ${String(repetitions)}\n`)
  console.log(`| µs a call, processor µs | ${targets.join(' | ')} | latency, vaultfs ÷ libfuse 3 | processor ÷ |`)
  console.log(`|---|${targets.map(() => '---|').join('')}---|---|`)
  const base: Target = 'libfuse 3'
  for (const step of steps) {
    const cells = targets.map((target) => median(target, step)).map(({ latency, processor }) => `${(latency / 1000).toFixed(1)}, ${(processor / 1000).toFixed(1)}`)
    const [own, other] = [median('vaultfs', step), median(base, step)]
    const quiet = median('vaultfs, no polling', step)
    console.log(`| ${step} | ${cells.join(' | ')} | ${(own.latency / other.latency).toFixed(2)} | ${(quiet.processor / other.processor).toFixed(2)} |`)
  }
}
