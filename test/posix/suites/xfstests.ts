// xfstests' group generic/quick with FSTYP=fuse. It mounts and unmounts all the time, so it gets two vaults of its own,
// beside the one of the other suites. A test that lasts too long is ended, and has failed.
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { findMount } from '../../../native-deps/fuse/mount-table.js'
import { lastLine } from '../bench.js'
import type { Bench, Suite } from '../suite.js'
import { commandOf, descendants } from '../process-tree.js'
import { makeFrame } from '../xfstests-mount.js'
import { currentTest, readVerdicts } from '../xfstests-output.js'

/** generic/748 starts 15 000 programs, generic/366 starts fio 32 times: they take some minutes on any filesystem. */
const testMsMax = 600_000
const lookMs = 1000
const users = ['fsgqa', 'fsgqa2', '123456-fsgqa']

export const xfstests: Suite = {
  name: 'xfstests',
  packages: { attr: 'attr', setfacl: 'acl', bc: 'bc', gawk: 'gawk', capsh: 'libcap2-bin', accton: 'acct', xfs_io: 'xfsprogs', perl: 'perl', useradd: 'passwd', indent: 'indent' },
  built: { variable: 'XFSTESTS', what: 'a built tree of xfstests', shownBy: 'ltp/fsx' },
  needsRoot: true,
  mountsItself: true,
  async run(bench) {
    for (const user of users) await bench.execute(`user-${user}`, { program: 'useradd', args: ['-m', '-s', '/bin/bash', '--badname', user] })
    const folder = join(bench.logs, 'frame')
    mkdirSync(folder, { recursive: true })
    const frame = makeFrame({ folder, disk: join(bench.mountPoint, '../disk/xfstests'), vaultfs: bench.vaultfs }, bench.driver)
    const env = { ...bench.env, HOST_OPTIONS: frame.config }
    try {
      const tests = chosen(bench)
      if (tests.length === 0) return bench.failed('the group generic/quick', 'nothing of what was asked for is in it')
      const overrun = new Set<string>()
      const { output } = await check(bench, env, tests, overrun)
      const verdicts = readVerdicts(output())
      if (verdicts.length === 0) bench.failed('check begins', lastLine(output()))
      for (const { test, verdict, why } of verdicts) {
        if (overrun.has(test)) bench.failed(test, `ended after ${testMsMax / 1000} s`)
        else bench[verdict](test, why)
      }
    } finally {
      for (const mountPoint of frame.mountPoints)
        while (findMount(mountPoint) !== undefined) if ((await bench.execute('unmount', { program: 'umount', args: ['-l', mountPoint] })).why !== undefined) break
      frame.remove()
    }
  },
}

/** All of the group, or each eighth. */
function chosen(bench: Bench): readonly string[] {
  const lines = readFileSync(join(bench.built, 'tests/generic/group.list'), 'utf8').split('\n').map((line) => line.split(/\s+/))
  const tests = lines.flatMap(([number = '', ...groups]) => (/^\d+$/.test(number) && groups.includes('quick') ? [`generic/${number}`] : [])).filter((test) => bench.wants(test))
  return bench.quick ? tests.filter((_, at) => at % 8 === 0) : tests
}

async function check(bench: Bench, env: Bench['env'], tests: readonly string[], overrun: Set<string>) {
  let [program, now, sinceMs] = [0, '', performance.now()]
  let seen = 0
  const timer = setInterval(() => {
    const test = currentTest(tailOf(join(bench.logs, 'check'))) ?? ''
    if (test !== now) [now, sinceMs, seen] = [test, performance.now(), seen + 1]
    bench.at(`${now}, the ${seen}th`)
    if (performance.now() - sinceMs < testMsMax) return
    sinceMs = performance.now()
    overrun.add(now)
    for (const pid of descendants(program)) if (!commandOf(pid).includes('./check')) kill(pid)
  }, lookMs)
  try {
    return await bench.execute('check', {
      program: './check', args: ['-fuse', ...tests], cwd: bench.built, env, timeoutMs: 4 * 3_600_000, onStart: (pid) => { program = pid },
    })
  } finally {
    clearInterval(timer)
  }
}

function tailOf(path: string): string {
  try {
    const fd = openSync(path, 'r')
    const buffer = Buffer.alloc(8192)
    const length = readSync(fd, buffer, 0, buffer.length, Math.max(0, fstatSync(fd).size - buffer.length))
    closeSync(fd)
    return buffer.toString('latin1', 0, length)
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}
