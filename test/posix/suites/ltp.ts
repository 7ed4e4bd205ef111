// LTP: its list `fs`, and those of its list `syscalls` that are about files, each in a folder on the mount. Tests that make
// filesystems of their own on loop devices say nothing about the mount and are left out.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastLine } from '../bench.js'
import type { Bench, Suite } from '../suite.js'

/** Of the list `fs`: those that need other filesystems, read the whole of /dev, /proc and /sys, or test none. */
const elsewhere = /^(binfmt_misc|isofs|squashfs|quota_remount|proc01|read_all|fs_fill)/
const aboutFiles = /^(access|chdir|chmod|chown|close_range|close0|copy_file_range|creat|dup|faccessat|fadvise|posix_fadvise|fallocate|fchdir|fchmod|fchmodat|fchown|fchownat|fcntl|fdatasync|fgetxattr|flistxattr|flock|fremovexattr|fsetxattr|fstat|fstatat|fstatfs|fsync|ftruncate|futimesat|getcwd|getdents|getxattr|inotify|io_|lchown|lgetxattr|link|linkat|listxattr|llistxattr|lremovexattr|lseek|llseek|lstat|mkdir|mkdirat|mknod|mknodat|mmap|msync|munmap|name_to_handle_at|open|openat|open_by_handle_at|pread|preadv|pwrite|pwritev|read|readahead|readdir|readlink|readlinkat|readv|removexattr|rename|renameat|rmdir|sendfile|setxattr|splice|stat|statfs|statvfs|statx|symlink|symlinkat|sync|sync_file_range|syncfs|tee|truncate|umask|unlink|unlinkat|utime|utimes|utimensat|vmsplice|write|writev)\d*(_\d+|_64|_16)?( |$)/
const usesDevice = /needs_device|mount_device|format_device|needs_rofs|all_filesystems|needs_hugetlbfs/
const verdicts = { fail: 1, broken: 2, notHere: 32 } as const

export const ltp: Suite = {
  name: 'ltp',
  packages: {},
  built: { variable: 'LTP', what: 'an installed tree of LTP (make install)', shownBy: 'testcases/bin/growfiles' },
  needsRoot: true,
  async run(bench) {
    const lines = (list: string): string[] => readFileSync(join(bench.built, 'runtest', list), 'utf8').split('\n').filter((line) => /^\w/.test(line))
    const chosen = [
      ...lines('fs').filter((line) => !elsewhere.test(line)),
      ...lines('syscalls').filter((line) => aboutFiles.test(`${line.split(/\s+/)[0] ?? ''} `)),
    ]
    const described = descriptions(bench.built)
    for (const line of chosen.filter((each) => bench.wants(each))) await runLine(bench, line, described)
  },
}

/** What the tests say of themselves, where LTP was installed with it. */
function descriptions(built: string): ReadonlyMap<string, string> {
  const path = join(built, 'metadata/ltp.json')
  if (!existsSync(path)) return new Map()
  const { tests }: { tests?: Readonly<Record<string, unknown>> } = JSON.parse(readFileSync(path, 'utf8'))
  return new Map(Object.entries(tests ?? {}).map(([name, value]) => [name, JSON.stringify(value)]))
}

async function runLine(bench: Bench, line: string, described: ReadonlyMap<string, string>): Promise<void> {
  const [name = '', ...words] = line.split(/\s+/)
  const program = words[0] ?? ''
  bench.at(name)
  if (usesDevice.test(described.get(program) ?? '')) return bench.skipped(name, 'it makes filesystems of its own')
  const seconds = bench.quick ? 2 : 10
  // growfiles and rwtest run for a given time.
  const command = line.slice(name.length).trim().replace(/ -L \d+/g, ` -L ${seconds}`).replace(/ -i \d+s/g, ` -i ${seconds}s`)
  const folder = join(bench.work, name)
  const env = { ...bench.env, LTPROOT: bench.built, TMPDIR: folder, PATH: `${join(bench.built, 'testcases/bin')}:${bench.env['PATH'] ?? ''}`, LTP_COLORIZE_OUTPUT: '0', KCONFIG_SKIP_CHECK: '1' }
  const { code, why, output } = await bench.execute(name, { program: 'bash', args: ['-c', `mkdir -m 1777 "$TMPDIR" && cd "$TMPDIR" && { ${command}\n}`], env, timeoutMs: 600_000 })
  const text = output()
  const said = /^.*\b(TFAIL|TBROK)\b.*$/m.exec(text)?.[0].slice(0, 200)
  if (code === 127) bench.skipped(name, 'it was not built')
  else if (code === null || (code & (verdicts.fail | verdicts.broken)) !== 0) bench.failed(name, said ?? `${why ?? ''} ${lastLine(text)}`)
  else if (code === verdicts.notHere) bench.skipped(name, /^.*\bTCONF\b.*$/m.exec(text)?.[0].slice(0, 200) ?? '')
  else bench.passed(name)
  await bench.execute('remove-one', { program: 'rm', args: ['-rf', folder] })
}
