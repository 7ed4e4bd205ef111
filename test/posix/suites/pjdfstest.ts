// pjdfstest: what POSIX says of each system call on names and attributes, with several users. Files run side by side (most
// of their time they sleep), each in a folder of its own; their TAP is read here.
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Bench, Suite } from '../suite.js'
import { readTap } from '../tap-output.js'

/** One file alone has thousands of tests. */
const fileMsMax = 3_600_000
const sideBySide = Math.max(4, 2 * availableParallelism())

export const pjdfstest: Suite = {
  name: 'pjdfstest',
  packages: { perl: 'perl', openssl: 'openssl', bc: 'bc' },
  built: { variable: 'PJDFSTEST', what: 'a built tree of pjdfstest', shownBy: 'pjdfstest' },
  needsRoot: true,
  async run(bench) {
    const tests = join(bench.built, 'tests')
    const files = readdirSync(tests, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readdirSync(join(tests, name)).filter((file) => file.endsWith('.t')).map((file) => `${name}/${file}`))
      .filter((file) => bench.wants(file))
      .sort()
    const queue = [...files]
    let done = 0
    const worker = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        await runFile(bench, tests, file)
        done++
        bench.at(`${done} of ${files.length} files`)
      }
    }
    await Promise.all(Array.from({ length: sideBySide }, worker))
  },
}

async function runFile(bench: Bench, tests: string, file: string): Promise<void> {
  const folder = join(bench.work, file.replace('/', '-'))
  // The program looks for itself above its own path, so it is called by that.
  const script = 'mkdir "$1" && cd "$1" && exec bash "$2" 2>/dev/null'
  const { output, why } = await bench.execute(file, { program: 'bash', args: ['-c', script, '-', folder, join(tests, file)], timeoutMs: fileMsMax })
  const { results, planned } = readTap(output())
  for (const { number, ok, todo, text } of results) {
    const name = `${file} ${number}`
    if (todo) bench.skipped(name, text)
    else if (ok) bench.passed(name)
    else bench.failed(name, text)
  }
  if (planned === undefined || results.length < planned) bench.failed(`${file} to its end`, `${results.length} of ${planned ?? 'unknown'} tests were told of; ${why ?? ''}`)
  await bench.execute('remove-one', { program: 'rm', args: ['-rf', folder] })
}
