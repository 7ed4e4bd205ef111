// SQLite in each journal mode: three processes write at once, a client is killed in its middle, and WAL shares memory by
// mapped files; afterwards everything has to be sound.
import { join } from 'node:path'
import type { Bench, Suite } from '../suite.js'

const program = join(import.meta.dirname, '../programs/sqlite-client.js')
const modes = ['delete', 'truncate', 'persist', 'memory', 'wal']
/** What a kill may interrupt: with a journal in memory SQLite promises nothing. */
const durableModes = ['delete', 'truncate', 'persist', 'wal']

export const sqlite: Suite = {
  name: 'sqlite',
  packages: { sqlite3: 'sqlite3' },
  needsRoot: false,
  async run(bench) {
    for (const mode of modes) await threeWriters(bench, mode)
    for (const mode of durableModes) for (const at of bench.quick ? [1] : [1, 2, 3]) await killed(bench, mode, at)
    const [source, copy] = [join(bench.work, 'wal.db'), join(bench.work, 'copy.db')]
    await bench.check('wal: its files are gone after the last close', { program: 'bash', args: ['-c', '[ ! -e "$1-wal" ] && [ ! -e "$1-shm" ]', '-', source] })
    await bench.check('backup', { program: 'sqlite3', args: [source, `.backup '${copy}'`] })
    await bench.check('the backup is sound', client('judge', copy, 'wal'))
    await bench.check('vacuum', { program: 'sqlite3', args: [source, 'vacuum'] })
    await bench.check('sound after vacuum', client('judge', source, 'wal'))
  },
}

const client = (...args: readonly string[]) => ({ program: process.execPath, args: ['--disable-warning=ExperimentalWarning', program, ...args] })

async function threeWriters(bench: Bench, mode: string): Promise<void> {
  const file = join(bench.work, `${mode}.db`)
  await bench.check(`${mode}: made`, client('make', file, mode))
  const count = bench.quick ? '15' : '60'
  await Promise.all(['1', '2', '3'].map((seed) => bench.check(`${mode}: writer ${seed}`, client('work', file, mode, count, seed))))
  await bench.check(`${mode}: sound after three writers`, client('judge', file, mode))
}

async function killed(bench: Bench, mode: string, at: number): Promise<void> {
  const file = join(bench.work, `killed-${mode}-${at}.db`)
  await bench.execute('make', client('make', file, mode))
  // Some time in its middle: the execution's limit kills it, at another moment in each run.
  await bench.execute('killed', { ...client('work', file, mode, '1000000', String(at), 'full'), timeoutMs: 700 + at * 313 })
  await bench.check(`${mode}: sound after a client was killed (${at})`, client('judge', file, mode))
}
