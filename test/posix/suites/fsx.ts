// fsx: random reads, writes, truncations, mappings, holes and copies of one file, each compared with what it has to hold.
// Ten profiles, each with a seed of its own.
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../suite.js'

/** fsx asks by itself which kinds of fallocate, clone and copy there are, and leaves out what is refused. */
const noRanges = ['-F', '-H', '-z', '-C', '-I']
const small = ['-l', '262144', '-o', '65536']
const onPages = ['-l', '1048576', '-o', '65536', '-r', '4096', '-w', '4096', '-t', '4096']
const noMappings = ['-W', '-R']

const profiles: Readonly<Record<string, readonly string[]>> = {
  'everything': small,
  'no fallocate': [...small, ...noRanges],
  'reads, writes, truncations only': [...small, ...noRanges, ...noMappings, '-E', '-J', '-B', '-0'],
  'closed and opened again': [...small, '-c', '20'],
  'odd sizes': ['-l', '1048577', '-o', '131073'],
  'whole pages': onPages,
  'a big file': ['-l', '67108864', '-o', '1048576'],
  'fsync after each': [...small, '-f'],
  'a tiny file': ['-l', '5000', '-o', '700'],
  'direct I/O': [...onPages, '-Z', ...noMappings, ...noRanges],
}

export const fsx: Suite = {
  name: 'fsx',
  packages: {},
  built: { variable: 'FSX', what: "a built fsx (of xfstests' or LTP's sources)", shownBy: '' },
  needsRoot: false,
  async run(bench) {
    const operations = bench.quick ? 2000 : 20_000
    const file = join(bench.work, 'file')
    for (const [at, [profile, args]] of Object.entries(profiles).entries()) {
      if (!bench.wants(profile)) continue
      const held = await bench.check(profile, { program: bench.built, args: ['-q', '-N', String(operations), '-S', String(at + 1), ...args, file] })
      const history = `${file}.fsxlog`
      if (!held && existsSync(history)) copyFileSync(history, join(bench.logs, `${profile.replace(/\W+/g, '_')}.fsxlog`))
      await bench.execute('remove-files', { program: 'bash', args: ['-c', 'rm -f "$1"*', '-', file] })
    }
  },
}
