// git's own test suite, with its trash folders on the mount: those scripts that lean on the filesystem.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../suite.js'
import { readTap } from '../tap-output.js'

/** Repositories, configuration under locks, refs, packs, work trees, clones, status with and without the index's cache. */
const quick = ['t0000', 't0001', 't1300', 't1400', 't1450', 't2000', 't3200', 't3903', 't5300', 't5601', 't7508']
const usual = [
  ...quick, 't0003', 't0021', 't0027', 't0050', 't0060', 't0070', 't0090', 't1006', 't1020', 't1092', 't1301', 't1308', 't1410', 't1500', 't1501', 't1700', 't2004', 't2013',
  't2021', 't2060', 't2200', 't2400', 't2401', 't3000', 't3001', 't3005', 't3400', 't3404', 't3501', 't3600', 't3700', 't3701', 't4000', 't4013', 't4015', 't5000', 't5302', 't5304',
  't5310', 't5318', 't5319', 't5400', 't5500', 't5510', 't5516', 't5604', 't6030', 't6120', 't6300', 't6500', 't7001', 't7060', 't7063', 't7101', 't7201', 't7300', 't7400', 't7406', 't7501',
  't7502', 't7519', 't7600', 't7610', 't7700', 't7800', 't7900', 't9300', 't9350',
]

export const gitTests: Suite = {
  name: 'git-tests',
  packages: { perl: 'perl' },
  built: { variable: 'GIT_TESTS', what: 'a built tree of git', shownBy: 'GIT-BUILD-OPTIONS' },
  needsRoot: false,
  async run(bench) {
    const folder = join(bench.built, 't')
    const scripts = readdirSync(folder).filter((name) => /^t\d{4}-.*\.sh$/.test(name))
    const wanted = new Set(bench.quick ? quick : usual)
    for (const script of scripts.filter((name) => wanted.has(name.slice(0, 5)) && bench.wants(name)).sort()) {
      bench.at(script)
      const results = join(bench.logs, 'results')
      const env = { ...bench.env, TEST_OUTPUT_DIRECTORY: results, GIT_TEST_OPTS: undefined }
      const { output, why } = await bench.execute(script, {
        program: 'bash', args: ['-c', 'mkdir -p "$1" && cd "$2" && exec ./"$3" --root="$4"', '-', results, folder, script, bench.work], env, timeoutMs: 1_800_000,
      })
      const { results: tests } = readTap(output())
      const failed = tests.filter(({ ok, todo }) => !ok && !todo)
      if (why === undefined) bench.passed(script)
      else bench.failed(script, failed.length === 0 ? why : failed.map(({ number, text }) => `${number} ${text}`).join('; ').slice(0, 300))
    }
  },
}
