// libfuse's own test_syscalls: what each system call answers and leaves behind.
import type { Suite } from '../suite.js'

export const testSyscalls: Suite = {
  name: 'test-syscalls',
  packages: {},
  built: { variable: 'TEST_SYSCALLS', what: "test_syscalls of libfuse's built tree (build/test/test_syscalls)", shownBy: '' },
  needsRoot: false,
  async run(bench) {
    const { output, why } = await bench.execute('test_syscalls', { program: bench.built, args: [bench.work] })
    // "+ 0.001s  1 [create] OK": newer ones have the time and a line with START before; a complaint stands in place of OK.
    const said = new Map<string, string>()
    for (const line of output().split('\n')) {
      const test = /(\d+ \[.*?\]) ?(.*)$/.exec(line)
      const [, name = '', what = ''] = test ?? []
      if (test === null || (said.has(name) && said.get(name) !== 'START')) continue
      said.set(name, what)
    }
    const last = [...said.keys()].at(-1)
    for (const [name, what] of said) {
      if (what === 'OK') bench.passed(name)
      else if (what.startsWith('SKIP')) bench.skipped(name, what)
      else if (what !== 'START') bench.failed(name, what.slice(0, 200))
      else if (name === last) bench.failed(name, 'it did not end')
      else bench.skipped(name, 'it ended without a word: what it needs is not supported')
    }
    if (why !== undefined && [...said.values()].every((what) => /^(OK|SKIP|START)/.test(what))) bench.failed('exit code', why)
    if (said.size === 0) bench.failed('the program says what it tests', output().slice(0, 200))
  },
}
