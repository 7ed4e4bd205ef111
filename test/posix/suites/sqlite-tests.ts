// SQLite's own test suite, run with its databases on the mount: locking, journals, WAL with shared memory, mapped files,
// and what is left by a client that died.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { lastLine } from '../bench.js'
import type { Suite } from '../suite.js'

const quick = ['lock', 'wal', 'pager1', 'shared', 'journal1', 'walcrash2', 'mmap1']
const usual = [
  ...quick, 'lock2', 'lock3', 'lock4', 'lock5', 'lock6', 'lock7', 'wal2', 'wal3', 'wal4', 'wal5', 'wal6', 'wal8', 'walmode', 'walshared', 'walslow', 'walthread', 'walcrash', 'walbak',
  'pager2', 'pager3', 'journal2', 'journal3', 'jrnlmode', 'jrnlmode2', 'mmap2', 'mmap3', 'mmap4', 'crash', 'crash2', 'crash5', 'crash8', 'savepoint6', 'backup', 'backup2', 'backup4', 'vacuum',
  'vacuum2', 'incrvacuum', 'incrvacuum2', 'bigfile', 'bigfile2', 'exclusive', 'exclusive2', 'multiplex', 'tempdb', 'temptable', 'thread1', 'thread2', 'zerodamage', 'superlock', 'syscall',
  'symlink', 'symlink2', 'sync', 'sync2', 'io', 'nolock', 'delete_db', 'cksumvfs', 'stmtvtab1', 'memdb1', 'corrupt', 'corrupt2', 'rollback', 'trans', 'trans2', 'trans3', 'attach', 'attach2',
]

export const sqliteTests: Suite = {
  name: 'sqlite-tests',
  packages: {},
  built: { variable: 'SQLITE_TEST', what: "testfixture in SQLite's built tree", shownBy: '' },
  needsRoot: false,
  async run(bench) {
    const tests = testsOf(dirname(bench.built))
    for (const name of (bench.quick ? quick : usual).filter((each) => bench.wants(each))) {
      bench.at(name)
      const file = join(tests, `${name}.test`)
      const { output, why } = await bench.execute(name, {
        program: 'bash', args: ['-c', '[ -e "$3" ] || exit 97; mkdir "$1" && cd "$1" && exec "$2" "$3"', '-', join(bench.work, name), bench.built, file], timeoutMs: 1_800_000,
      })
      const text = output()
      const count = /^(\d+) errors out of \d+ tests/m.exec(text)?.[1]
      if (count === '0' && why === undefined) bench.passed(name)
      else if (why === 'exit code 97') bench.skipped(name, 'this version of SQLite has no such test')
      else bench.failed(name, /^!? ?(Failures on these tests|!Failures).*$/m.exec(text)?.[0]?.slice(0, 200) ?? `${why ?? ''} ${lastLine(text)}`)
      await bench.execute('remove-one', { program: 'rm', args: ['-rf', join(bench.work, name)] })
    }
  },
}

/** A tree may be built in another folder, whose Makefile knows where the sources are. */
function testsOf(folder: string): string {
  const makefile = join(folder, 'Makefile')
  const beside = join(folder, 'test')
  if (existsSync(beside) || !existsSync(makefile)) return beside
  const top = /^TOP *= *(.+)$/m.exec(readFileSync(makefile, 'utf8'))?.[1] ?? ''
  return join(resolve(folder, top), 'test')
}
