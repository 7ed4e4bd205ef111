// stress-ng's class of filesystem stressors, each verifying what it does, one after another.
import { lastLine } from '../bench.js'
import type { Bench, Suite } from '../suite.js'

const workers = 2
/** Of the class, but not about the filesystem of --temp-path: they mount others, need a block device, or use none. */
const elsewhere: Readonly<Record<string, string>> = {
  'bind-mount': 'makes bind mounts of the root', binderfs: 'mounts binderfs', eventfd: 'opens no file', fanotify: 'marks whole mounts', ioprio: 'sets priorities only', procfs: 'reads /proc',
  ramfs: 'mounts ramfs', umount: 'mounts ramfs', quota: 'asks about block devices', swap: 'makes swap files', 'dev-shm': 'uses /dev/shm', sysfs: 'reads /sys',
}
/** Sizes that a vault on a loop image of 4 GiB has room for. */
const sizes: Readonly<Record<string, readonly string[]>> = {
  hdd: ['--hdd-bytes', '16m'], 'copy-file': ['--copy-file-bytes', '128m'], iomix: ['--iomix-bytes', '16m'], fallocate: ['--fallocate-bytes', '16m'], seek: ['--seek-size', '8m'],
  'sync-file': ['--sync-file-bytes', '8m'], readahead: ['--readahead-bytes', '16m'], revio: ['--revio-bytes', '16m'],
}

export const stressNg: Suite = {
  name: 'stress-ng',
  packages: { 'stress-ng': 'stress-ng' },
  needsRoot: false,
  async run(bench) {
    const { output } = await bench.execute('class', { program: 'stress-ng', args: ['--class', 'filesystem?'] })
    const names = (/class 'filesystem' stressors: (.*)/.exec(output())?.[1] ?? '').split(/\s+/).filter((name) => name !== '')
    if (names.length === 0) return bench.failed('stress-ng names its filesystem stressors', lastLine(output()))
    for (const name of names.filter((each) => bench.wants(each))) {
      const why = elsewhere[name]
      if (why === undefined) await stress(bench, name)
      else bench.skipped(name, why)
    }
  },
}

async function stress(bench: Bench, name: string): Promise<void> {
  bench.at(name)
  const seconds = bench.quick ? 2 : 5
  const { code, why, output } = await bench.execute(name, {
    program: 'stress-ng',
    args: ['--temp-path', bench.work, '--verify', '--metrics', `--${name}`, String(workers), '--timeout', `${seconds}s`, ...(sizes[name] ?? [])],
    timeoutMs: (seconds * 6 + 120) * 1000,
  })
  const said = /^.*(?:fail:|error:|unsuccessful).*$/m.exec(output())?.[0] ?? ''
  // 3: no resources; 4: not implemented here.
  if (code === 0) bench.passed(name)
  else if (code === 3 || code === 4) bench.skipped(name, lastLine(output()))
  else bench.failed(name, `${why ?? ''} ${said.slice(0, 200)}`)
}
