// fsstress: a storm of random operations by several processes; afterwards every name has to be there once, and every file
// has to read to its size.
import { join } from 'node:path'
import type { Suite } from '../suite.js'

const processes = 8
const stormSeconds = 600

/** Lists, reads and compares; says what does not fit, and ends with 1 then. */
const walk = `cd "$1" || exit 1
find . -depth -print0 | sort -z | uniq -zd | tr '\\0' '\\n' | sed 's/^/listed twice: /' > "$2"
find . -type f -printf '%s %p\\0' | while IFS= read -r -d '' line; do
  size=$(wc -c < "\${line#* }") || { echo "unreadable: \${line#* }"; continue; }
  count=$(cat -- "\${line#* }" | wc -c)
  [ "$count" = "\${line%% *}" ] || echo "\${line#* }: of \${line%% *} bytes $count can be read, stat says $size"
done >> "$2" 2>&1
find . -type l -printf '' 2>> "$2"
cat "$2"; ! [ -s "$2" ]`

export const fsstress: Suite = {
  name: 'fsstress',
  packages: {},
  built: { variable: 'FSSTRESS', what: "a built fsstress (of xfstests' or LTP's sources)", shownBy: '' },
  needsRoot: false,
  async run(bench) {
    const operations = bench.quick ? 500 : 2000
    for (const seed of bench.quick ? [1] : [1, 2, 3]) {
      const folder = join(bench.work, `seed-${seed}`)
      await bench.execute('make', { program: 'mkdir', args: [folder] })
      await bench.check(`${processes} processes of ${operations} operations, seed ${seed}`, {
        program: bench.built, args: ['-d', folder, '-n', String(operations), '-p', String(processes), '-s', String(seed)], timeoutMs: 1_800_000,
      })
      await bench.check(`every name and file of seed ${seed}`, { program: 'bash', args: ['-c', walk, '-', folder, join(bench.logs, `walk-${seed}`)] })
      await bench.check(`all of seed ${seed} can be removed`, { program: 'rm', args: ['-rf', folder] })
    }
    if (bench.quick) return
    const storm = join(bench.work, 'storm')
    await bench.execute('make', { program: 'mkdir', args: [storm] })
    await bench.check(`${processes} processes for ${stormSeconds} s`, {
      // timeout(1) ends with 124 when the time was up, as it is to be.
      program: 'bash', args: ['-c', `timeout ${stormSeconds} "$1" -d "$2" -l 0 -n 2000 -p ${processes} -s 4; [ $? -eq 124 ]`, '-', bench.built, storm], timeoutMs: (stormSeconds + 300) * 1000,
    })
    await bench.check('every name and file of the storm', { program: 'bash', args: ['-c', walk, '-', storm, join(bench.logs, 'walk-storm')] })
    await bench.check('all of the storm can be removed', { program: 'rm', args: ['-rf', storm] })
  },
}
